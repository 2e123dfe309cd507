package term_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/cmd/camview/term/screen"
)

// quarters is a picture of four colours.
func quarters(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.SetRGBA(x, y, quarter(2*x/w, 2*y/h))
		}
	}
	return p
}

func quarter(right, below int) color.RGBA {
	return [2][2]color.RGBA{{{200, 30, 30, 255}, {30, 180, 40, 255}}, {{40, 60, 190, 255}, {210, 200, 60, 255}}}[below][right]
}

// yuv is the same with a third of the bytes, as a JPEG decoder gives it.
func yuv(t *testing.T, picture image.Image) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	decoded, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := decoded.(*image.YCbCr); !ok {
		t.Fatalf("%T, want YCbCr", decoded)
	}
	return decoded
}

func write(t *testing.T, s *screen.Screen, p []byte) {
	t.Helper()
	if _, err := s.Write(p); err != nil {
		t.Fatal(err)
	}
}

func near(a, b color.RGBA, tolerance int) bool {
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		if d > tolerance || d < -tolerance {
			return false
		}
	}
	return a.A == b.A
}

// TestBytes tells what exactly is written.
func TestBytes(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 2, 2))
	picture.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255})
	picture.SetRGBA(1, 0, color.RGBA{1, 2, 3, 255})
	picture.SetRGBA(0, 1, color.RGBA{4, 5, 6, 255})
	picture.SetRGBA(1, 1, color.RGBA{7, 8, 9, 255})
	var r term.Renderer
	size := term.Size{Columns: 4, Rows: 2}
	got := string(r.Append(nil, picture, size, "live"))
	want := "\x1b[?2026h\x1b[0m\x1b[2J" +
		"\x1b[1;2H\x1b[38;2;1;2;3m\x1b[48;2;4;5;6m▀\x1b[48;2;7;8;9m▀\x1b[0m" +
		"\x1b[2;1Hlive\x1b[K\x1b[?2026l"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	picture.SetRGBA(1, 1, color.RGBA{7, 8, 10, 255})
	got = string(r.Append(nil, picture, size, "live"))
	want = "\x1b[?2026h\x1b[1;3H\x1b[38;2;1;2;3m\x1b[48;2;7;8;10m▀\x1b[0m\x1b[?2026l"
	if got != want {
		t.Errorf("one cell changed: got  %q\nwant %q", got, want)
	}
	r.Forget()
	if got = string(r.Append(nil, picture, size, "live")); !strings.Contains(got, "\x1b[2J") || strings.Count(got, "▀") != 2 {
		t.Errorf("after Forget: %q, want all of it", got)
	}
}

// TestColoursOnScreen reads the colours off the screen again, for sizes and kinds of
// pictures and of terminals.
func TestColoursOnScreen(t *testing.T) {
	for _, c := range []struct {
		width, height, columns, rows int
		// What the picture must cover, from a column and row on.
		left, top, w, h int
	}{
		{64, 48, 80, 25, 8, 0, 64, 24},
		{640, 480, 80, 25, 8, 0, 64, 24},
		{640, 480, 20, 25, 0, 8, 20, 8},
		{640, 480, 40, 13, 4, 0, 32, 12},
		{16, 16, 40, 21, 0, 0, 40, 20}, // made larger
		{1920, 1080, 96, 28, 0, 0, 96, 27},
		{640, 480, 1, 1, 0, 0, 1, 1},
		{640, 480, 0, 0, 9, 0, 61, 23}, // a terminal that does not know its size is 80x24
		{2040, 8, 60, 10, 0, 4, 60, 1},
		{8, 2040, 60, 11, 29, 0, 1, 10},
		{63, 47, 33, 12, 2, 0, 29, 11},
	} {
		t.Run(fmt.Sprintf("%dx%d on %dx%d", c.width, c.height, c.columns, c.rows), func(t *testing.T) {
			rgb := quarters(c.width, c.height)
			for name, picture := range map[string]image.Image{"RGBA": rgb, "YCbCr": yuv(t, rgb)} {
				s := screen.New(max(c.columns, 1), max(c.rows, 1))
				if c.columns == 0 {
					s = screen.New(80, 24)
				}
				var r term.Renderer
				write(t, s, r.Append(nil, picture, term.Size{Columns: c.columns, Rows: c.rows}, "words"))
				checkQuarters(t, name, s, image.Rect(c.left, c.top, c.left+c.w, c.top+c.h))
				if last := s.Line(s.Rows - 1); s.Rows > 1 && last != cutText("words", s.Columns) {
					t.Errorf("%s: last line %q", name, last)
				}
				if s.Modes[2026] {
					t.Errorf("%s: the update was not ended", name)
				}
			}
		})
	}
}

func cutText(s string, n int) string { return s[:min(n, len(s))] }

// checkQuarters wants half blocks of the right colours within area, away from where two
// colours meet, and nothing else outside.
func checkQuarters(t *testing.T, name string, s *screen.Screen, area image.Rectangle) {
	t.Helper()
	for y := range max(s.Rows-1, 1) {
		for x := range s.Columns {
			c := s.At(x, y)
			if !image.Pt(x, y).In(area) {
				if c.Rune != 0 {
					t.Fatalf("%s: %q at column %d of row %d, outside of the picture %v", name, c.Rune, x, y, area)
				}
				continue
			}
			if c.Rune != '▀' {
				t.Fatalf("%s: %q at column %d of row %d, want a half block of the picture %v", name, c.Rune, x, y, area)
			}
			for half, got := range []color.RGBA{c.Front, c.Back} {
				px, py := x-area.Min.X, 2*(y-area.Min.Y)+half
				right, below := 2*px/area.Dx(), py/area.Dy()
				border := abs(2*px+1-area.Dx()) <= 3 || abs(py-area.Dy()) <= 2
				if want := quarter(right, below); !border && !near(got, want, 8) {
					t.Fatalf("%s: %v at column %d of row %d, half %d, want %v", name, got, x, y, half, want)
				}
			}
		}
	}
}

