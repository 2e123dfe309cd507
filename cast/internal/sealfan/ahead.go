package sealfan

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// SRTP packets do not carry the rollover counter of their sequence number. A receiver guesses it, and is right as long as a
// packet is less than 2^15 after the newest one that it has opened (RFC 3711, section 3.3.1). A receiver that has missed more
// opens nothing any more, for ever, while its own STUN and RTCP keep the session alive.
//
// So a reader is sent at most maxAhead packets beyond the newest one that it has reported. Then it is held back: it gets no
// frames, only probes, which are two packets of filler data each. When it reports a probe, it goes on with a key frame.
// maxAhead and all probes together are less than 2^15 packets, so it can open them whatever it has missed before.
//
// Probes go out with frames that the reader is not sent, four times a second at most, and not with its reports: libwebrtc (Chromium, Firefox,
// Safari) no longer reports a source from which nothing has come for 8 s. They wait with the answers (answers.go), as a thousand readers may
// be held back in one moment. A probe is two packets with consecutive numbers: after a gap of more than 450, libwebrtc reports a
// new number only when a second packet follows the first one. Packets of padding alone would do for browsers, but aiortc makes an empty
// frame of them, and its decoder gives out no picture after that. Of the numbers reported the lower 16 bits count, as aiortc
// reports no more than these.
//
// A client that sends no reports at all cannot be judged by them. It shows itself by STUN (Alive): once it has been sent
// unreportedMost packets, and then something comes from it though no report has come yet, it is no longer bounded, until its first
// report. Browsers and aiortc report every 0.5 to 1.5 s. Such a client can still lose the counter.
//
// A report may lie. A number that was never sent counts as the same number one round of 2^16 before; so at most the newest packet
// counts as received, and a liar harms itself alone.

const (
	// maxAhead is how many packets a reader is sent beyond the newest one that it has reported: those of 1.5 s, the longest time
	// between reports, at 16 000 a second (150 Mbit/s).
	maxAhead = 1<<15 - 1<<13
	// unreportedMost is how many packets a reader is sent before signs of life without a report count against reports: those of
	// 1.5 s at 4000 a second.
	unreportedMost = maxAhead / 4
	// probeInterval is the least time between two probes. A reader is lost after maxProbes of them: 9 minutes at 30 frames/s, as
	// every eighth frame has one, and longer at fewer.
	probeInterval = uint32(250 * time.Millisecond / time.Millisecond)
	maxProbes     = 2000
	probePackets  = 2
	// It does not compile if a probe could be 2^15 packets beyond a report, or if fewer than 2^12 are left for reordering.
	_ = uint(1<<15 - 1<<12 - maxAhead - maxProbes*probePackets)
)

var errSilent = errors.New("it receives nothing that it is sent")

// ahead is how far a reader may be sent packets beyond those that it has reported.
type ahead struct {
	// end is the index that all packets must be below; 0: the reader is held back. endless: there is no bound.
	end uint64
	// probedAt is when it was sent the last probe, or was held back, in milliseconds of a clock that may wrap.
	probedAt uint32
	probes   uint16 // since it is held back
	reports  bool   // a report has come
}

// endless is the end for readers that send no reports.
const endless = math.MaxUint64

// allows reports whether the reader may be sent a frame. If not, it is held back, or stays so.
func (r *Reader) allows(frame *ring.Frame, wire *ring.Wire) bool {
	if r.keys.Next()+uint64(wire.Count) <= r.ahead.end {
		return true
	}
	r.waits = true
	if r.heldBack() {
		r.probe(frame, wire)
		return false
	}
	r.ahead.end, r.ahead.probes, r.ahead.probedAt = 0, 0, r.now()
	c := &r.group.owner.config
	c.Figures.HeldBack++
	c.Log.Info("reader is held back: it reports nothing new", "peer", r.Peer())
	return false
}

// heldBack reports whether the reader gets probes alone.
func (r *Reader) heldBack() bool { return r.ahead.end == 0 }

// Acknowledged takes the highest sequence number that the reader has reported to have received.
func (r *Reader) Acknowledged(sequence uint16) {
	next := r.keys.Next()
	missing := uint64(uint16(next) - 1 - sequence) // packets sent after that one
	if r.gone || missing >= next {
		return // it is before the first packet of all
	}
	a := &r.ahead
	before := a.reports
	a.reports = true
	switch end := next - missing + maxAhead; {
	case a.end > 0 && (!before || end > a.end):
		a.end = end
	case a.end == 0 && missing < maxAhead/2: // it has received a probe
		r.releaseTo(end)
	}
}

// aliveUnreported notes that something has come from a reader, which may be one that sends no reports.
func (r *Reader) aliveUnreported() {
	if a := &r.ahead; !r.gone && !a.reports && r.keys.Next()+maxAhead-unreportedMost >= a.end {
		r.releaseTo(endless)
	}
}

// releaseTo bounds the reader anew. If it was held back, it goes on with a key frame.
func (r *Reader) releaseTo(end uint64) {
	held := r.heldBack()
	r.ahead.end = end
	if held {
		r.cut()
		c := &r.group.owner.config
		c.Figures.HeldBack--
		c.Log.Info("reader is no longer held back", "peer", r.Peer())
	}
}

// probe is what a reader that is held back is sent: two packets with the timestamp of a frame that it is not sent.
type probe struct {
	frame     uint64 // its number
	timestamp uint32
}

// probe has a reader be sent a probe if it is held back, and the last one was long enough ago. The frame, which wire has the packets of, is
// one that it is not sent.
func (r *Reader) probe(frame *ring.Frame, wire *ring.Wire) {
	a, f, now := &r.ahead, r.group.owner, r.now()
	if !r.heldBack() || now-a.probedAt < probeInterval {
		return
	}
	a.probedAt = now
	if a.probes == maxProbes {
		f.sweeps.Lose(r, r.observer, errSilent)
		return
	}
	f.answers.addProbe(r, probe{frame.Number, wire.Timestamp})
}

// sendProbe sends a reader two packets of filler data, if it is still held back. Two probes of one frame are the same bytes, as
// their origins say. They are never sealed again: original knows none.
func (r *Reader) sendProbe(p probe) {
	if !r.heldBack() {
		return
	}
	r.ahead.probes++
	f, g := r.group.owner, r.group
	for i := range uint32(probePackets) {
		const version, marker = 2 << 6, 1 << 7
		kind := g.layout.kind.PayloadType
		if i == probePackets-1 {
			kind |= marker
		}
		plain := append(f.scratch[:0], version, kind, 0, 0) // sealing writes the number, and the SSRC
		plain = binary.BigEndian.AppendUint32(plain, p.timestamp)
		plain = rtp.AppendFiller(append(plain, 0, 0, 0, 0), media.H264, nil)
		sealed, err := r.keys.SealRun(plain, plain, len(plain), srtp.Origin{Frame: p.frame, Packet: i, Layout: g.layout.probes()})
		f.scratch = sealed
		if err != nil {
			f.sweeps.Lose(r, r.observer, err)
			return
		}
		r.packets++
		r.octets += uint32(len(plain) - headerBytes)
		_ = g.fan.Socket().SendTo(sealed[len(plain):], r.Peer(), g.fan.Source(int(r.index)))
	}
}
