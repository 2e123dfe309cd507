package testcard

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
)

var noon = time.Date(2026, 11, 23, 12, 34, 56, 789_000_000, time.Local)

func newSource(t testing.TB, o Options) *Source {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newDrawn makes the picture of a card with all defaults.
func newDrawn(t testing.TB) *card {
	t.Helper()
	o, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCard(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a card on a host of its own, and closes it when the test ends.
func open(t testing.TB, o Options) (*Source, *capturetest.Host) {
	t.Helper()
	s, h := newSource(t, o), capturetest.NewHost(t)
	h.Open(s)
	t.Cleanup(h.Close)
	return s, h
}

// decode reads a card that has a strip.
func decode(t testing.TB, f media.Frame) (size image.Point, number uint32, wall time.Time) {
	t.Helper()
	picture, err := jpeg.Decode(bytes.NewReader(f.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if number, wall, err = Read(picture); err != nil {
		t.Fatal(err)
	}
	return picture.Bounds().Size(), number, wall
}

func TestFrames(t *testing.T) {
	for _, size := range []image.Point{{640, 480}, {320, 240}, {1280, 720}, {176, 144}, {642, 362}} {
		for _, quality := range []int{10, 80} {
			t.Run(fmt.Sprintf("%v quality %d", size, quality), func(t *testing.T) {
				s, h := open(t, Options{Width: size.X, Height: size.Y, FramesPerSecond: 100, Quality: quality})
				h.RunFor(45 * time.Millisecond)
				if len(h.Frames) != 5 || !slices.Equal(h.Reports, []string{"live"}) {
					t.Fatalf("%d frames, %q; want 5 after \"live\"", len(h.Frames), h.Reports)
				}
				for i, f := range h.Frames {
					due := time.Duration(i) * 10 * time.Millisecond
					gotSize, number, wall := decode(t, f)
					if gotSize != size || int(number) != i+1 || !wall.Equal(capturetest.WallStart.Add(due)) {
						t.Errorf("frame %d: %v, number %d, drawn at %v", i, gotSize, number, wall)
					}
					if f.Captured != capturetest.Start+due || !f.Key {
						t.Errorf("frame %d: captured at %v, want %v; key %v", i, f.Captured, capturetest.Start+due, f.Key)
					}
				}
				want := media.Params{Format: media.JPEG, Width: size.X, Height: size.Y, FramesPerSecond: 100}
				if p := s.Describe().Params; !reflect.DeepEqual(*p, want) {
					t.Errorf("params %+v, want %+v", *p, want)
				}
				if got := s.Figures(); got != (capture.Figures{Frames: 5}) {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// TestExtremeCards has cards without room for squares, or for text, and the largest.
func TestExtremeCards(t *testing.T) {
	for _, c := range []struct {
		size image.Point
		read bool
	}{
		{image.Pt(16, 16), false}, {image.Pt(16, 2040), true}, {image.Pt(2040, 16), false}, {image.Pt(2040, 24), true},
		{image.Pt(64, 48), false}, {image.Pt(2040, 2040), true},
	} {
		_, h := open(t, Options{Width: c.size.X, Height: c.size.Y})
		h.RunFor(time.Millisecond)
		picture, err := jpeg.Decode(bytes.NewReader(h.Frames[0].Bytes))
		if err != nil || picture.Bounds().Size() != c.size {
			t.Fatalf("%v: %v", c.size, err)
		}
		if number, _, err := Read(picture); (err == nil) != c.read || c.read && number != 1 {
			t.Errorf("%v: read %d, %v; want 1: %v", c.size, number, err, c.read)
		}
	}
}

// TestReadTakesAnyImage reads what a player shows: pixels of red, green and blue, and a
// part of a larger picture.
func TestReadTakesAnyImage(t *testing.T) {
	c := newDrawn(t)
	c.draw(4_000_000_000, noon)
	shown := image.NewRGBA(image.Rect(0, 0, 700, 500))
	draw.Draw(shown, image.Rect(30, 10, 670, 490), c.picture, image.Point{}, draw.Src)
	number, wall, err := Read(shown.SubImage(image.Rect(30, 10, 670, 490)))
	if err != nil || number != 4_000_000_000 || !wall.Equal(noon) {
		t.Errorf("read %d, %v, %v", number, wall, err)
	}
}

func TestReadRefusesOtherPictures(t *testing.T) {
	for _, size := range []image.Point{{640, 480}, {8, 8}, {0, 0}} {
		if number, _, err := Read(image.NewRGBA(image.Rectangle{Max: size})); !errors.Is(err, ErrNoStrip) {
			t.Errorf("%v: %d, %v; want ErrNoStrip", size, number, err)
		}
	}
}

// TestLateLoop has the loop be busy for 10.5 intervals.
func TestLateLoop(t *testing.T) {
	s, h := open(t, Options{FramesPerSecond: 100, Width: 320, Height: 240})
	h.Turn()
	h.Stall(105 * time.Millisecond)
	h.RunFor(5 * time.Millisecond)
	if len(h.Frames) != 3 || s.Figures() != (capture.Figures{Frames: 3, Gaps: 9}) {
		t.Fatalf("%d frames, %+v; want 3 and 9 gaps", len(h.Frames), s.Figures())
	}
	for i, want := range []struct {
		number uint32
		due    time.Duration
	}{{1, 0}, {11, 100 * time.Millisecond}, {12, 110 * time.Millisecond}} {
		f := h.Frames[i]
		if _, number, _ := decode(t, f); number != want.number || f.Captured != capturetest.Start+want.due {
			t.Errorf("frame %d captured at %v, want %d at %v", number, f.Captured, want.number, capturetest.Start+want.due)
		}
	}
}

// TestCloseAndOpen closes the card within each kind of report, and opens it again.
func TestCloseAndOpen(t *testing.T) {
	s, h := open(t, Options{FramesPerSecond: 100, Width: 320, Height: 240})
	h.Close()
	h.RunFor(time.Second)
	if len(h.Reports) != 0 || h.Timers() != 0 {
		t.Fatalf("closed at once: %q, %d timers", h.Reports, h.Timers())
	}
	h.Open(s)
	h.OnReport = func(string) { h.Close() }
	h.RunFor(time.Second)
	if len(h.Reports) != 1 || len(h.Frames) != 0 || h.Timers() != 0 {
		t.Fatalf("closed by Live: %q, %d frames, %d timers", h.Reports, len(h.Frames), h.Timers())
	}
	h.OnReport = func(string) { h.OnReport = nil; h.Close(); h.Open(s) }
	h.OnFrame = func(media.Frame) {
		if len(h.Frames) == 2 {
			h.Close()
		}
	}
	h.Open(s)
	h.RunFor(time.Second)
	if len(h.Reports) != 3 || len(h.Frames) != 2 || h.Timers() != 0 {
		t.Fatalf("closed by the second frame: %q, %d frames, %d timers", h.Reports, len(h.Frames), h.Timers())
	}
	h.Open(s)
	h.RunFor(5 * time.Millisecond)
	if _, number, _ := decode(t, h.Frames[2]); number != 3 {
		t.Errorf("number %d after it was opened again, want 3", number)
	}
	if got := s.Figures(); got != (capture.Figures{Frames: 3}) {
		t.Errorf("%+v, want 3 frames and no gaps", got)
	}
	h.Close()
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestQuality(t *testing.T) {
	s, h := open(t, Options{FramesPerSecond: 100, Quality: 90})
	h.Turn()
	s.SetQuality(10)
	h.RunFor(10 * time.Millisecond)
	h.Close()
	s.SetQuality(90)
	h.Open(s)
	h.Turn()
	a, b, c := len(h.Frames[0].Bytes), len(h.Frames[1].Bytes), len(h.Frames[2].Bytes)
	if s.Quality() != 90 || b > a/2 || c < 9*a/10 {
		t.Errorf("frames of %d, %d and %d bytes at quality 90, 10 and 90", a, b, c)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{Width: 641, Height: 480}, "even"},
		{Options{Width: 640}, "640x0"},
		{Options{Width: 2048, Height: 480}, "2040"},
		{Options{Width: 14, Height: 480}, "16"},
		{Options{FramesPerSecond: 241}, "240"},
		{Options{FramesPerSecond: -1}, "0.1"},
		{Options{Quality: 101}, "1 to 100"},
	} {
		if _, err := New(c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one that says %q", c.options, err, c.want)
		}
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	c := newDrawn(t)
	number := uint32(1_000_000_000)
	for i := range 10 { // every digit once
		c.draw(number+uint32(i)*111_111_111, noon.Add(time.Duration(i)*11111*time.Millisecond))
	}
	if n := testing.AllocsPerRun(50, func() { number++; c.draw(number, noon) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestPicture writes the card to the file that CAMCAST_CARD_PNG names, for a person to
// look at, and checks that text and bars are where they belong.
func TestPicture(t *testing.T) {
	c := newDrawn(t)
	c.draw(1234, noon)
	if name := os.Getenv("CAMCAST_CARD_PNG"); name != "" {
		var b bytes.Buffer
		if err := png.Encode(&b, c.picture); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r, g, b, _ := c.picture.At(20, 20).RGBA(); r>>8 < 180 || g>>8 < 180 || b>>8 < 180 {
		t.Errorf("the first bar is %d %d %d, want white", r>>8, g>>8, b>>8)
	}
	bright := 0
	box := c.clock.box
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if c.picture.Y[c.picture.YOffset(x, y)] > 128 {
				bright++
			}
		}
	}
	if share := float64(bright) / float64(box.Dx()*box.Dy()); share < 0.05 || share > 0.6 {
		t.Errorf("%.0f %% of the time's box is bright: there is no text in it", 100*share)
	}
}

func BenchmarkFrame(b *testing.B) {
	_, h := open(b, Options{Width: 1280, Height: 720})
	h.OnFrame = func(media.Frame) { h.Frames = h.Frames[:0] }
	b.ReportAllocs()
	for b.Loop() {
		h.RunFor(time.Second / 30)
	}
}
