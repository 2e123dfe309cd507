package nal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// FuzzStream reads any bytes, in pieces: the frames are those of all bytes at once, they are
// within the limit, and written again they are the same.
func FuzzStream(f *testing.F) {
	for _, name := range files(f) {
		f.Add(file(f, name), bytes.HasSuffix([]byte(name), []byte("5")), 500)
	}
	f.Fuzz(func(t *testing.T, data []byte, isH265 bool, n int) {
		if n < 1 || len(data) > 1<<16 {
			return
		}
		name := ".h264"
		if isH265 {
			name = ".h265"
		}
		const most = 3000
		whole, errs := read(nal.NewStream(assembler(name, most)), data)
		for _, err := range errs {
			if !errors.Is(err, nal.ErrMalformed) && !errors.Is(err, nal.ErrTooLarge) && !errors.Is(err, nal.ErrNoParameters) {
				t.Fatal(err)
			}
		}
		s, count := nal.NewStream(assembler(name, most)), 0
		for rest := data; ; {
			s.Push(rest[:min(n, len(rest))])
			if rest = rest[min(n, len(rest)):]; len(rest) == 0 {
				s.End()
			}
			for {
				frame, ok, err := s.Next()
				if err != nil {
					continue
				}
				if !ok {
					break
				}
				if count >= len(whole) || !same(&frame, &whole[count]) {
					t.Fatalf("in pieces of %d bytes frame %d is another one", n, count)
				}
				count++
			}
			if len(rest) == 0 {
				break
			}
		}
		if count != len(whole) {
			t.Fatalf("in pieces of %d bytes there are %d frames, want %d", n, count, len(whole))
		}
		for _, frame := range whole {
			checkFrame(t, &frame, most)
		}
	})
}

// checkFrame fails unless a frame is one that others may rely on.
func checkFrame(t *testing.T, f *media.Frame, most int) {
	t.Helper()
	p := f.Params
	if len(f.Bytes) == 0 || len(f.Bytes) > most || p == nil || p.Width < 1 || p.Height < 1 || p.Width > 32768 || p.Height > 32768 ||
		p.FramesPerSecond < 0 || p.FramesPerSecond > nal.MaxRate || len(p.ParameterSets) < 2 {
		t.Fatalf("a frame of %d bytes, %+v", len(f.Bytes), p)
	}
	for rest := f.Bytes; len(rest) > 0; {
		var err error
		if _, rest, err = nal.Next(rest); err != nil {
			t.Fatal(err)
		}
	}
}
