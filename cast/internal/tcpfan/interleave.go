package tcpfan

import (
	"encoding/binary"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
)

// interleaver lays a frame out for RTSP's interleaved transport (RFC 2326, section
// 10.12): before each packet a '$', the channel and the packet's length. The packets
// are those of the UDP readers; only the four bytes before each are made here, once
// for all readers that use the same channel, which is nearly all.
type interleaver struct {
	number  uint64
	channel uint8
	headers [][4]byte
	vectors []loop.Vector // header, packet, header, packet, ...
	report  []byte        // an RTCP packet, framed
}

// interleavedHeader is the header of a packet of the given length.
func interleavedHeader(channel uint8, length int) (h [4]byte) {
	h[0], h[1] = '$', channel
	binary.BigEndian.PutUint16(h[2:], uint16(length))
	return h
}

// lay returns the vectors of frame number, whose packets are wire, for a channel. They hold
// until the next call.
func (in *interleaver) lay(number uint64, wire *ring.Wire, channel uint8) []loop.Vector {
	if in.number == number && in.channel == channel {
		return in.vectors
	}
	in.number, in.channel = number, channel
	in.headers, in.vectors = in.headers[:0], in.vectors[:0]
	for i := range wire.Count {
		in.headers = append(in.headers, interleavedHeader(channel, len(wire.Packet(i))))
	}
	for i := range wire.Count {
		var header, packet loop.Vector
		header.Set(in.headers[i][:])
		packet.Set(wire.Packet(i))
		in.vectors = append(in.vectors, header, packet)
	}
	return in.vectors
}
