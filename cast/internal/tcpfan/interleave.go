package tcpfan

import (
	"encoding/binary"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtp"
)

// interleaver lays a frame out for RTSP's interleaved transport (RFC 2326, section
// 10.12): before each packet a '$', the channel and the packet's length. The packets
// are those of the UDP readers; only the four bytes before each are made here, once
// for all readers that use the same channel, which is nearly all.
type interleaver struct {
	number  uint64
	channel uint8
	// timestamp is that of the packets, which is another one for a reader that is caught up.
	timestamp uint32
	headers   [][framedHeaderBytes]byte
	vectors   []loop.Vector // header, packet, header, packet, ...
	report    []byte        // an RTCP packet, framed
}

const (
	framingBytes = 4
	// framedHeaderBytes is the framing and an RTP header.
	framedHeaderBytes = framingBytes + rtp.HeaderBytes
	// timestampAt is where an RTP header has its timestamp (RFC 3550, section 5.1).
	timestampAt = 4
)

// interleavedHeader is the header of a packet of the given length.
func interleavedHeader(channel uint8, length int) (h [framingBytes]byte) {
	h[0], h[1] = '$', channel
	binary.BigEndian.PutUint16(h[2:], uint16(length))
	return h
}

// lay returns the vectors of frame number, whose packets are wire, for a channel, with a timestamp.
// They hold until the next call. Where the timestamp is another one than the packets', their RTP
// headers are copied.
func (in *interleaver) lay(number uint64, wire *ring.Wire, channel uint8, timestamp uint32) []loop.Vector {
	if in.number == number && in.channel == channel && in.timestamp == timestamp {
		return in.vectors
	}
	in.number, in.channel, in.timestamp = number, channel, timestamp
	in.headers, in.vectors = in.headers[:0], in.vectors[:0]
	copied := 0
	if timestamp != wire.Timestamp {
		copied = rtp.HeaderBytes
	}
	for i := range wire.Count {
		p := wire.Packet(i)
		var h [framedHeaderBytes]byte
		framing := interleavedHeader(channel, len(p))
		copy(h[:], framing[:])
		if copied > 0 {
			copy(h[framingBytes:], p)
			binary.BigEndian.PutUint32(h[framingBytes+timestampAt:], timestamp)
		}
		in.headers = append(in.headers, h)
	}
	for i := range wire.Count {
		var header, packet loop.Vector
		header.Set(in.headers[i][:framingBytes+copied])
		packet.Set(wire.Packet(i)[copied:])
		in.vectors = append(in.vectors, header, packet)
	}
	return in.vectors
}
