package encode

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAddressesAreMadeInCalls wants every conversion of a pointer to an address to stand in
// the argument list of turboCall.do: elsewhere nothing keeps the memory alive.
func TestAddressesAreMadeInCalls(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	conversions := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, path, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		var arguments []ast.Expr // of all calls of turboCall.do
		ast.Inspect(syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch function := call.Fun.(type) {
			case *ast.SelectorExpr:
				if function.Sel.Name == "do" {
					arguments = append(arguments, call.Args...)
				}
			case *ast.Ident:
				if function.Name == "uintptr" && isPointerConversion(call.Args[0]) {
					if conversions++; !slices.Contains(arguments, ast.Expr(call)) {
						t.Errorf("%v: the address of a pointer is not made in the argument list of turboCall.do", files.Position(call.Pos()))
					}
				}
			}
			return true
		})
	}
	if conversions == 0 {
		t.Error("no conversions are found: the test looks for the wrong thing")
	}
}

func isPointerConversion(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	return ok && function.Sel.Name == "Pointer"
}
