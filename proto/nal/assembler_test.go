package nal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

func assembler(name string, most int) *nal.Assembler {
	if filepath.Ext(name) == ".h265" {
		return h265.NewAssembler(most)
	}
	return h264.NewAssembler(most)
}

func file(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// files are all streams.
func files(tb testing.TB) (names []string) {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.h26?")
	if err != nil || len(paths) == 0 {
		tb.Fatal(err, "no streams")
	}
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// read gives a stream bytes, and returns copies of its frames and the errors.
func read(s *nal.Stream, data []byte) (frames []media.Frame, errs []error) {
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		switch {
		case err != nil:
			errs = append(errs, err)
		case !ok:
			return frames, errs
		default:
			f.Bytes = bytes.Clone(f.Bytes)
			frames = append(frames, f)
		}
	}
}

// units lists a stream's units, each behind a start code.
func units(tb testing.TB, name string) (list [][]byte) {
	tb.Helper()
	s := nal.NewSplitter(1 << 20)
	s.Push(file(tb, name))
	s.End()
	for {
		unit, err := s.Next()
		if err != nil {
			tb.Fatal(err)
		}
		if unit == nil {
			return list
		}
		list = append(list, append([]byte{0, 0, 0, 1}, unit...))
	}
}

// TestAgainAsAnnexB writes each stream's frames as they were, and reads the same frames.
func TestAgainAsAnnexB(t *testing.T) {
	for _, name := range files(t) {
		frames, errs := read(nal.NewStream(assembler(name, 1<<20)), file(t, name))
		var again []byte
		for i, f := range frames {
			var sets [][]byte
			if f.Key {
				sets = f.Params.ParameterSets
			}
			var err error
			if again, err = nal.AppendAnnexB(again, sets, f.Bytes); err != nil {
				t.Fatal(name, i, err)
			}
		}
		got, _ := read(nal.NewStream(assembler(name, 1<<20)), again)
		if len(errs) > 0 || len(got) != len(frames) {
			t.Fatalf("%s: %d frames, want %d; %v", name, len(got), len(frames), errs)
		}
		for i := range got {
			if !same(&got[i], &frames[i]) {
				t.Errorf("%s: frame %d is another one", name, i)
			}
		}
	}
}

func same(a, b *media.Frame) bool {
	return bytes.Equal(a.Bytes, b.Bytes) && a.Key == b.Key && a.Disposable == b.Disposable && a.Params.Equal(b.Params)
}

// TestParametersChange has a camera's size change, and change back.
func TestParametersChange(t *testing.T) {
	for _, extension := range []string{".h264", ".h265"} {
		s := nal.NewStream(assembler(extension, 1<<20))
		var last *media.Params
		for i, name := range []string{"baseline", "baseline", "cropped", "cropped", "baseline"} {
			frames, errs := read(s, file(t, name+extension))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			want := []uint32{0, 0, 1, 1, 2}[i]
			for n, f := range frames {
				if f.Params.Version != want || (f.Params.Width == 90) != (name == "cropped") || n > 0 && f.Params != frames[0].Params {
					t.Errorf("%s%s, frame %d: %+v, want version %d", name, extension, n, f.Params, want)
				}
			}
			if i == 1 && frames[0].Params != last {
				t.Errorf("%s: other parameters, and nothing has changed", extension)
			}
			last = frames[0].Params
		}
	}
}

// TestWhatIsDropped has delimiters, filler data and other layers be no part of frames.
func TestWhatIsDropped(t *testing.T) {
	for name, dropped := range map[string][]string{
		"slices.h264": {"\x09\xf0", "\x0c\xff\xff\x80", "\x6e\x40\x80\x05abc", "\x74\x40\x80\x05abc", "\x6f\x42\x00\x1e\x95", "\x13\x88abc"},
		"slices.h265": {"\x46\x01\x50", "\x4c\x01\xff\xff\x80", "\x02\x09\xd0abc", "\x42\x09\x01\x01abc"},
	} {
		want, _ := read(nal.NewStream(assembler(name, 1<<20)), file(t, name))
		for _, unit := range dropped {
			var data []byte
			for _, u := range units(t, name) {
				if unit[0] == '\x46' || unit[0] == '\x09' { // delimiters between frames are in the stream
					data = append(data, u...)
					continue
				}
				data = append(append(append(data, u...), 0, 0, 1), unit...)
			}
			got, errs := read(nal.NewStream(assembler(name, 1<<20)), data)
			if len(errs) > 0 || len(got) != len(want) {
				t.Fatalf("%s with %x: %d frames, want %d; %v", name, unit, len(got), len(want), errs)
			}
			for i := range got {
				if !same(&got[i], &want[i]) {
					t.Errorf("%s with %x: frame %d is another one", name, unit, i)
				}
			}
			for _, f := range got {
				if bytes.Contains(f.Bytes, append([]byte{0, 0, 0, byte(len(unit))}, unit...)) {
					t.Errorf("%s: %x is in a frame", name, unit)
				}
			}
		}
	}
}

// TestTooLargeFrames has frames over the limit be dropped, and the others be as they were.
func TestTooLargeFrames(t *testing.T) {
	for _, name := range files(t) {
		whole, _ := read(nal.NewStream(assembler(name, 1<<20)), file(t, name))
		for _, most := range []int{40, 60, 100, 150, 300, 600} {
			var want []media.Frame
			for _, f := range whole {
				if len(f.Bytes) <= most {
					want = append(want, f)
				}
			}
			got, errs := read(nal.NewStream(assembler(name, most)), file(t, name))
			if len(got) != len(want) || len(got)+len(errs) != len(whole) {
				// A parameter set may be over the limit, too.
				if most > 60 {
					t.Errorf("%s, frames of at most %d bytes: %d frames and %d errors, want %d of %d", name, most, len(got), len(errs), len(want), len(whole))
				}
				continue
			}
			for i := range got {
				if !bytes.Equal(got[i].Bytes, want[i].Bytes) {
					t.Errorf("%s, frames of at most %d bytes: frame %d is another one", name, most, i)
				}
			}
			for _, err := range errs {
				if !errors.Is(err, nal.ErrTooLarge) {
					t.Error(name, err)
				}
			}
		}
	}
}

// TestGradualRefresh has a stream without any other key frame begin at recovery points.
func TestGradualRefresh(t *testing.T) {
	keys := func(s *nal.Stream, data []byte) (n int) {
		frames, _ := read(s, data)
		for _, f := range frames {
			if f.Key {
				n++
			}
		}
		return n
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	if n := keys(s, file(t, "refresh.h264")); n != 1 {
		t.Errorf("%d key frames, want the first one alone", n)
	}
	// The frames between the first one and the last recovery point, again and again: 250 frames on
	// one of them begins.
	list := units(t, "refresh.h264")
	first := 0
	for i, u := range list {
		if u[4]&0x1f == 5 {
			first = i + 1
		}
	}
	rest := bytes.Join(list[first:], nil)
	for i := range 40 {
		want := 0
		if i == 18 || i == 37 {
			want = 1
		}
		if n := keys(s, rest); n != want {
			t.Errorf("after %d times 13 frames: %d key frames, want %d", i+1, n, want)
		}
	}
}

// TestSpoil drops a frame of which something is missing.
func TestSpoil(t *testing.T) {
	a := h264.NewAssembler(1 << 20)
	lost := errors.New("lost")
	for i, u := range units(t, "baseline.h264")[:4] {
		if err := a.Add(u[4:]); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			a.Spoil(lost)
			if _, ok, err := a.Finish(); ok || err != lost {
				t.Errorf("a frame is %v, %v", ok, err)
			}
			continue
		}
		f, ok, err := a.Finish()
		if ok != (i == 3) || err != nil || ok && (f.Key || f.Params.Width != 96) {
			t.Errorf("unit %d: a frame is %v, %v", i, ok, err)
		}
	}
	if err := a.Add(nil); !errors.Is(err, nal.ErrMalformed) {
		t.Errorf("an empty unit: %v", err)
	}
}
