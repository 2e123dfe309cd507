package rtcp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ReceptionReport is what a reader says of a stream it receives (RFC 3550, section
// 6.4.1).
type ReceptionReport struct {
	// Reporter is the SSRC of who says it, SSRC that of the stream it is about.
	// Many players choose the same Reporter: tell them apart by their addresses.
	Reporter, SSRC uint32
	// FractionLost is the share of packets lost since the last report, in 1/256.
	FractionLost uint8
	// CumulativeLost is how many were lost since the beginning. It is signed:
	// duplicates make it negative.
	CumulativeLost int32
	// HighestSequence is the highest sequence number received, extended by the number
	// of times it wrapped.
	HighestSequence uint32
	// Jitter is in units of the stream's timestamps.
	Jitter uint32
	// LastSR is the middle of the NTP timestamp of the last sender report, 0 if there
	// was none, and DelaySinceLastSR the time since, in 1/65536 s.
	LastSR, DelaySinceLastSR uint32
}

// Visitor has the functions that Parse calls for the contents of a compound packet. Those
// that are nil are not called.
type Visitor struct {
	// Report is called for each reception report.
	Report func(ReceptionReport)
	// Bye is called for each source that says goodbye.
	Bye func(ssrc uint32)
	// Sender is called for each sender report, with its NTP timestamp.
	Sender func(sr SenderReport, ntp uint64)
	// KeyFrame is called with the source that a receiver wants a key frame of: it has lost a
	// picture (PLI, RFC 4585), or needs one to begin with (FIR, RFC 5104).
	KeyFrame func(ssrc uint32)
	// Lost is called with the sequence number of each packet of a source that a receiver has not
	// got, and wants again (generic NACK, RFC 4585, section 6.2.1).
	Lost func(ssrc uint32, sequence uint16)
	// Rate is called with how many bits in a second a receiver thinks that the way to it can carry, of
	// all sources together (REMB, draft-alvestrand-rmcat-remb).
	Rate func(bitsPerSecond uint64)
	// Group is called with how many receivers a source says there are (RFC 5760), at
	// most MaxMembers.
	Group func(ssrc uint32, receivers int)
}

// ErrNotRTCP is matched by errors about bytes that are no RTCP.
var ErrNotRTCP = errors.New("not RTCP")

const (
	packetHeaderBytes = 4
	ssrcBytes         = 4
	senderInfoBytes   = 20
	reportBytes       = 24
)

// Parse walks through a compound packet. The whole of it is checked before the visitor
// is called, so that junk calls nothing: each packet's version, type and length, and
// that the lengths add up. A packet may begin with other types than a report (RFC
// 5506). Its errors match ErrNotRTCP.
func Parse(data []byte, v Visitor) error {
	if err := check(data); err != nil {
		return err
	}
	for len(data) > 0 {
		size := packetSize(data)
		v.packet(data[:size])
		data = data[size:]
	}
	return nil
}

func packetSize(p []byte) int { return 4 * (int(binary.BigEndian.Uint16(p[2:])) + 1) }

// check is RFC 3550, appendix A.2.
func check(data []byte) error {
	if len(data) < packetHeaderBytes+ssrcBytes {
		return fmt.Errorf("%w: %d bytes", ErrNotRTCP, len(data))
	}
	for rest := data; len(rest) > 0; {
		if len(rest) < packetHeaderBytes {
			return fmt.Errorf("%w: %d bytes after the last packet", ErrNotRTCP, len(rest))
		}
		kind, size := rest[1], packetSize(rest)
		switch {
		case rest[0]>>6 != 2:
			return fmt.Errorf("%w: version %d", ErrNotRTCP, rest[0]>>6)
		case kind < 192 || kind > 223: // RFC 5761, section 4
			return fmt.Errorf("%w: packet type %d", ErrNotRTCP, kind)
		case size > len(rest):
			return fmt.Errorf("%w: a packet of %d bytes in %d", ErrNotRTCP, size, len(rest))
		case rest[0]&0x20 != 0 && size != len(rest):
			return fmt.Errorf("%w: padding before the last packet", ErrNotRTCP)
		case size < smallest(kind, int(rest[0]&31)):
			return fmt.Errorf("%w: %d bytes are too few for type %d with %d entries", ErrNotRTCP, size, kind, rest[0]&31)
		}
		rest = rest[size:]
	}
	return nil
}

// smallest is the least size of a packet with a number of entries.
func smallest(kind byte, entries int) int {
	switch kind {
	case typeSR:
		return packetHeaderBytes + ssrcBytes + senderInfoBytes + entries*reportBytes
	case typeRR:
		return packetHeaderBytes + ssrcBytes + entries*reportBytes
	case typeBYE:
		return packetHeaderBytes + entries*ssrcBytes
	case typeRSI:
		return summaryHeaderBytes
	case pictureLossType, packetLossType: // whose entries are not counted but named
		return feedbackHeaderBytes
	}
	return packetHeaderBytes
}

// packet calls the visitor's functions for one packet, which check has accepted.
func (v Visitor) packet(p []byte) {
	entries := int(p[0] & 31)
	switch p[1] {
	case typeSR:
		if v.Sender != nil {
			v.Sender(senderReport(p))
		}
		v.reports(binary.BigEndian.Uint32(p[4:]), p[packetHeaderBytes+ssrcBytes+senderInfoBytes:], entries)
	case typeRR:
		v.reports(binary.BigEndian.Uint32(p[4:]), p[packetHeaderBytes+ssrcBytes:], entries)
	case pictureLossType:
		if v.KeyFrame != nil {
			v.keyFrames(p, entries)
		}
		if v.Rate != nil && entries == otherFormat {
			v.rate(p)
		}
	case packetLossType:
		if v.Lost != nil && entries == nackFormat {
			v.nack(p)
		}
	case typeRSI:
		if v.Group != nil {
			v.group(p)
		}
	case typeBYE:
		for i := range entries {
			if v.Bye != nil {
				v.Bye(binary.BigEndian.Uint32(p[packetHeaderBytes+i*ssrcBytes:]))
			}
		}
	}
}

func (v Visitor) reports(reporter uint32, blocks []byte, count int) {
	if v.Report == nil {
		return
	}
	for i := range count {
		b := blocks[i*reportBytes:]
		v.Report(ReceptionReport{
			Reporter: reporter, SSRC: binary.BigEndian.Uint32(b),
			FractionLost:     b[4],
			CumulativeLost:   int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8, // 24 bits, signed
			HighestSequence:  binary.BigEndian.Uint32(b[8:]),
			Jitter:           binary.BigEndian.Uint32(b[12:]),
			LastSR:           binary.BigEndian.Uint32(b[16:]),
			DelaySinceLastSR: binary.BigEndian.Uint32(b[20:]),
		})
	}
}
