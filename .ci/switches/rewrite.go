package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// rewriter writes one file anew.
type rewriter struct {
	pkg     *pkg
	src     []byte
	byPlace map[string][]*mutant
	imports map[*types.Package]bool // which the file can name
	// constant is the type of the constant expression that is being written, as its parts have none; else empty.
	constant string
}

func (r *rewriter) offset(at token.Pos) int { return r.pkg.set.Position(at).Offset }

// mutants are those of the operator at a position.
func (r *rewriter) mutants(at token.Pos) []*mutant { return r.byPlace[r.pkg.place(at)] }

// text is the source from a position to another, with all operators within a node that have mutants rewritten.
func (r *rewriter) text(from, to token.Pos, within ast.Node) string {
	var b strings.Builder
	at := r.offset(from)
	ast.Inspect(within, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			return false // never covered, and no function may stand there
		}
		if n == nil || n == within {
			return true
		}
		if _, ok := n.(*ast.ArrayType); ok {
			return false // whose length must be a constant
		}
		if text, ok := r.rewritten(n); ok {
			b.Write(r.src[at:r.offset(n.Pos())])
			b.WriteString(text)
			at = r.offset(n.End())
			return false
		}
		return true
	})
	b.Write(r.src[at:r.offset(to)])
	return b.String()
}

// node is the text of a node with all that is in it rewritten, itself included.
func (r *rewriter) node(n ast.Node) string {
	if text, ok := r.rewritten(n); ok {
		return text
	}
	return r.text(n.Pos(), n.End(), n)
}

// rewritten is the text of a node whose operator has mutants.
func (r *rewriter) rewritten(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if ms := r.mutants(n.OpPos); len(ms) > 0 {
			if _, isComparison := changed["CONDITIONALS_NEGATION"][n.Op]; isComparison {
				return r.comparison(n, ms), true
			}
			return r.arithmetic(n, ms)
		}
	case *ast.UnaryExpr:
		if ms := r.mutants(n.OpPos); len(ms) > 0 && n.Op == token.SUB {
			if kind, ok := r.typeName(n); ok {
				return choose(kind, n.Op, "", r.node(n.X), ms), true
			}
		}
	case *ast.IncDecStmt:
		if ms := r.mutants(n.TokPos); len(ms) > 0 {
			return r.step(n, ms)
		}
	}
	return "", false
}

// comparison is an expression rather than the call of a function, which fits wherever the original did.
func (r *rewriter) comparison(n *ast.BinaryExpr, ms []*mutant) string {
	x, y := r.node(n.X), r.node(n.Y)
	original, others := "", ""
	for _, m := range ms {
		m.built = true
		original += fmt.Sprintf("chosenMutant != %d && ", m.number)
		others += fmt.Sprintf(" || chosenMutant == %d && (%s %s %s)", m.number, x, changed[m.kind][n.Op], y)
	}
	return fmt.Sprintf("(%s(%s %s %s)%s)", original, x, n.Op, y, others)
}

func (r *rewriter) arithmetic(n *ast.BinaryExpr, ms []*mutant) (string, bool) {
	if v := r.pkg.info.Types[n.Y].Value; v != nil && n.Op == token.MUL && constant.Sign(v) == 0 {
		return "", false // no division by a constant 0 can be built
	}
	kind, ok := r.typeName(n)
	if !ok {
		return "", false
	}
	before := r.constant
	if r.constant = ""; r.pkg.info.Types[n].Value != nil {
		r.constant = kind
	}
	x, y := r.node(n.X), r.node(n.Y)
	r.constant = before
	return choose(kind, n.Op, x, y, ms), true
}

// choose is a call of a function that chooses the operator; x is empty if there is one operand.
func choose(kind string, op token.Token, x, y string, ms []*mutant) string {
	if x != "" {
		x = "(" + x + ")"
	}
	text := "func() " + kind + " { "
	for _, m := range ms {
		m.built = true
		text += fmt.Sprintf("if chosenMutant == %d { return %s %s (%s) }; ", m.number, x, changed[m.kind][op], y)
	}
	return fmt.Sprintf("%sreturn %s %s (%s) }()", text, x, op, y)
}

// step is a statement that may stand in a for clause.
func (r *rewriter) step(n *ast.IncDecStmt, ms []*mutant) (string, bool) {
	kind, ok := r.typeName(n.X)
	if !ok || r.pkg.info.TypeOf(n.X).Underlying().(*types.Basic).Info()&types.IsInteger == 0 {
		return "", false
	}
	one, other := "1", "^"+kind+"(0)" // -1, of unsigned types, too
	if n.Tok == token.DEC {
		one, other = other, one
	}
	ms[0].built = true
	return fmt.Sprintf("%s += func() %s { if chosenMutant == %d { return %s }; return %s }()", r.node(n.X), kind, ms[0].number, other, one), true
}

// typeName is an expression's type as the file can write it. Not ok: it is no number, or of a package that the file
// does not import.
func (r *rewriter) typeName(e ast.Expr) (name string, ok bool) {
	ok = true
	t := r.pkg.info.TypeOf(e)
	if basic, isBasic := t.(*types.Basic); isBasic && basic.Info()&types.IsUntyped != 0 && r.constant != "" {
		return r.constant, true
	}
	t = types.Default(t)
	if basic, isBasic := t.Underlying().(*types.Basic); !isBasic || basic.Info()&types.IsNumeric == 0 {
		return "", false
	}
	name = types.TypeString(t, func(of *types.Package) string {
		if of == r.pkg.types {
			return ""
		}
		ok = ok && r.imports[of]
		return of.Name()
	})
	return name, ok
}
