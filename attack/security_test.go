package attack

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest   = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	definedTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)`)
)

// TestSecurityIsUpToDate finds each test that SECURITY.md names, and each attack in SECURITY.md.
func TestSecurityIsUpToDate(t *testing.T) {
	security, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	defined, attacks := map[string]bool{}, map[string]bool{}
	err = fs.WalkDir(os.DirFS(".."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile("../" + path)
		for _, m := range definedTest.FindAllSubmatch(source, -1) {
			defined[string(m[1])] = true
			attacks[string(m[1])] = strings.HasPrefix(path, "attack/")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range namedTest.FindAllSubmatch(security, -1) {
		if named[string(m[1])] = true; !defined[string(m[1])] {
			t.Errorf("SECURITY.md names %s, which is not there", m[1])
		}
	}
	for name, isAttack := range attacks {
		if isAttack && !named[name] && name != t.Name() {
			t.Errorf("SECURITY.md does not name %s", name)
		}
	}
}
