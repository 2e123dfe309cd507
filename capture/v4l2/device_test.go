//go:build cgo

package v4l2

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOpenRefusesWhatIsNoCamera(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"absent":         {"/dev/video63", "/dev/video63: is not there"},
		"a file":         {text, "no video device"},
		"another device": {"/dev/null", "no video device"},
	} {
		t.Run(name, func(t *testing.T) { checkRefused(t, Options{Path: c.path}, c.want) })
	}
}
