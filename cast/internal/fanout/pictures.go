package fanout

import "github.com/camcast/camcast/cast/internal/ring"

// pictures is what is known of a stream's groups of pictures: how many packets and frames they
// have, and how many of these no other frame needs.
type pictures struct{ present, last shape }

// shape is what is counted of one group.
type shape struct {
	packets, frames uint32
	// disposable packets are of frames that no other needs; gap is how many of them are in a
	// row at most, and run how many the present row has.
	disposable, gap, run uint32
}

// count counts a frame.
func (p *pictures) count(f *ring.Frame, w *ring.Wire) {
	if f.Key {
		p.last, p.present = p.present, shape{}
	}
	s := &p.present
	s.frames++
	s.packets += uint32(w.Count)
	if !f.Disposable {
		s.run = 0
		return
	}
	s.disposable += uint32(w.Count)
	s.run += uint32(w.Count)
	s.gap = max(s.gap, s.run)
}

// longest is what a group may be like by the present one, which may still grow, and the one before.
func (p *pictures) longest() shape {
	s := shape{
		packets: max(p.last.packets, p.present.packets), frames: max(p.last.frames, p.present.frames), gap: max(p.last.gap, p.present.gap),
		disposable: p.last.disposable,
	}
	if p.last.packets == 0 {
		s.disposable = p.present.disposable
	}
	return s
}

// share is the share of disposable packets, in 1/256.
func (s shape) share() uint32 {
	if s.packets == 0 {
		return 0
	}
	return uint32(uint64(s.disposable) * 256 / uint64(s.packets))
}
