package v4l2

import (
	"bytes"
	"errors"
	"image/jpeg"
	"reflect"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/media"
)

func TestFrames(t *testing.T) {
	d, s := newDesk(t, Options{Width: 640, Height: 480, Buffers: 3})
	if got := s.Describe(); got != (capture.Description{Source: "/dev/video0", Device: true}) {
		t.Errorf("described as %+v before it was open", got)
	}
	d.host.Open(s)
	d.host.Turn()
	d.check(0, 1, 0, "live")
	if !reflect.DeepEqual(d.wishes, s.options) || d.wishes.Buffers != 3 || !d.host.Watched(fakeFD) {
		t.Errorf("opened with %+v", d.wishes)
	}
	want := media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 30}
	if got := s.Describe(); got.Source != "/dev/video0 (C922)" || got.Coding != "MJPEG" || !reflect.DeepEqual(*got.Params, want) || !got.Device {
		t.Errorf("described as %+v", got)
	}
	d.host.Stall(time.Second)
	d.frame(0, picture)
	d.host.Turn()
	d.check(1, 1, 0, "live")
	if f := d.host.Frames[0]; !bytes.Equal(f.Bytes, picture) || f.Captured != d.host.Now()-time.Millisecond || !f.Key {
		t.Errorf("frame %v captured at %v, now %v; key %v", f.Bytes, f.Captured, d.host.Now(), f.Key)
	}
	d.host.Close()
	d.host.Turn()
	d.check(1, 1, 1, "live")
	if err := s.Close(); err != nil || d.host.Jobs() != 0 {
		t.Errorf("closed twice: %v, %d jobs", err, d.host.Jobs())
	}
}