func abs(n int) int { return max(n, -n) }

// TestMeanOfBox makes a chequered picture smaller: every pixel becomes the mean.
func TestMeanOfBox(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 40, 40))
	for y := range 40 {
		for x := range 40 {
			v := uint8((x + y) % 2 * 200)
			picture.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	s := screen.New(10, 6)
	var r term.Renderer
	write(t, s, r.Append(nil, picture, term.Size{Columns: 10, Rows: 6}, ""))
	for x := range 10 {
		if c := s.At(x, 2); c.Front != (color.RGBA{100, 100, 100, 255}) || c.Front != c.Back {
			t.Fatalf("cell %d is %v, want the mean, 100", x, c)
		}
	}
}

// TestPartOfPicture draws a part of a picture whose corner is not 0, 0.
func TestPartOfPicture(t *testing.T) {
	whole := quarters(64, 48)
	for name, picture := range map[string]image.Image{"RGBA": whole, "YCbCr": yuv(t, whole)} {
		part := picture.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rect(33, 25, 63, 47))
		s := screen.New(30, 12)
		var r term.Renderer
		write(t, s, r.Append(nil, part, term.Size{Columns: 30, Rows: 12}, ""))
		for _, cell := range []screen.Cell{s.At(2, 1), s.At(27, 9)} {
			if !near(cell.Front, quarter(1, 1), 8) {
				t.Errorf("%s: %v, want the last quarter's %v", name, cell.Front, quarter(1, 1))
			}
		}
	}
	var r term.Renderer
	if got := r.Append(nil, image.NewRGBA(image.Rectangle{}), term.Size{Columns: 30, Rows: 12}, ""); len(got) != 0 {
		t.Errorf("a picture without pixels: %q", got)
	}
}

// TestOnlyChanges shows moving pictures on one screen, and each also on a fresh one: they
// must look the same, and take fewer bytes.
func TestOnlyChanges(t *testing.T) {
	size := term.Size{Columns: 40, Rows: 16}
	shown := screen.New(size.Columns, size.Rows)
	var r term.Renderer
	for step := range 20 {
		picture := quarters(80, 60)
		for y := range 10 {
			for x := range 10 {
				picture.SetRGBA(3*step+x, 2*step+y, color.RGBA{255, 255, 255, 255})
			}
		}
		if step == 12 { // resized
			size = term.Size{Columns: 31, Rows: 14}
			shown = screen.New(size.Columns, size.Rows)
		}
		status := fmt.Sprint("step ", step/5)
		changes := r.Append(nil, picture, size, status)
		write(t, shown, changes)
		fresh := screen.New(size.Columns, size.Rows)
		var whole term.Renderer
		all := whole.Append(nil, picture, size, status)
		write(t, fresh, all)
		for y := range size.Rows {
			for x := range size.Columns {
				if shown.At(x, y) != fresh.At(x, y) {
					t.Fatalf("step %d: %v at column %d of row %d, want %v", step, shown.At(x, y), x, y, fresh.At(x, y))
				}
			}
		}
		if step%12 != 0 && len(changes) > len(all)/2 {
			t.Errorf("step %d: %d bytes for a small change, %d for all", step, len(changes), len(all))
		}
	}
}

// TestPicture draws a screen and looks at its pixels.
func TestPicture(t *testing.T) {
	s := screen.New(10, 6)
	var r term.Renderer
	write(t, s, r.Append(nil, quarters(100, 100), term.Size{Columns: 10, Rows: 6}, "M"))
	picture, err := s.Picture(8)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := picture.Bounds(), image.Rect(0, 0, 80, 96); got != want {
		t.Fatalf("bounds %v, want %v", got, want)
	}
	for _, c := range []struct{ x, y, right, below int }{{4, 4, 0, 0}, {76, 4, 1, 0}, {4, 76, 0, 1}, {76, 76, 1, 1}} {
		if got, want := picture.RGBAAt(c.x, c.y), quarter(c.right, c.below); got != want {
			t.Errorf("pixel %d, %d is %v, want %v", c.x, c.y, got, want)
		}
	}
	lit := 0
	for y := 80; y < 96; y++ {
		for x := range 8 {
			if picture.RGBAAt(x, y).R > 100 {
				lit++
			}
		}
	}
	if lit < 10 {
		t.Errorf("the M has %d pixels", lit)
	}
}

func BenchmarkRenderer(b *testing.B) {
	var buffer bytes.Buffer
	if err := jpeg.Encode(&buffer, quarters(1280, 720), nil); err != nil {
		b.Fatal(err)
	}
	picture, err := jpeg.Decode(&buffer)
	if err != nil {
		b.Fatal(err)
	}
	var r term.Renderer
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		r.Forget()
		out = r.Append(out[:0], picture, term.Size{Columns: 120, Rows: 40}, "live")
	}
	b.ReportMetric(float64(len(out)), "bytes/frame")
}
