//go:build cgo

package v4l2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/capturetest"
)

// TestWhatIsNoCamera opens paths that are none.
func TestWhatIsNoCamera(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"absent":           {"/dev/video63", "lost: /dev/video63: not found; "},
		"absent elsewhere": {"/nowhere/video0", "failed: /nowhere/video0: not found; "},
		"below a file":     {text + "/video0", "failed: " + text + "/video0: not found; "},
		"a file":           {text, "failed: " + text + ": not a camera: not a video device"},
		"another device":   {"/dev/null", "failed: /dev/null: not a camera: not a video device"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Options{Path: c.path})
			if err != nil {
				t.Fatal(err)
			}
			h := capturetest.NewHost(t)
			h.Open(s)
			h.Turn()
			if len(h.Reports) != 1 || !strings.HasPrefix(h.Reports[0], c.want) || strings.Contains(h.Reports[0], "\n") {
				t.Errorf("reports %q, want one line that begins with %q", h.Reports, c.want)
			}
			if d := s.Describe(); d.Source != c.path || !d.Device {
				t.Errorf("described as %+v", d)
			}
			h.Close()
			if h.Jobs() != 0 {
				t.Errorf("%d jobs to close nothing", h.Jobs())
			}
		})
	}
}
