package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

var (
	errWraps     = errors.New("srtp: the run is longer than the sequence numbers that are left before they wrap")
	errForgotten = errors.New("srtp: no packet was sealed with this index lately")
	errDifferent = errors.New("srtp: another packet was sealed with this index")
)

// Private seals the packets of one receiver with keys and sequence numbers of its own, and opens that
// receiver's RTCP. It never seals two different packets with one index. It belongs to one goroutine.
type Private struct {
	keys suite
	sent *origins
	// next is the index of the next packet, and nextRTCP that of the next RTCP packet.
	next uint64
	// newestFrame, newestLayout and newestRun are of the newest run in sent, and runs is how many runs there are.
	newestFrame                  uint64
	seen                         senders
	newestLayout, ssrc, nextRTCP uint32
	newestRun, runs              uint8
}

// NewPrivate makes a Private. ours, which seals, and theirs, which opens, are each a master key with its
// master salt behind it, as DTLS-SRTP exports them, of profile.KeyBytes. They are not kept. There must be one Private
// only for a pair of keys. ssrc is that of all packets, and first the index of the first one, below 32768: with a higher
// one, a receiver that misses the first packets could not know whether the sequence numbers have wrapped. The error says
// which argument is wrong, or that Go's cryptography refuses the profile; it does not contain the keys.
func NewPrivate(profile Profile, ours, theirs []byte, ssrc uint32, first uint64) (*Private, error) {
	n := profile.KeyBytes()
	if n == 0 {
		return nil, fmt.Errorf("srtp: there is no profile %d", uint16(profile))
	}
	if len(ours) != n || len(theirs) != n {
		return nil, fmt.Errorf("srtp: keys and salts of %d and %d bytes: must be %d", len(ours), len(theirs), n)
	}
	if first >= 1<<15 {
		return nil, fmt.Errorf("srtp: the first index is %d: must be below %d", first, 1<<15)
	}
	var our, their Key
	copy(our[:], ours)
	copy(their[:], theirs)
	keys, err := newSuite(profile, &our, &their)
	if err != nil {
		return nil, err
	}
	return &Private{keys: keys, sent: &origins{}, ssrc: ssrc, next: first}, nil
}

// Format prints no key, whatever the verb.
func (*Private) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// Next returns the index of the packet that is sealed next. Its lower 16 bits are the packet's sequence number,
// the upper 32 the rollover counter.
func (p *Private) Next() uint64 { return p.next }

// BeforeWrap returns how many packets the next run may have, 1 to 65536: behind them the sequence numbers wrap.
func (p *Private) BeforeWrap() int { return 1<<16 - int(uint16(p.next)) }

// SealRun appends a run of RTP packets to dst, numbered Next and on, with the Private's SSRC, and
// sealed: each is TagBytes of the profile longer. The packets are packetBytes long each, but for the last
// one, which may be shorter. origin is that of the first packet; the next ones have Packet+1 and so
// on. A run may have at most BeforeWrap packets; the caller splits a longer one. run stays as
// it is, and must not overlap with the room of dst. If there is an error nothing is sealed, dst is as before,
// and no index is used. SealRun allocates only to grow dst.
func (p *Private) SealRun(dst, run []byte, packetBytes int, origin Origin) ([]byte, error) {
	if packetBytes < rtpHeaderBytes || len(run) == 0 {
		return dst, errMalformed
	}
	packets := (len(run) + packetBytes - 1) / packetBytes
	switch {
	case p.next > maxIndex:
		return dst, errExhausted
	case packets > p.BeforeWrap():
		return dst, errWraps
	case uint64(origin.Packet)+uint64(packets) > maxPackets:
		return dst, errOrigin
	}
	for rest := run; len(rest) > 0; rest = rest[min(packetBytes, len(rest)):] {
		if _, err := rtpHeader(rest[:min(packetBytes, len(rest))]); err != nil {
			return dst, err
		}
	}
	index := p.next
	p.note(origin, packets)
	p.next += uint64(packets) // whatever follows
	dst = slices.Grow(dst, len(run)+packets*p.keys.tagBytes())
	for ; len(run) > 0; index++ {
		packet := run[:min(packetBytes, len(run))]
		run = run[len(packet):]
		header, _ := rtpHeader(packet)
		dst = p.keys.sealRTP(dst, packet, header, p.ssrc, index)
		p.sent.checks[index%windowSealed] = p.check(dst)
	}
	return dst, nil
}

// check returns what is kept of the tag of the sealed packet that dst ends with.
func (p *Private) check(dst []byte) uint16 {
	return binary.BigEndian.Uint16(dst[len(dst)-p.keys.tagBytes():])
}

// Recent reports whether a sequence number can be that of one of the last 512 packets: no other has an Origin, which takes longer to find.
func (p *Private) Recent(sequence uint16) bool {
	behind := uint64(uint16(p.next) - sequence) // how many packets back, 1 being the newest
	return behind > 0 && behind <= min(windowSealed, p.next)
}

// Origin returns the index of the newest packet with a sequence number, and what it is made of, if it is
// in the window: one of the last 512 packets, and of the last 64 runs. Reseal seals it again.
func (p *Private) Origin(sequence uint16) (index uint64, o Origin, ok bool) {
	index = p.next - uint64(uint16(p.next)-sequence) // before the first one it wraps, and is not known
	o, ok = p.originOf(index)
	return index, o, ok
}

// Reseal appends a packet to dst that was sealed before: the same bytes again, for a receiver that has
// lost them, or a socket that did not take them. packet is the plain packet of the origin. If the
// index first sealed another origin or other bytes, or is out of the window, the error says so, and
// dst is as before. packet stays as it is, and must not overlap with the room of dst. Reseal allocates
// only to grow dst.
func (p *Private) Reseal(dst, packet []byte, index uint64, origin Origin) ([]byte, error) {
	first, ok := p.originOf(index)
	if !ok {
		return dst, errForgotten
	}
	if first != origin {
		return dst, errDifferent
	}
	header, err := rtpHeader(packet)
	if err != nil {
		return dst, err
	}
	from := len(dst)
	dst = p.keys.sealRTP(dst, packet, header, p.ssrc, index)
	if p.check(dst) != p.sent.checks[index%windowSealed] {
		clear(dst[from:])
		return dst[:from], errDifferent
	}
	return dst, nil
}

// SealRTCP appends a compound RTCP packet to dst, sealed with the next index of RTCP. It is 4 bytes and
// TagBytes of the profile longer. The first packet's SSRC must be the Private's. When 2^31 packets were sealed, nothing
// more is, and the error says so. packet stays as it is, and must not overlap with the room of dst.
func (p *Private) SealRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderBytes || binary.BigEndian.Uint32(packet[4:]) != p.ssrc {
		return dst, errMalformed
	}
	if p.nextRTCP > maxRTCPIndex {
		return dst, errExhausted
	}
	index := p.nextRTCP
	p.nextRTCP++ // whatever follows
	return p.keys.sealRTCP(dst, packet, index), nil
}

// OpenRTCP checks and opens a compound RTCP packet of the receiver, and appends it to dst. packet stays
// as it is, and must not overlap with the room of dst. The error says that the packet is forged or came before;
// dst and the Private are as before then.
func (p *Private) OpenRTCP(dst, packet []byte) ([]byte, error) {
	return p.keys.openRTCP(dst, packet, &p.seen)
}
