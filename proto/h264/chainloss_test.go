package h264_test

import (
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
)

// chainStreams are streams of groups of several shapes.
var chainStreams = []string{"single", "two", "wrap", "long", "one", "three", "pyramid", "lone", "seven"}

// chainStream is a stream, and what a receiver has learned of it.
type chainStream struct {
	name    string
	frames  []media.Frame
	times   []uint32
	before  []h264.Chain // before each frame
	packets int          // of each frame
	keys    int          // of each key frame
}

const chainTick = 3600 // from one picture to the next one

func readChainStream(t *testing.T, name string, jitter uint32, packets, keys int) (s chainStream) {
	s = chainStream{name: name, packets: packets, keys: keys}
	s.frames, s.times = shownFrames(t, "testdata/chain/"+name+".h264")
	var c h264.Chain
	for i := range s.frames {
		if jitter > 0 {
			s.times[i] += uint32(i*i*7919) % jitter
		}
		s.before = append(s.before, c)
		if !c.Next(&s.frames[i], s.arrival(i, 0)) {
			t.Fatalf("%s: frame %d lacks one, and all have come", name, i)
		}
	}
	return s
}

func (s *chainStream) packetsOf(i int) int {
	if s.frames[i].Key {
		return s.keys
	}
	return s.packets
}

func (s *chainStream) arrival(i, missing int) h264.Arrival {
	return h264.Arrival{Timestamp: s.times[i], Packets: s.packetsOf(i), Missing: missing}
}

// lose has frames from first to the one before end not come, nor later ones that isLost says. No frame may be
// handed on that others are missing before. It returns whether one was withheld that could be decoded.
func (s *chainStream) lose(t *testing.T, first, end int, isLost func(n int) bool) (withheld bool) {
	t.Helper()
	c, whole, missing := s.before[first], true, 0
	for i := first; i < len(s.frames); i++ {
		f := &s.frames[i]
		if i < end || isLost(i) {
			whole, missing = whole && f.Disposable, missing+s.packetsOf(i)
			continue
		}
		whole = whole || f.Key
		got := c.Next(f, s.arrival(i, missing))
		if got && !whole {
			t.Fatalf("%s: frames %d to %d are lost: frame %d is handed on, and lacks one that it needs", s.name, first, end-1, i)
		}
		withheld = withheld || whole && !got
		if got {
			break // from here on it is as if nothing had been lost
		}
		for i > first && i+1 < len(s.frames) && !s.frames[i+1].Key {
			i++ // only a key frame helps now
		}
		missing = 0
	}
	return withheld
}

func none(int) bool { return false }

// TestChainOfEveryLoss loses each frame, and each run of up to 40 frames, of groups of many shapes, with times that
// jitter and without: no frame is handed on that needs a lost one. Where no other needs those that are lost, few are
// withheld: where both counts are right for an IDR picture, too, and it could be in as few packets.
func TestChainOfEveryLoss(t *testing.T) {
	for _, name := range chainStreams {
		for keys, jitter := range map[int]uint32{1: 0, 30: chainTick / 8} {
			s := readChainStream(t, name, jitter, 1, keys)
			harmless, others := 0, 0
			for first := range s.frames {
				needed := false
				for end := first + 1; end <= min(first+40, len(s.frames)); end++ {
					needed = needed || !s.frames[end-1].Disposable
					withheld := s.lose(t, first, end, none)
					if !needed && first > 3 {
						harmless++
						if withheld {
							others++
						}
					}
				}
			}
			if bound := map[bool]int{true: harmless / 10, false: harmless / 50}[keys == 1]; others > bound {
				t.Errorf("%s, key frames of %d packets: %d of %d losses of what no other needs have others withheld, want %d at most", name, keys, others, harmless, bound)
			}
		}
	}
}

// TestChainOfThinnedLoss has frames that no other needs not be sent from the fifth on, and loses each run of others,
// too.
func TestChainOfThinnedLoss(t *testing.T) {
	for _, name := range chainStreams {
		s := readChainStream(t, name, 0, 3, 40)
		isThinned := func(n int) bool { return s.frames[n].Disposable }
		c, missing := s.before[5], 0
		for i := 5; i < len(s.frames); i++ {
			if s.before[i] = c; isThinned(i) {
				missing += s.packetsOf(i)
				continue
			}
			if !c.Next(&s.frames[i], s.arrival(i, missing)) {
				t.Errorf("%s: frame %d is withheld, and only frames are missing that no other needs", name, i)
			}
			missing = 0
		}
		for first := 5; first < len(s.frames); first++ {
			for end := first + 1; end <= min(first+40, len(s.frames)); end++ {
				s.lose(t, first, end, isThinned)
			}
		}
	}
}
