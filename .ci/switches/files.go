package main

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
)

// mutants are those of the files whose names match a pattern.
func (p *pkg) mutants(pattern string) (all []*mutant) {
	var names []string
	for path := range p.files {
		if ok, err := filepath.Match(pattern, filepath.Base(path)); err != nil {
			fail(err)
		} else if ok {
			names = append(names, path)
		}
	}
	slices.Sort(names)
	add := func(kind string, at token.Pos) {
		all = append(all, &mutant{number: len(all) + 1, kind: kind, place: p.place(at)})
	}
	for _, name := range names {
		ast.Inspect(p.files[name], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				for _, kind := range binaryKinds {
					if _, ok := changed[kind][n.Op]; ok {
						add(kind, n.OpPos)
					}
				}
			case *ast.UnaryExpr:
				if n.Op == token.SUB {
					add("INVERT_NEGATIVES", n.OpPos)
				}
			case *ast.IncDecStmt:
				add("INCREMENT_DECREMENT", n.TokPos)
			}
			return true
		})
	}
	return all
}

// binaryKinds are what is changed of operators that have two operands.
var binaryKinds = []string{"CONDITIONALS_BOUNDARY", "CONDITIONALS_NEGATION", "ARITHMETIC_BASE"}
