package commandline_test

import (
	"errors"
	"testing"

	"github.com/camcast/camcast/cmd/commandline"
)

// TestOneLine has errors bring texts that would be several lines, or that a terminal would obey.
func TestOneLine(t *testing.T) {
	for given, want := range map[string]string{
		"/dev/video0: not found": "/dev/video0: not found",
		"a\nb":                   "a; b",
		"a\r\tb\x1b[2J":          `a\r\tb\x1b[2J`,
		"größe 世界":               "größe 世界",
		"no \xff text":           "no \ufffd text",
		"nul \x00, bidi \u202e":  `nul \x00, bidi \u202e`,
	} {
		if got := commandline.OneLine(errors.New(given)); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	if got := commandline.OneLine(errors.Join(errors.New("first"), errors.New("second"))); got != "first; second" {
		t.Errorf("joined: %q", got)
	}
}
