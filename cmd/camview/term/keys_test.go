package term_test

import (
	"slices"
	"testing"

	"github.com/camcast/camcast/cmd/camview/term"
)

// keysOf reads what a terminal sends, so many bytes at a time.
func keysOf(sent string, at int) (keys []term.Key) {
	var reader term.KeyReader
	for chunk := range slices.Chunk([]byte(sent), at) {
		reader.Read(chunk, func(k term.Key) { keys = append(keys, k) })
	}
	return keys
}

func TestKeys(t *testing.T) {
	for sent, want := range map[string][]term.Key{
		"":                   nil,
		"q":                  {term.Quit},
		"Q":                  {term.Quit},
		"\x03":               {term.Quit},
		"\x04":               {term.Quit},
		" ":                  {term.Pause},
		"xyz":                nil,
		"\x1b[D\x1b[C":       {term.Back, term.Forth}, // cursor mode
		"\x1bOD\x1bOC\x1bOF": {term.Back, term.Forth, term.Live},
		"\x1b[F":             {term.Live}, // xterm
		"\x1b[4~":            {term.Live}, // tmux, screen, the Linux console
		"\x1b[8~":            {term.Live}, // rxvt
		"\x1b[1~\x1b[5~":     nil,         // Home, PgUp
		"\x1b[A\x1b[B ":      {term.Pause},
		"\x1b[1;5Dq":         {term.Back, term.Quit}, // with Ctrl held
		"\x1bq":              {term.Quit},            // Alt-q, or Esc and q
		"\x1b\x1b[D":         {term.Back},
		"\x1b[\x03":          {term.Quit},
		"\x1b[?1q":           nil,
		"\x1b[99999999999~ ": {term.Pause},
		"\xff\x00é ":         {term.Pause},
	} {
		for _, at := range []int{1, 2, 3, 100} {
			if got := keysOf(sent, at); !slices.Equal(got, want) {
				t.Errorf("%q, %d bytes at a time: %v, want %v", sent, at, got, want)
			}
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("q \x1b[D\x1bOC\x1b[4~", 2)
	f.Fuzz(func(t *testing.T, sent string, at int) {
		if at < 1 {
			at = 1
		}
		whole, parts := keysOf(sent, len(sent)+1), keysOf(sent, at)
		if !slices.Equal(whole, parts) {
			t.Errorf("%q: %v at once, %v in parts of %d", sent, whole, parts, at)
		}
		if len(whole) > len(sent) {
			t.Errorf("%d keys of %d bytes", len(whole), len(sent))
		}
	})
}
