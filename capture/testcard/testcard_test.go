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
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

var noon = time.Date(2026, 11, 23, 12, 34, 56, 789_000_000, time.Local)

// testClock has real beats, and a time of day that stands still.
var testClock = capture.Clock{Monotonic: monotonic, Wall: func() time.Time { return noon }}

// next waits for the source's fd and takes a frame.
func next(t testing.TB, s *Source) capture.Frame {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(s.FD()), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, 5000); err == unix.EINTR {
			continue
		} else if err != nil || n != 1 {
			t.Fatalf("no frame within 5 s: %v", err)
		}
		f, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

func open(t testing.TB, o Options) *Source {
	t.Helper()
	s, err := Open(o, testClock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestFrames(t *testing.T) {
	for _, size := range []image.Point{{640, 480}, {320, 240}, {1280, 720}, {176, 144}, {642, 362}} {
		for _, quality := range []int{10, 80} {
			t.Run(fmt.Sprintf("%v quality %d", size, quality), func(t *testing.T) {
				s := open(t, Options{Width: size.X, Height: size.Y, FramesPerSecond: 100, Quality: quality})
				var last capture.Frame
				for i := range 5 {
					f := next(t, s)
					picture, err := jpeg.Decode(bytes.NewReader(f.Data))
					if err != nil {
						t.Fatal(err)
					}
					if picture.Bounds().Size() != size {
						t.Errorf("size %v", picture.Bounds().Size())
					}
					number, wall, err := Read(picture)
					if err != nil || number != f.Sequence || !wall.Equal(noon) {
						t.Errorf("read %d, %v, %v; want %d, %v", number, wall, err, f.Sequence, noon)
					}
					if i > 0 && (f.Sequence <= last.Sequence || f.Time <= last.Time) {
						t.Errorf("frame %d at %v after frame %d at %v", f.Sequence, f.Time, last.Sequence, last.Time)
					}
					last = f
					s.Release()
				}
				if got := s.Figures(); got.Frames+got.Gaps != uint64(last.Sequence) {
					t.Errorf("%+v at frame %d", got, last.Sequence)
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
		s := open(t, Options{Width: c.size.X, Height: c.size.Y, FramesPerSecond: 200})
		f := next(t, s)
		picture, err := jpeg.Decode(bytes.NewReader(f.Data))
		if err != nil || picture.Bounds().Size() != c.size {
			t.Fatalf("%v: %v", c.size, err)
		}
		if number, _, err := Read(picture); (err == nil) != c.read || c.read && number != f.Sequence {
			t.Errorf("%v: read %d, %v; want %d: %v", c.size, number, err, f.Sequence, c.read)
		}
	}
}

// TestReadTakesAnyImage reads what a player shows: pixels of red, green and blue, and a
// part of a larger picture.
func TestReadTakesAnyImage(t *testing.T) {
	s := open(t, Options{})
	s.card.draw(4_000_000_000, noon)
	shown := image.NewRGBA(image.Rect(0, 0, 700, 500))
	draw.Draw(shown, image.Rect(30, 10, 670, 490), s.card.picture, image.Point{}, draw.Src)
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

// TestLateReaderSeesGaps reads a fast card once per frame of a slow one.
func TestLateReaderSeesGaps(t *testing.T) {
	fast := open(t, Options{FramesPerSecond: 240, Width: 64, Height: 64})
	slow := open(t, Options{FramesPerSecond: 20, Width: 64, Height: 64})
	first := next(t, fast)
	next(t, slow)
	next(t, slow)
	f := next(t, fast)
	gap := uint64(f.Sequence - first.Sequence - 1)
	if gap < 5 || fast.Figures().Gaps < gap || fast.Figures().Frames != 2 {
		t.Errorf("sequence %d after %d, figures %+v", f.Sequence, first.Sequence, fast.Figures())
	}
	due := first.Time + time.Duration(gap+1)*time.Second/240
	if off := f.Time - due; off.Abs() > time.Millisecond {
		t.Errorf("the frame's time is %v off the beat", off)
	}
}

func TestNothingIsReadyBetweenFrames(t *testing.T) {
	s := open(t, Options{FramesPerSecond: 0.1})
	next(t, s)
	if _, err := s.Next(); !errors.Is(err, capture.ErrNotReady) {
		t.Errorf("error %v, want ErrNotReady", err)
	}
}

func TestOpenRefuses(t *testing.T) {
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
		s, err := Open(c.options, testClock)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one that says %q", c.options, err, c.want)
		}
		if err == nil {
			s.Close()
		}
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	s := open(t, Options{})
	number := uint32(1_000_000_000)
	for i := range 10 { // every digit once
		s.card.draw(number+uint32(i)*111_111_111, noon.Add(time.Duration(i)*11111*time.Millisecond))
	}
	if n := testing.AllocsPerRun(50, func() { number++; s.card.draw(number, noon) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestPicture writes the card to the file that CAMCAST_CARD_PNG names, for a person to
// look at, and checks that text and bars are where they belong.
func TestPicture(t *testing.T) {
	s := open(t, Options{})
	s.card.draw(1234, noon)
	if name := os.Getenv("CAMCAST_CARD_PNG"); name != "" {
		var b bytes.Buffer
		if err := png.Encode(&b, s.card.picture); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r, g, b, _ := s.card.picture.At(20, 20).RGBA(); r>>8 < 180 || g>>8 < 180 || b>>8 < 180 {
		t.Errorf("the first bar is %d %d %d, want white", r>>8, g>>8, b>>8)
	}
	bright := 0
	box := s.card.clock.box
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if s.card.picture.Y[s.card.picture.YOffset(x, y)] > 128 {
				bright++
			}
		}
	}
	if share := float64(bright) / float64(box.Dx()*box.Dy()); share < 0.05 || share > 0.6 {
		t.Errorf("%.0f %% of the time's box is bright: there is no text in it", 100*share)
	}
}

func BenchmarkNext(b *testing.B) {
	s := open(b, Options{Width: 1280, Height: 720})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.card.draw(uint32(i), noon)
		s.data, _ = s.encoder.Encode(s.data, s.card.picture)
	}
}

func Example() {
	clock := capture.Clock{Monotonic: monotonic, Wall: func() time.Time { return noon }}
	card, err := Open(Options{Width: 320, Height: 240, FramesPerSecond: 50}, clock)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer card.Close()
	// A loop would wait for card.FD(); the first frame is due at once.
	frame, err := card.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	picture, err := jpeg.Decode(bytes.NewReader(frame.Data))
	if err != nil {
		fmt.Println(err)
		return
	}
	number, wall, err := Read(picture)
	fmt.Println(picture.Bounds().Size(), number, wall.Format("15:04:05.000"), err)
	// Output: (320,240) 1 12:34:56.789 <nil>
}
