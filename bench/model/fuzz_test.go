package model

import (
	"bytes"
	"testing"
	"time"
)

// FuzzCheck has a reader of a benchmark get any picture: only what a Framer has made is whole, and
// the same bytes are judged the same.
func FuzzCheck(f *testing.F) {
	const frameBytes = 4000
	framer, err := NewFramer(frameBytes)
	if err != nil {
		f.Fatal(err)
	}
	frame, err := framer.Next()
	if err != nil {
		f.Fatal(err)
	}
	whole := bytes.Clone(frame.Picture)
	f.Fuzz(func(t *testing.T, at int, change, other []byte) {
		damaged := bytes.Clone(whole)
		if at = at % len(damaged); at < 0 {
			at = -at
		}
		for i := range change {
			damaged[(at+i)%len(damaged)] ^= change[i]
		}
		number, made, err := Check(damaged)
		if bytes.Equal(damaged, whole) {
			if err != nil || number != 1 {
				t.Fatalf("frame %d, %v", number, err)
			}
		} else if number2, made2, err2 := Check(damaged); number != number2 || made != made2 || (err == nil) != (err2 == nil) {
			t.Fatalf("frame %d, %v, and then %d, %v", number, err, number2, err2)
		}
		for _, check := range []func([]byte) (uint64, time.Duration, error){Check, CheckH264} {
			if number, made, err := check(other); err != nil && (number != 0 || made != 0) {
				t.Fatalf("frame %d of %v, and %v", number, made, err)
			}
		}
	})
}
