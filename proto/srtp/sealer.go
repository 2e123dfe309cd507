package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// maxIndex is the last index of an RTP packet: a sequence number and a rollover counter of 32 bits.
	maxIndex = 1<<48 - 1
	// maxRTCPIndex is the last index of an RTCP packet.
	maxRTCPIndex = 1<<31 - 1

	rtpHeaderBytes  = 12
	rtcpHeaderBytes = 8
	// rtcpIndexBytes is the size of the index behind an RTCP packet, and encrypted the bit in it which says that the packet
	// is enciphered.
	rtcpIndexBytes = 4
	encrypted      = 1 << 31
)

var (
	errUsed      = errors.New("srtp: a packet was sealed with this index, or with a later one")
	errExhausted = errors.New("srtp: all indexes of the key are used")
	errMalformed = errors.New("srtp: not a packet that can be sealed")
)

// Sealer seals the packets of one SSRC under a key of its own. It belongs to one goroutine.
type Sealer struct {
	key       Key
	ssrc      uint32
	rtp, rtcp *transform
	// next is the least index that was not used for RTP, and nextRTCP that of RTCP.
	next, nextRTCP uint64
}

// NewSealer makes a Sealer with a new key. random fills a buffer with random bytes that nobody can guess, as crypto/rand does.
func NewSealer(random func([]byte), ssrc uint32) *Sealer {
	var k Key
	random(k[:])
	return newSealer(k, ssrc)
}

// Format prints no key, whatever the verb.
func (*Sealer) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// newSealer makes a Sealer with a key that nothing was sealed with.
func newSealer(k Key, ssrc uint32) *Sealer {
	return &Sealer{key: k, ssrc: ssrc, rtp: newTransform(&k, 0), rtcp: newTransform(&k, labelSRTCP)}
}

// SSRC is that of the sealed packets.
func (s *Sealer) SSRC() uint32 { return s.ssrc }

// Offer returns what a receiver must know. rollover is the counter that its first packet is sealed with.
func (s *Sealer) Offer(rollover uint32) Offer {
	return Offer{Key: s.key, SSRC: s.ssrc, Rollover: rollover}
}

// Seal appends an RTP packet to dst, numbered anew and sealed: it has the Sealer's SSRC and the lower 16
// bits of the index as its sequence number, and is TagBytes longer. The upper 32 bits of the index are
// the rollover counter. The index must be above that of the packet before, and below 2^48: else nothing
// is sealed, and the error says why. packet stays as it is, and must not lie in dst. Seal allocates only to
// grow dst.
func (s *Sealer) Seal(dst, packet []byte, index uint64) ([]byte, error) {
	header, err := rtpHeader(packet)
	if err != nil {
		return dst, err
	}
	if index < s.next {
		return dst, errUsed
	}
	if index > maxIndex {
		return dst, errExhausted
	}
	s.next = index + 1 // whatever follows
	return s.rtp.sealRTP(dst, packet, header, s.ssrc, index), nil
}

// SealRTCP appends a compound RTCP packet to dst, sealed with the next index. It is 4 + TagBytes
// longer. The first packet's SSRC must be the Sealer's. When 2^31 packets were sealed, nothing more is,
// and the error says so.
func (s *Sealer) SealRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderBytes || binary.BigEndian.Uint32(packet[4:]) != s.ssrc {
		return dst, errMalformed
	}
	if s.nextRTCP > maxRTCPIndex {
		return dst, errExhausted
	}
	index := s.nextRTCP
	s.nextRTCP++ // whatever follows
	return s.rtcp.sealRTCP(dst, packet, uint32(index)), nil
}

// appendHeader appends a packet's header, with an SSRC and the sequence number of an index.
func appendHeader(dst, header []byte, ssrc uint32, index uint64) []byte {
	from := len(dst)
	dst = append(dst, header...)
	binary.BigEndian.PutUint16(dst[from+2:], uint16(index))
	binary.BigEndian.PutUint32(dst[from+8:], ssrc)
	return dst
}

// rtpHeader is the length of a packet's header, with its contributing sources and its extension.
func rtpHeader(p []byte) (int, error) {
	if len(p) < rtpHeaderBytes || p[0]>>6 != 2 {
		return 0, errMalformed
	}
	n := rtpHeaderBytes + 4*int(p[0]&15)
	if p[0]&0x10 != 0 {
		if len(p) < n+4 {
			return 0, fmt.Errorf("%w: its header extension is cut", errMalformed)
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(p[n+2:]))
	}
	if len(p) < n {
		return 0, fmt.Errorf("%w: its header is cut", errMalformed)
	}
	return n, nil
}
