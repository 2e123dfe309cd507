package loop_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house, which no compiler knows: a handler that waits makes
// everybody wait, and a folder that learns what is none of its business can no longer
// be used without the rest.

const module = "github.com/camcast/camcast/"

// sourceFile is a Go file that is not a test.
type sourceFile struct {
	path   string // from the root of the module
	syntax *ast.File
}

func sourceFiles(t *testing.T, folder string) (files []sourceFile) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.SkipObjectResolution)
		files = append(files, sourceFile{path, syntax})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s: the test looks in the wrong place", folder)
	}
	return files
}

func (f sourceFile) imports() (paths []string) {
	for _, i := range f.syntax.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

// rig reports whether a file is of the camera tests' virtual machine, whose programs
// stand outside the house.
func rig(path string) bool { return strings.HasPrefix(path, "capture/v4l2/vm/") }

// exempt files may use goroutines and locks: the post queue, by which other goroutines
// hand functions to the loop, and the simulated kernel, which only tests run on.
func exempt(path string) bool {
	return path == "loop/post.go" || strings.HasPrefix(path, "loop/sim/")
}

// forbiddenCalls wait, or ask for a time of their own.
var forbiddenCalls = map[string][]string{
	"time":    {"Sleep", "Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"sync":    {"Mutex", "RWMutex", "WaitGroup", "Cond", "NewCond", "Map", "Pool"},
	"runtime": {"Gosched"},
	"unix":    {"Nanosleep", "ClockNanosleep", "Select", "Pselect"},
	"syscall": {"Nanosleep", "Select"},
}

func TestNothingWaitsInTheHouse(t *testing.T) {
	for _, folder := range []string{"loop", "proto", "cast", "capture", "clone", "view"} {
		for _, f := range sourceFiles(t, folder) {
			if exempt(f.path) || rig(f.path) {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", f.path)
				case *ast.ChanType:
					t.Errorf("%s has a channel", f.path)
				case *ast.SelectStmt:
					t.Errorf("%s has a select", f.path)
				case *ast.SelectorExpr:
					if pkg, ok := n.X.(*ast.Ident); ok && slices.Contains(forbiddenCalls[pkg.Name], n.Sel.Name) {
						t.Errorf("%s uses %s.%s", f.path, pkg.Name, n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// Only programs read the environment: a package is told by its options.
func TestEnvironmentIsReadByProgramsAlone(t *testing.T) {
	for _, folder := range []string{"loop", "proto", "cast", "clone", "view"} {
		for _, f := range sourceFiles(t, folder) {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if n, ok := n.(*ast.SelectorExpr); ok {
					pkg, ok := n.X.(*ast.Ident)
					if reads := n.Sel.Name; ok && pkg.Name == "os" && (reads == "Getenv" || reads == "LookupEnv" || reads == "Environ") {
						t.Errorf("%s calls os.%s", f.path, reads)
					}
				}
				return true
			})
		}
	}
}

func TestImports(t *testing.T) {
	rules := []struct {
		folder string
		// own are the folders of this module that may be imported: whole rooms, or
		// single packages.
		own []string
		// forbidden are other packages that may not.
		forbidden []string
		// only, if set, are the only modules that may be imported besides the
		// standard library and this one.
		only []string
	}{
		{folder: "loop", own: []string{"loop"}, only: []string{"golang.org/x/sys"}},
		{folder: "proto", own: []string{"proto"}, forbidden: []string{"net", "os", "syscall", "golang.org/x/sys/unix"}},
		{folder: "capture", own: []string{"capture", "proto/jpeg"}},
		{folder: "clone", own: []string{"loop"}},
		{folder: "cast", own: []string{"loop", "capture", "proto"}, forbidden: []string{"net", "os", "syscall"}},
		{folder: "view", own: []string{"loop", "proto"}, forbidden: []string{"net", "os", "syscall", "golang.org/x/sys/unix"}},
	}
	for _, rule := range rules {
		for _, f := range sourceFiles(t, rule.folder) {
			if rig(f.path) {
				continue
			}
			for _, path := range f.imports() {
				if slices.Contains(rule.forbidden, path) {
					t.Errorf("%s imports %s", f.path, path)
				}
				if own, ok := strings.CutPrefix(path, module); ok {
					if room, _, _ := strings.Cut(own, "/"); !slices.Contains(rule.own, room) && !slices.Contains(rule.own, own) {
						t.Errorf("%s imports %s: no arrow runs that way", f.path, path)
					}
					continue
				}
				isOther := strings.Contains(strings.Split(path, "/")[0], ".")
				allowed := slices.ContainsFunc(rule.only, func(m string) bool { return strings.HasPrefix(path, m) })
				if isOther && rule.only != nil && !allowed {
					t.Errorf("%s imports %s: package %s stands on the standard library and %v alone", f.path, path, rule.folder, rule.only)
				}
			}
		}
	}
}
