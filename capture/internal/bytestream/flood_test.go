package bytestream

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFlood has a program write without a pause: the loop reads no more than it may in a while, and rests.
func TestFlood(t *testing.T) {
	for name, test := range map[string]struct {
		format       string
		data         []byte
		frames, read uint64 // at most, in a second
	}{
		"pictures":       {MJPEG, load(t, "mjpeg"), 640, 1 << 30},
		"rubbish":        {MJPEG, bytes.Repeat([]byte("rubbish "), 10_000), 0, 44 << 20},
		"empty pictures": {MJPEG, bytes.Repeat([]byte{0xff, 0xd8}, 40_000), 0, 12 << 20},
		"units":          {H264, bytes.Repeat([]byte{0, 0, 1, 0x65, 0x88, 0x84}, 20_000), 0, 2 << 20},
		"parts":          {Multipart, bytes.Repeat([]byte("--b\n\n"), 20_000), 0, 2 << 20},
	} {
		s := newStage(t, Options{Format: test.format, MaxFrame: 1 << 30})
		written, end := uint64(0), s.host.Now()+time.Second
		for turns := 0; s.host.Now() < end; turns++ {
			n, err := unix.Write(s.write, test.data)
			if written += uint64(max(n, 0)); n < len(test.data) {
				rest := test.data[max(n, 0):]
				for len(rest) > 0 && s.host.Now() < end {
					if s.host.RunFor(time.Millisecond); err != nil && !errors.Is(err, unix.EAGAIN) {
						t.Fatal(err)
					}
					if n, err = unix.Write(s.write, rest); n > 0 {
						rest, written = rest[n:], written+uint64(n)
					}
				}
			}
			if turns > 1<<20 {
				t.Fatal("the clock stands still")
			}
		}
		if got := s.source.Figures(); got.Frames > test.frames+150 || written > test.read || test.frames > 0 && got.Frames < test.frames/2 {
			t.Errorf("%s: %d frames, %d bytes in a second", name, got.Frames, written)
		}
	}
}

// TestRestIsNoSilence has a program write frames without lengths faster than they are read: what waits in the
// pipe meanwhile is no pause of the program.
func TestRestIsNoSilence(t *testing.T) {
	s := newStage(t, Options{FramesPerSecond: 100})
	data := bytes.Repeat(load(t, "nal/testdata/baseline.h264"), 400)
	for len(data) > 0 {
		n, err := unix.Write(s.write, data)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
		data = data[max(n, 0):]
		s.host.RunFor(time.Millisecond)
	}
	s.host.RunFor(time.Minute)
	if got := s.source.Figures(); got.Broken > 0 || got.Frames < 1000 {
		t.Errorf("%+v", got)
	}
}
