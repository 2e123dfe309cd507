package nal_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/camcast/camcast/proto/nal"
)

// TestCutAtEveryByte cuts each stream off: all frames but the last are as they were, and where
// a slice has begun there is a frame or an error.
func TestCutAtEveryByte(t *testing.T) {
	for _, name := range files(t) {
		data := file(t, name)
		whole, _ := read(nal.NewStream(assembler(name, 1<<20)), data)
		s := nal.NewSplitter(1 << 20)
		s.Push(data)
		slice := 0 // where the first one begins
		for unit, _ := s.Next(); ; unit, _ = s.Next() {
			if t := unit[0]; filepath.Ext(name) == ".h264" && t&0x1f <= 5 || filepath.Ext(name) == ".h265" && t>>1 < 32 {
				slice = bytes.Index(data, unit)
				break
			}
		}
		for n := range data {
			got, errs := read(nal.NewStream(assembler(name, 1<<20)), data[:n])
			if n > slice+1 && len(got)+len(errs) == 0 {
				t.Fatalf("%s, %d bytes: no frame and no error", name, n)
			}
			for i := range got[:max(len(got)-1, 0)] {
				if !same(&got[i], &whole[i]) {
					t.Fatalf("%s, %d bytes: frame %d is another one", name, n, i)
				}
			}
			for _, err := range errs {
				if !errors.Is(err, nal.ErrMalformed) && !errors.Is(err, nal.ErrNoParameters) {
					t.Fatal(name, n, err)
				}
			}
		}
	}
}

// TestBeginInTheMiddle begins each stream at every unit: frames without their parameter sets are
// errors, and the others are as they were.
func TestBeginInTheMiddle(t *testing.T) {
	for _, name := range files(t) {
		list := units(t, name)
		whole, _ := read(nal.NewStream(assembler(name, 1<<20)), file(t, name))
		for i := range list {
			got, errs := read(nal.NewStream(assembler(name, 1<<20)), bytes.Join(list[i:], nil))
			for _, err := range errs {
				if !errors.Is(err, nal.ErrNoParameters) {
					t.Fatal(name, i, err)
				}
			}
			if len(got)+len(errs) > len(whole) {
				t.Fatalf("%s from unit %d: %d frames and %d errors, of %d", name, i, len(got), len(errs), len(whole))
			}
			// The first one may be the rest of a frame.
			for n := 1; n < len(got); n++ {
				if !bytes.Equal(got[len(got)-n].Bytes, whole[len(whole)-n].Bytes) {
					t.Fatalf("%s from unit %d: frame %d from the end is another one", name, i, n)
				}
			}
		}
	}
}
