package rtcp

import (
	"bytes"
	"encoding/binary"
	"math"
)

const (
	// packetLossType is transport layer feedback (RTPFB), and nackFormat that of a generic NACK (RFC 4585,
	// section 6.2.1).
	packetLossType = 205
	nackFormat     = 1
	nackEntryBytes = 4
	// otherFormat is payload-specific feedback that names what it is itself, such as REMB.
	otherFormat = 15
	// rateBytes is the least length of a REMB: the name, how many SSRCs there are, and the rate.
	rateBytes = feedbackHeaderBytes + 8
	// mantissaBits is how many bits of the rate are not its exponent.
	mantissaBits = 18
)

var rateName = []byte("REMB")

// nack calls Lost for each packet that a NACK names: one, and which of the 16 after it.
func (v Visitor) nack(p []byte) {
	ssrc := binary.BigEndian.Uint32(p[packetHeaderBytes+ssrcBytes:])
	for e := p[feedbackHeaderBytes:]; len(e) >= nackEntryBytes; e = e[nackEntryBytes:] {
		sequence := binary.BigEndian.Uint16(e)
		v.Lost(ssrc, sequence)
		for mask := binary.BigEndian.Uint16(e[2:]); mask != 0; mask >>= 1 {
			sequence++
			if mask&1 != 0 {
				v.Lost(ssrc, sequence)
			}
		}
	}
}

// rate calls Rate, if the feedback is a REMB.
func (v Visitor) rate(p []byte) {
	if len(p) < rateBytes || !bytes.Equal(p[feedbackHeaderBytes:][:len(rateName)], rateName) {
		return
	}
	word := binary.BigEndian.Uint32(p[feedbackHeaderBytes+len(rateName):]) & (1<<24 - 1)
	rate, exponent := uint64(word&(1<<mantissaBits-1)), word>>mantissaBits
	if rate > math.MaxUint64>>exponent {
		v.Rate(math.MaxUint64)
		return
	}
	v.Rate(rate << exponent)
}

// AppendNACK appends a generic NACK about a packet of a source, and those of the 16 after it that a bit of mask
// is set for. reporter is the SSRC of who has not got them. It allocates only to grow dst.
func AppendNACK(dst []byte, reporter, source uint32, sequence, mask uint16) []byte {
	dst = append(dst, version2|nackFormat, packetLossType, 0, 3)
	dst = binary.BigEndian.AppendUint32(dst, reporter)
	dst = binary.BigEndian.AppendUint32(dst, source)
	dst = binary.BigEndian.AppendUint16(dst, sequence)
	return binary.BigEndian.AppendUint16(dst, mask)
}
