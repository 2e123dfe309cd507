package srtp

import "errors"

// Origin says which plain packet a sealed one is made of. All packets with one Origin have the same bytes but
// for the SSRC and the sequence number, which sealing writes. Packets of the same frame with other bytes, such as
// another timestamp or a header extension, must have another Layout.
type Origin struct {
	// Frame is the frame's number, such as that in the ring.
	Frame uint64
	// Packet is the packet's index in the frame, below 65535.
	Packet uint32
	// Layout is the number of the way in which the frame is laid out.
	Layout uint32
}

const (
	// windowRuns and windowSealed are how far back a sealed packet's origin is known: while it is one of
	// the last 512 packets and of the last 64 runs. With 7 packets a frame and 30 frames/s this is 2 s, with
	// 30 packets 0.6 s. A run that goes on where the one before ended counts as one with it.
	windowRuns   = 64
	windowSealed = 512
	// maxJump is how far two runs in a row may be apart, in frames and in layouts: then 16 bits of each are enough to
	// know all runs in the window.
	maxJump = 1<<15/windowRuns - 1
	// maxPackets is how many packets a frame may have.
	maxPackets = 1<<16 - 1
)

var errOrigin = errors.New("srtp: the packet's index in its frame must be below 65535")

// origins are those of the packets sealed last. Each receiver has one: it is kept small, 1536 bytes.
type origins struct {
	runs [windowRuns]packedRun
	// checks are two bytes of each packet's tag, by its index. The tags of two packets that are
	// sealed with one index are the same only if the packets are, but for one in 65536.
	checks [windowSealed]uint16
}

// packedRun is packets in a row of one frame. frame and layout are the lower 16 bits of their numbers.
type packedRun struct{ frame, layout, packet, packets uint16 }

// note notes that the next packets have this origin, and Packet+1 and so on.
func (p *Private) note(o Origin, packets int) {
	if p.runs > 0 {
		last := &p.sent.runs[p.newestRun]
		if o.Frame == p.newestFrame && o.Layout == p.newestLayout && o.Packet == uint32(last.packet)+uint32(last.packets) {
			last.packets += uint16(packets) // not more than maxPackets, as all are of one frame
			return
		}
		frames, layouts := int64(o.Frame-p.newestFrame), int64(o.Layout)-int64(p.newestLayout)
		if frames > maxJump || frames < -maxJump || layouts > maxJump || layouts < -maxJump {
			p.runs = 0 // 16 bits do not tell the earlier runs from later ones
		}
	}
	p.newestRun = (p.newestRun + 1) % windowRuns
	p.runs = min(p.runs+1, windowRuns)
	p.sent.runs[p.newestRun] = packedRun{uint16(o.Frame), uint16(o.Layout), uint16(o.Packet), uint16(packets)}
	p.newestFrame, p.newestLayout = o.Frame, o.Layout
}

// originOf returns the origin of the packet sealed with an index. ok is false if that is out of the window.
func (p *Private) originOf(index uint64) (Origin, bool) {
	if index >= p.next || p.next-index > windowSealed {
		return Origin{}, false
	}
	behind := p.next - index // how many packets back, 1 being the newest
	for i := range p.runs {
		r := &p.sent.runs[(p.newestRun-i)%windowRuns]
		if n := uint64(r.packets); behind > n {
			behind -= n
			continue
		}
		return Origin{
			Frame:  p.newestFrame + uint64(int16(r.frame-uint16(p.newestFrame))),
			Packet: uint32(r.packet) + uint32(uint64(r.packets)-behind),
			Layout: p.newestLayout + uint32(int16(r.layout-uint16(p.newestLayout))),
		}, true
	}
	return Origin{}, false
}
