//go:build !race

// The race detector has memory be allocated twice where it is else allocated once.

package nal_test

import (
	"testing"

	"github.com/camcast/camcast/proto/nal"
)

// TestFramesAllocateNothing reads each stream again and again: once buffers have grown, and the
// parameter sets are known, nothing is allocated.
func TestFramesAllocateNothing(t *testing.T) {
	for _, name := range files(t) {
		data, s := file(t, name), nal.NewStream(assembler(name, 1<<20))
		step := func() {
			frames := 0
			for rest := data; ; {
				n := min(700, len(rest))
				s.Push(rest[:n])
				if rest = rest[n:]; len(rest) == 0 {
					s.End()
				}
				for {
					_, ok, err := s.Next()
					if err != nil {
						t.Fatal(name, err)
					}
					if !ok {
						break
					}
					frames++
				}
				if len(rest) == 0 {
					break
				}
			}
			if frames < 3 {
				t.Fatalf("%s: %d frames", name, frames)
			}
		}
		step()
		if n := testing.AllocsPerRun(20, step); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
