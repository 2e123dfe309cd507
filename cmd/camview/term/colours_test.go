package term_test

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/cmd/camview/term/screen"
)

func TestColoursOf(t *testing.T) {
	for _, c := range []struct {
		term, colorterm, noColor string
		want                     term.Colours
	}{
		{"xterm-256color", "truecolor", "", term.TrueColour},
		{"xterm", "24bit", "", term.TrueColour},
		{"xterm-direct", "", "", term.TrueColour},
		{"xterm-256color", "", "", term.Colours256},
		{"screen-256color-bce", "", "", term.Colours256},
		{"tmux-256color", "yes", "", term.Colours256},
		{"xterm", "", "", term.Colours16},
		{"linux", "", "", term.Colours16},
		{"xterm", "1", "", term.Colours16},
		{"dumb", "", "", term.NoColours},
		{"dumb", "truecolor", "", term.NoColours},
		{"", "", "", term.NoColours},
		{"vt100", "", "", term.NoColours},
		{"vt220", "", "", term.NoColours},
		{"xterm-mono", "", "", term.NoColours},
		{"xterm-256color", "truecolor", "1", term.NoColours},
		{"xterm-256color", "truecolor", "0", term.NoColours}, // whatever its value
	} {
		environment := map[string]string{"TERM": c.term, "COLORTERM": c.colorterm, "NO_COLOR": c.noColor}
		if got := term.ColoursOf(func(name string) string { return environment[name] }); got != c.want {
			t.Errorf("%v: %v, want %v", environment, got, c.want)
		}
	}
}

// halves is a picture of one cell.
func halves(upper, lower color.RGBA) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, 1, 2))
	p.SetRGBA(0, 0, upper)
	p.SetRGBA(0, 1, lower)
	return p
}

// TestPalettes wants each colour of a palette shown as itself, and what exactly is written.
func TestPalettes(t *testing.T) {
	grey := func(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }
	for _, c := range []struct {
		colours      term.Colours
		upper, lower color.RGBA
		want         string
	}{
		{term.TrueColour, color.RGBA{1, 2, 3, 255}, color.RGBA{4, 5, 6, 255}, "\x1b[38;2;1;2;3m\x1b[48;2;4;5;6m▀\x1b[0m"},
		{term.Colours256, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 95, 135, 255}, "\x1b[38;5;196m\x1b[48;5;24m▀\x1b[0m"},
		{term.Colours256, grey(8), grey(238), "\x1b[38;5;232m\x1b[48;5;255m▀\x1b[0m"},
		{term.Colours256, grey(0), grey(255), "\x1b[38;5;16m\x1b[48;5;231m▀\x1b[0m"},
		{term.Colours256, color.RGBA{50, 110, 116, 255}, color.RGBA{200, 30, 30, 255}, "\x1b[38;5;60m\x1b[48;5;160m▀\x1b[0m"},
		{term.Colours16, color.RGBA{200, 10, 10, 255}, color.RGBA{250, 250, 250, 255}, "\x1b[31m\x1b[107m▀\x1b[0m"},
		{term.Colours16, color.RGBA{100, 100, 250, 255}, color.RGBA{10, 0, 10, 255}, "\x1b[94m\x1b[40m▀\x1b[0m"},
		{term.NoColours, grey(255), grey(255), "@"},
		{term.NoColours, grey(0), grey(0), " "},
		{term.NoColours, grey(255), grey(0), "="},
		{term.NoColours, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 255, 0, 255}, "+"},
	} {
		r := term.Renderer{Colours: c.colours}
		got := string(r.Append(nil, halves(c.upper, c.lower), term.Size{Columns: 1, Rows: 1}, ""))
		want := "\x1b[?2026h\x1b[0m\x1b[2J\x1b[1;1H" + c.want + "\x1b[?2026l"
		if got != want {
			t.Errorf("%v of %v and %v: got  %q\nwant %q", c.colours, c.upper, c.lower, got, want)
		}
	}
}

// TestNearest reads all kinds of colours off the screen again, where they must be near to what
// they were: as near as the palette is fine.
func TestNearest(t *testing.T) {
	for colours, tolerance := range map[term.Colours]int{term.TrueColour: 0, term.Colours256: 60, term.Colours16: 130} {
		for i := range 27 * 27 * 27 {
			c := color.RGBA{uint8(i / 729 * 255 / 26), uint8(i / 27 % 27 * 255 / 26), uint8(i % 27 * 255 / 26), 255}
			s, r := screen.New(1, 1), term.Renderer{Colours: colours}
			write(t, s, r.Append(nil, halves(c, c), term.Size{Columns: 1, Rows: 1}, ""))
			if cell := s.At(0, 0); cell.Front != cell.Back || !near(cell.Front, c, tolerance) {
				t.Fatalf("%v: %v is shown as %v on %v", colours, c, cell.Front, cell.Back)
			}
		}
	}
}

// TestNoColours wants no colour set at all, and only what changes be drawn.
func TestNoColours(t *testing.T) {
	picture := quarters(64, 48)
	r, size := term.Renderer{Colours: term.NoColours}, term.Size{Columns: 64, Rows: 25}
	s := screen.New(64, 25)
	out := r.Append(nil, picture, size, "words")
	write(t, s, out)
	if strings.Count(string(out), "m") != strings.Count(string(out), "\x1b[0m") {
		t.Errorf("a colour is set: %q", out)
	}
	if a, b := s.At(5, 5).Rune, s.At(60, 20).Rune; a == b || a == '▀' || s.Line(24) != "words" {
		t.Errorf("%q, %q, %q", a, b, s.Line(24))
	}
	if again := string(r.Append(nil, picture, size, "words")); again != "\x1b[?2026h\x1b[?2026l" {
		t.Errorf("the same picture again: %q", again)
	}
}
