package rtcp

import "encoding/binary"

const (
	// fullIntraFormat is that of payload-specific feedback, too (RFC 5104, section 4.3.1).
	fullIntraFormat = 4
	// feedbackHeaderBytes are the header, the SSRC of who asks and that of the source.
	feedbackHeaderBytes = packetHeaderBytes + 2*ssrcBytes
	firEntryBytes       = 8
)

// keyFrames calls KeyFrame for each source that feedback wants a key frame of. FIR names the sources
// in its entries.
func (v Visitor) keyFrames(p []byte, format int) {
	switch format {
	case pictureLossFormat:
		v.KeyFrame(binary.BigEndian.Uint32(p[packetHeaderBytes+ssrcBytes:]))
	case fullIntraFormat:
		for e := p[feedbackHeaderBytes:]; len(e) >= firEntryBytes; e = e[firEntryBytes:] {
			v.KeyFrame(binary.BigEndian.Uint32(e))
		}
	}
}
