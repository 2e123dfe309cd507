package loop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDownloads builds a program outside of this module that imports only loop, with an empty
// module cache, and looks at what the go command has downloaded for it. It takes the modules from
// the cache of this machine, as if that were a proxy.
func TestDownloads(t *testing.T) {
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	program, cache := t.TempDir(), t.TempDir()
	sums, err := os.ReadFile(filepath.Join(here, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	camcast := strings.TrimSuffix(module, "/")
	files := map[string]string{
		"go.mod": fmt.Sprintf("module example.org/program\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", goVersion(t, here), camcast, camcast, here),
		"go.sum": string(sums),
		"main.go": `package main

import "` + module + `loop"

func main() {
	l, err := loop.New()
	if err != nil {
		panic(err)
	}
	l.Close()
}
`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(program, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	proxy := "file://" + filepath.Join(goCommand(t, here, nil, "env", "GOMODCACHE"), "cache", "download")
	environment := []string{
		"GOMODCACHE=" + cache, "GOPROXY=" + proxy, "GOFLAGS=-mod=mod -modcacherw", "GONOSUMDB=*", "GOSUMDB=off", "GOWORK=off", "GOTOOLCHAIN=local",
	}
	goCommand(t, program, environment, "build", "-o", filepath.Join(program, "program"), ".")
	if got, want := downloaded(t, cache), []string{"golang.org/x/sys"}; !slices.Equal(got, want) {
		t.Errorf("a program that imports only loop downloads %q, want %q", got, want)
	}
	if output, err := exec.Command(filepath.Join(program, "program")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// goVersion is that of this module's go.mod.
func goVersion(t *testing.T, here string) string {
	t.Helper()
	return goCommand(t, here, nil, "list", "-m", "-f", "{{.GoVersion}}")
}

// goCommand runs the go command in a folder, and returns what it prints.
func goCommand(t *testing.T, folder string, environment []string, arguments ...string) string {
	t.Helper()
	command := exec.Command("go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(output))
}

// downloaded are the modules of which something is in a cache, be it only the go.mod.
func downloaded(t *testing.T, cache string) (modules []string) {
	t.Helper()
	root := filepath.Join(cache, "cache", "download")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "@v" {
			var name string
			name, err = filepath.Rel(root, filepath.Dir(path))
			modules = append(modules, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}
