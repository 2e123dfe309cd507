package rtp

import "github.com/pion/rtp"

// Payload is what a packet carries: what is behind the header and its extensions, without the
// padding. It is a part of packet, and nil if that is no RTP.
func Payload(packet []byte) []byte {
	var p rtp.Packet
	if p.Unmarshal(packet) != nil {
		return nil
	}
	return p.Payload
}