// TestGaps wants exact figures: of frames that are missing in the driver's sequence, also
// where it wraps, and of broken ones. A camera that is opened again begins a new sequence.
func TestGaps(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.host.Open(s)
	d.host.Turn()
	for _, sequence := range []uint32{1<<32 - 4, 1<<32 - 3, 1<<32 - 1, 3, 4, 4, 2, 3} {
		d.frame(sequence, picture)
		d.host.Turn()
	}
	if got, want := s.Figures(), (capture.Figures{Frames: 8, Gaps: 1 + 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	d.frame(4, nil)
	d.frame(5, []byte("no picture"))
	d.frame(8, picture)
	d.host.Turn()
	if got, want := s.Figures(), (capture.Figures{Frames: 9, Gaps: 6, Broken: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	d.host.Close()
	d.host.Open(s)
	d.host.RunFor(time.Second)
	d.frame(700, picture)
	d.host.Turn()
	if got, want := s.Figures(), (capture.Figures{Frames: 10, Gaps: 6, Broken: 2}); got != want {
		t.Errorf("%+v after it was opened again, want %+v", got, want)
	}
	d.check(10, 2, 1, "live", "live")
}

// TestPendingFrames has frames wait already when the camera is watched, after which some
// drivers report no others: they are taken before. The watchdog's call takes all, too.
func TestPendingFrames(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.host.HoldJobs = true
	d.host.Open(s)
	d.host.RunJob()
	for i := range 3 {
		d.frame(uint32(i), picture)
	}
	readable := d.host.Readable
	d.host.Readable = nil // no wake-up comes
	d.host.Turn()
	d.check(3, 1, 0, "live")
	for i := range 4 {
		d.frame(uint32(3+i), picture)
	}
	d.host.CallReady()
	d.host.CallReady()
	d.check(7, 1, 0, "live")
	d.host.Readable = readable
	d.host.Close()
}

// TestTimes believes a driver's time only if it is on the right clock and near.
func TestTimes(t *testing.T) {
	now := time.Hour
	for _, c := range []struct {
		buffer buffer
		want   time.Duration
	}{
		{buffer{captured: now - 20*time.Millisecond, isMonotonic: true}, now - 20*time.Millisecond},
		{buffer{captured: now + 34*time.Millisecond, isMonotonic: true}, now + 34*time.Millisecond},
		{buffer{captured: now - 20*time.Millisecond}, now},
		{buffer{captured: now - time.Minute, isMonotonic: true}, now},
		{buffer{captured: 1e18, isMonotonic: true}, now},
	} {
		if got := captured(c.buffer, now); got != c.want {
			t.Errorf("%+v: %v, want %v", c.buffer, got, c.want)
		}
	}
}

// TestYUYV encodes what the camera does not, and gives the buffer back before.
func TestYUYV(t *testing.T) {
	d, s := newDesk(t, Options{Format: "yuyv", Quality: 90})
	d.has = setup{card: "C922", mode: mode{"yuyv", "YUYV", 64, 48}, pixels: encode.Pixels{Format: encode.YUYV, Width: 64, Height: 48, Stride: 130}, rate: 15, buffers: 4}
	if s.Quality() != 0 {
		t.Errorf("quality %d before it was open", s.Quality())
	}
	d.host.HoldJobs = true
	d.host.Open(s)
	d.host.RunJob()
	s.SetQuality(300)
	d.host.HoldJobs = false
	d.host.OnFrame = func(media.Frame) {
		if len(d.now.held) != 0 {
			t.Error("the buffer is kept while the host has the frame")
		}
	}
	data := bytes.Repeat([]byte{200, 128}, 65*48)
	d.frame(0, data)
	d.frame(1, data[:47*130+127]) // a byte is missing
	d.host.Turn()
	d.host.Turn() // the worker is done
	d.check(1, 1, 0, "live")
	p, err := jpeg.Decode(bytes.NewReader(d.host.Frames[0].Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, _, _ := p.At(10, 10).RGBA(); p.Bounds().Dx() != 64 || p.Bounds().Dy() != 48 || r>>8 < 190 || r>>8 > 210 {
		t.Errorf("%v, brightness %d; want 64x48 and 200", p.Bounds(), r>>8)
	}
	if got := s.Figures(); got != (capture.Figures{Frames: 1, Broken: 1}) || s.Quality() != 100 {
		t.Errorf("%+v, quality %d", got, s.Quality())
	}
	d.host.OnFrame = func(media.Frame) { d.host.Close() }
	d.frame(2, data)
	d.host.Turn()
	d.host.Turn()
	d.check(2, 1, 1, "live")
	s.SetQuality(30)
	d.has = setup{card: "C922", mode: mode{"mjpeg", "MJPG", 64, 48}, rate: 15, buffers: 4}
	d.host.OnFrame = nil
	d.host.Open(s)
	d.host.Turn()
	if got := s.Describe(); got.Coding != "MJPEG" || s.Quality() != 0 || d.wishes.Quality != 30 {
		t.Errorf("described as %+v, quality %d, wished %d", got, s.Quality(), d.wishes.Quality)
	}
}

// TestSlowEncoder has the worker take longer than an interval: the driver has its buffers back, the
// newest picture waits, and those that it replaces are counted. Then the camera is closed, at each
// moment: what is encoded comes no more, and the device does not wait for it.
func TestSlowEncoder(t *testing.T) {
	const closedBefore, closedAfter, lostBefore = 0, 1, 2 // the job ends
	for _, end := range []int{closedBefore, closedAfter, lostBefore} {
		d, s := newDesk(t, Options{Format: "yuyv"})
		d.has = setup{card: "C922", mode: mode{"yuyv", "YUYV", 64, 48}, pixels: encode.Pixels{Format: encode.YUYV, Width: 64, Height: 48, Stride: 128}, rate: 30, buffers: 4}
		d.host.Open(s)
		d.host.Turn()
		d.host.HoldJobs = true
		bright := func(n uint32) []byte { return bytes.Repeat([]byte{byte(20 * n), 128}, 64*48) }
		for n := range uint32(4) {
			d.frame(n, bright(n))
			d.host.Turn()
			d.check(0, 1, 0, "live")
		}
		if d.host.Jobs() != 1 {
			t.Fatalf("%d jobs at once", d.host.Jobs())
		}
		d.host.RunJob()
		d.host.Turn()
		if got, want := s.Figures(), (capture.Figures{Frames: 1, Skipped: 2}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		for _, memory := range d.memory { // the driver's again
			clear(memory)
		}
		if end == closedAfter {
			d.host.RunJob()
		}
		reports := []string{"live"}
		if end == lostBefore {
			d.broken = errors.New("system error")
			d.host.Turn()
			d.host.RunJob()
			reports = append(reports, "lost: /dev/video0: system error")
		}
		d.host.Turn()
		d.host.Close()
		for d.host.Jobs() > 0 {
			d.host.RunJob()
			d.host.Turn()
		}
		frames := 1
		if end == closedAfter {
			frames = 2
		}
		d.check(frames, 1, 1, reports...)
		for i, f := range d.host.Frames {
			p, err := jpeg.Decode(bytes.NewReader(f.Bytes))
			if err != nil {
				t.Fatal(err)
			}
			want := 60 * i // frame 0, then frame 3
			if r, _, _, _ := p.At(10, 10).RGBA(); int(r>>8) < want-5 || int(r>>8) > want+5 {
				t.Errorf("brightness %d, want %d", r>>8, want)
			}
		}
		if got, want := s.Figures(), (capture.Figures{Frames: uint64(frames), Skipped: 2}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// TestParams stay the same from opening to opening unless the camera gives something else.
func TestParams(t *testing.T) {
	d, s := newDesk(t, Options{})
	var got []*media.Params
	for _, rate := range []float64{30, 30, 25} {
		d.has.rate = rate
		d.host.Open(s)
		d.host.Turn()
		d.host.Turn()
		got = append(got, s.Describe().Params)
		d.host.Close()
		d.host.Turn()
	}
	if got[0] != got[1] || got[2].Version != got[1].Version+1 || got[2].FramesPerSecond != 25 {
		t.Errorf("%+v, %+v, %+v", got[0], got[1], got[2])
	}
}
