package ring_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// stamping lays frames out as packets that are nothing but a timestamp.
type stamping struct{ clock rtp.Clock }

func (s stamping) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	return rtp.Packets{Bytes: append(dst, 0), Count: 1, Timestamp: s.clock.At(f.Captured)}, nil
}

// reordered are frames of a group: where each is shown, in the order in which they are decoded.
var reordered = [][]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8},
	{0, 2, 1, 4, 3, 6, 5, 8, 7},
	{0, 4, 2, 1, 3, 8, 6, 5, 7}, // a pyramid
	{3, 1, 0, 2, 7, 5, 4, 6, 8}, // shown before the key frame
	{0, 8, 4, 2, 1, 3, 6, 5, 7},
}

// TestSqueezeKeepsTheOrder has a reader come after each frame of groups with B-frames, and be sent
// any number of those that follow while it is still caught up. Its timestamps have the pictures in the
// order in which they were taken.
func TestSqueezeKeepsTheOrder(t *testing.T) {
	for _, shown := range reordered {
		for came := 1; came <= len(shown); came++ {
			for caughtUp := came; caughtUp <= len(shown); caughtUp++ {
				r := ring.New(ring.Limits{Frames: 20, Lag: time.Minute, GroupBytes: 1 << 20, GroupTime: time.Minute})
				form := r.NewForm(stamping{rtp.NewClock(rand.Uint32())})
				form.Use()
				rate := []int{25, 30, 240}[came%3]
				squeezed := orderedPublish(t, r, form, shown, came, caughtUp, time.Second/time.Duration(rate))
				for a := range shown {
					for b := range shown {
						if before := int32(squeezed[a]-squeezed[b]) < 0; before != (shown[a] < shown[b]) {
							t.Errorf("%v: who comes after %d frames, and is caught up with %d, has frame %d at %d and frame %d at %d",
								shown, came, caughtUp, a, squeezed[a], b, squeezed[b])
						}
					}
				}
			}
		}
	}
}

// TestAppendRun has the packets of a run get another timestamp, the last one of which is shorter, and nothing else.
func TestAppendRun(t *testing.T) {
	squeeze := ring.NewSqueeze(0, 900_000, 10, 10)
	wire := &ring.Wire{Packets: rtp.Packets{Layout: rtp.Layout{PacketSize: 20, RunPackets: 3}, Timestamp: 300_000}}
	packet := func(timestamp uint32, size int) []byte {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(0x80 + i)
		}
		binary.BigEndian.PutUint32(p[4:], timestamp)
		return p
	}
	run := func(timestamp uint32) []byte {
		return slices.Concat(packet(timestamp, 20), packet(timestamp, 20), packet(timestamp, 13))
	}
	for n, want := range map[uint64]uint32{4: squeeze.At(4, 300_000), 11: 300_000} {
		if got := squeeze.AppendRun([]byte("before"), run(300_000), n, wire); !bytes.Equal(got, append([]byte("before"), run(want)...)) {
			t.Errorf("frame %d: %x, want timestamps of %d", n, got, want)
		}
	}
	if squeeze.At(4, 300_000) == 300_000 {
		t.Error("the timestamp stays the same")
	}
}

// orderedPublish publishes frames, has a reader come after some of them, and returns the timestamps
// that it has of all.
func orderedPublish(t *testing.T, r *ring.Ring, form *ring.Form, shown []int, came, caughtUp int, interval time.Duration) (squeezed []uint32) {
	t.Helper()
	var s ring.Squeeze
	var first ring.Beginning
	depth := 0
	for i, at := range shown {
		depth = max(depth, i-at)
	}
	var stamps []uint32
	for i, at := range shown {
		f := media.Frame{Params: grouped, Bytes: []byte{1}, Key: i == 0}
		f.Captured = time.Hour + time.Duration(at+depth)*interval
		f.Decode = time.Hour + time.Duration(i)*interval
		published, err := r.Publish(f)
		if err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, form.Of(published).Timestamp)
		if i+1 == came {
			ok := false
			if _, s, first, ok = form.CatchUp(); !ok {
				t.Fatal("it is not caught up")
			}
		}
	}
	squeezed = slices.Clone(stamps)
	for i := range caughtUp {
		squeezed[i] = s.At(uint64(i+1), stamps[i])
	}
	if first.Timestamp != squeezed[0] {
		t.Errorf("the first timestamp is %d, and was said to be %d", squeezed[0], first.Timestamp)
	}
	return squeezed
}

// TestSqueezeOfUnevenFrames has a burst of frames after a long pause: each keeps a timestamp of its
// own.
func TestSqueezeOfUnevenFrames(t *testing.T) {
	const edge, between = 20 * rtp.ClockHz, rtp.ClockHz / 240
	s := ring.NewSqueeze(0, edge, 100, 101)
	last := s.At(1, 0)
	for n := uint32(99); n > 0; n-- {
		at := s.At(uint64(101-n), edge-n*between)
		if int32(at-last) <= 0 || at > edge {
			t.Fatalf("frame %d before the edge is at %d, the one before at %d", n, at, last)
		}
		last = at
	}
}
