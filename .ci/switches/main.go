// Command switches makes one program of all mutants of a package: each changed operator stands beside the
// original, and the environment variable MUTANT says which one is to be used, by its number from 1 on. So a
// package and its tests are built once instead of once for each mutant.
//
// usage: switches FOLDER OUT <gremlins' list
//
//	switches FOLDER OUT FILES
//
// The list is what "gremlins unleash --dry-run" prints. With FILES, a pattern such as "private*.go", it is all that is
// to be changed in these files of the folder, whether or not a test runs it. OUT gets overlay.json, for go test -overlay,
// and list, a line of number, kind and place for each mutant that can be built.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// changed are the operators that gremlins puts for others, besides ++ and --.
var changed = map[string]map[token.Token]string{
	"CONDITIONALS_BOUNDARY": {token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"},
	"CONDITIONALS_NEGATION": {token.EQL: "!=", token.NEQ: "==", token.LEQ: ">", token.GEQ: "<", token.LSS: ">=", token.GTR: "<="},
	"ARITHMETIC_BASE":       {token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*"},
	"INVERT_NEGATIVES":      {token.SUB: "+"},
}

type mutant struct {
	number      int
	kind, place string
	built       bool
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fail("usage: switches FOLDER OUT <LIST, or switches FOLDER OUT FILES")
	}
	folder, out := os.Args[1], os.Args[2]
	p, err := load(folder)
	if err != nil {
		fail(err)
	}
	var mutants []*mutant
	if len(os.Args) == 4 {
		mutants = p.mutants(os.Args[3])
		for _, m := range mutants {
			fmt.Println(" RUNNABLE", m.kind, "at", m.place) // as gremlins does
		}
	} else {
		mutants = readList(os.Stdin)
	}
	byPlace := map[string][]*mutant{}
	for _, m := range mutants {
		byPlace[m.place] = append(byPlace[m.place], m)
	}
	overlay := map[string]string{}
	write := func(path, text string) {
		to := filepath.Join(out, filepath.Base(path))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			fail(err)
		}
		overlay[path] = to
	}
	for path, file := range p.files {
		src, err := os.ReadFile(path)
		if err != nil {
			fail(err)
		}
		r := &rewriter{pkg: p, src: src, byPlace: byPlace, imports: map[*types.Package]bool{}}
		for _, spec := range file.Imports {
			if name := p.info.PkgNameOf(spec); name != nil && name.Name() == name.Imported().Name() {
				r.imports[name.Imported()] = true
			}
		}
		write(path, string(src[:r.offset(file.Package)])+r.text(file.Package, file.FileEnd, file))
	}
	write(filepath.Join(p.folder, "chosenmutant.go"), "package "+p.types.Name()+
		"\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar chosenMutant, _ = strconv.Atoi(os.Getenv(\"MUTANT\"))\n")
	var list strings.Builder
	for _, m := range mutants {
		if m.built {
			fmt.Fprintln(&list, m.number, m.kind, m.place)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err == nil {
		err = os.WriteFile(filepath.Join(out, "overlay.json"), text, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(out, "list"), []byte(list.String()), 0o600)
	}
	if err != nil {
		fail(err)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, "switches:", what)
	os.Exit(1)
}

// readList reads lines such as "RUNNABLE ARITHMETIC_BASE at cmsg.go:71:27".
func readList(from io.Reader) (all []*mutant) {
	line := regexp.MustCompile(`^\s*RUNNABLE (\w+) at (\S+:\d+:\d+)$`)
	for s := bufio.NewScanner(from); s.Scan(); {
		if found := line.FindStringSubmatch(s.Text()); found != nil {
			all = append(all, &mutant{number: len(all) + 1, kind: found[1], place: found[2]})
		}
	}
	return all
}

// pkg is a package with its types.
type pkg struct {
	folder string
	set    *token.FileSet
	files  map[string]*ast.File
	types  *types.Package
	info   *types.Info
}

// place is a position as gremlins writes it.
func (p *pkg) place(at token.Pos) string {
	position := p.set.Position(at)
	return fmt.Sprintf("%s:%d:%d", filepath.Base(position.Filename), position.Line, position.Column)
}

// load parses and checks the package of a folder. Of those that it imports it reads what the compiler exports.
func load(folder string) (*pkg, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}\t{{.Dir}}\t{{join .GoFiles \" \"}}", folder).Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", folder, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	exports := map[string]string{}
	for _, l := range lines {
		fields := strings.Split(l, "\t")
		exports[fields[0]] = fields[1]
	}
	own := strings.Split(lines[len(lines)-1], "\t") // the last, behind all that it depends on
	p := &pkg{folder: own[2], set: token.NewFileSet(), files: map[string]*ast.File{},
		info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Implicits: map[ast.Node]types.Object{}, Defs: map[*ast.Ident]types.Object{}}}
	var files []*ast.File
	for _, name := range strings.Fields(own[3]) {
		path := filepath.Join(p.folder, name)
		file, err := parser.ParseFile(p.set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files[path] = file
		files = append(files, file)
	}
	config := types.Config{Importer: importer.ForCompiler(p.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	p.types, err = config.Check(own[0], p.set, files, p.info)
	return p, err
}
