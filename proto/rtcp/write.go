package rtcp

import (
	"encoding/binary"
	"time"
)

// SenderReport is what a sender says of itself (RFC 3550, section 6.4.1).
type SenderReport struct {
	SSRC uint32
	// Wall is the time of day and RTPTime the same moment in the stream's timestamps.
	Wall    time.Time
	RTPTime uint32
	// Packets and Octets are what was sent since the beginning, Octets without
	// headers. They wrap.
	Packets, Octets uint32
}

// The packet types of RFC 3550, section 12.1.
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203
	typeRSI  = 209 // RFC 5760
)

const (
	version2  = 2 << 6
	itemCNAME = 1
	// maxTextBytes is what the length byte of a name or reason can say.
	maxTextBytes = 255
)

// AppendSenderReport appends a compound packet of a sender report and the canonical
// name, and returns the extended buffer. It allocates only to grow dst.
func AppendSenderReport(dst []byte, sr SenderReport, cname string) []byte {
	dst = append(dst, version2, typeSR, 0, 6)
	dst = binary.BigEndian.AppendUint32(dst, sr.SSRC)
	dst = binary.BigEndian.AppendUint64(dst, NTP(sr.Wall))
	dst = binary.BigEndian.AppendUint32(dst, sr.RTPTime)
	dst = binary.BigEndian.AppendUint32(dst, sr.Packets)
	dst = binary.BigEndian.AppendUint32(dst, sr.Octets)
	return appendDescription(dst, sr.SSRC, cname)
}

// AppendReceiverReport appends a compound packet of a reception report and the canonical
// name. It allocates only to grow dst.
func AppendReceiverReport(dst []byte, r ReceptionReport, cname string) []byte {
	dst = append(dst, version2|1, typeRR, 0, 7)
	dst = binary.BigEndian.AppendUint32(dst, r.Reporter)
	dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.FractionLost)<<24|uint32(r.CumulativeLost)&0xffffff)
	dst = binary.BigEndian.AppendUint32(dst, r.HighestSequence)
	dst = binary.BigEndian.AppendUint32(dst, r.Jitter)
	dst = binary.BigEndian.AppendUint32(dst, r.LastSR)
	dst = binary.BigEndian.AppendUint32(dst, r.DelaySinceLastSR)
	return appendDescription(dst, r.Reporter, cname)
}

// AppendReceiverGoodbye appends a compound packet of a last reception report and a
// goodbye.
func AppendReceiverGoodbye(dst []byte, r ReceptionReport, cname string) []byte {
	dst = AppendReceiverReport(dst, r, cname)
	dst = append(dst, version2|1, typeBYE, 0, 1)
	return binary.BigEndian.AppendUint32(dst, r.Reporter)
}

// AppendGoodbye appends a compound packet that says that the sender leaves, and why.
func AppendGoodbye(dst []byte, sr SenderReport, cname, reason string) []byte {
	dst = AppendSenderReport(dst, sr, cname)
	at := len(dst)
	dst = append(dst, version2|1, typeBYE, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, sr.SSRC)
	if reason != "" {
		dst = appendText(dst, reason)
		for (len(dst)-at)%4 != 0 {
			dst = append(dst, 0)
		}
	}
	return setLength(dst, at)
}

// appendDescription appends an SDES packet with the canonical name (section 6.5.1).
func appendDescription(dst []byte, ssrc uint32, cname string) []byte {
	at := len(dst)
	dst = append(dst, version2|1, typeSDES, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, itemCNAME)
	dst = appendText(dst, cname)
	dst = append(dst, 0) // the end of the items
	for (len(dst)-at)%4 != 0 {
		dst = append(dst, 0)
	}
	return setLength(dst, at)
}

func appendText(dst []byte, text string) []byte {
	text = text[:min(len(text), maxTextBytes)]
	return append(append(dst, byte(len(text))), text...)
}

// setLength writes the length of the packet that begins at and ends with dst.
func setLength(dst []byte, at int) []byte {
	binary.BigEndian.PutUint16(dst[at+2:], uint16((len(dst)-at)/4-1))
	return dst
}
