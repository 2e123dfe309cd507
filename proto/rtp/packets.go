package rtp

import (
	"errors"
	"fmt"
)

const (
	// HeaderBytes is the length of an RTP header without contributing sources and
	// extension (RFC 3550, section 5.1).
	HeaderBytes = 12
	// maxRunPackets and maxRunBytes are what the kernel takes as one segmented
	// message: UDP_MAX_SEGMENTS, and the largest UDP payload over IPv4.
	maxRunPackets = 64
	maxRunBytes   = 65507
)

// Layout is how frames are cut into packets and runs.
type Layout struct {
	// PacketSize is the size of a packet in bytes, RTP header included: all but the
	// last one of each run have it. A frame's may be a byte or two less than was asked
	// for.
	PacketSize int
	// RunPackets is how many packets a run has; the last run of a frame has the rest.
	RunPackets int
}

// smallestPacket leaves room for the headers of a frame's first packet and some data.
const smallestPacket = HeaderBytes + jpegMainHeaderBytes + jpegRestartHeaderBytes + jpegTableHeaderBytes + 16

// NewLayout makes a layout of packets of packetSize bytes, in runs of at most
// runPackets, and fewer if the kernel would not take them as one message.
func NewLayout(packetSize, runPackets int) (Layout, error) {
	if packetSize < smallestPacket || packetSize > maxRunBytes {
		return Layout{}, fmt.Errorf("rtp: packets of %d bytes: must be %d to %d", packetSize, smallestPacket, maxRunBytes)
	}
	if runPackets < 1 {
		return Layout{}, errors.New("rtp: a run must have at least one packet")
	}
	return Layout{packetSize, min(runPackets, maxRunPackets, maxRunBytes/packetSize)}, nil
}

// runBytes is the length of a whole run, whose last packet is one byte shorter.
func (l Layout) runBytes() int { return l.RunPackets*l.PacketSize - 1 }

// room is the size of packet i of a frame, if it is not the last one.
func (l Layout) room(i int) int {
	if (i+1)%l.RunPackets == 0 {
		return l.PacketSize - 1
	}
	return l.PacketSize
}

// forPayload returns the layout in which a frame's last packet is shorter than
// PacketSize, too: this one, or one of packets a byte or two shorter if the payload
// would just fill the last. A packet holds overhead bytes besides payload.
func (l Layout) forPayload(payload, overhead int) Layout {
	for {
		rest := payload % (l.runBytes() - l.RunPackets*overhead)
		if rest == 0 || rest%(l.PacketSize-overhead) != 0 {
			return l
		}
		l.PacketSize--
	}
}

// Packets is a frame, laid out.
type Packets struct {
	// Layout is how the packets are cut. Each run is cut every PacketSize bytes.
	Layout
	// Bytes is all packets, one after the other. It is the buffer that was given to the
	// packetizer, and the caller's; behind it, in the same memory, may be the list of runs.
	Bytes []byte
	// Count is how many packets there are.
	Count int
	// FirstSequence is the first packet's sequence number; those of the others follow.
	FirstSequence uint16
	// Timestamp is that of all packets.
	Timestamp uint32

	// runs lists runs that end elsewhere than Layout says, runEntryBytes each. It is beyond the end
	// of Bytes, so that it needs no memory of its own.
	runs []byte
}

// Single is what is not cut: one packet.
func Single(bytes []byte) Packets {
	return Packets{Layout: Layout{PacketSize: len(bytes) + 1, RunPackets: 1}, Bytes: bytes, Count: 1}
}

// Packet returns packet i, 0 to Count-1.
func (p *Packets) Packet(i int) []byte {
	if p.runs != nil {
		return p.listedPacket(i)
	}
	from := i*p.PacketSize - i/p.RunPackets
	return p.Bytes[from:min(from+p.room(i), len(p.Bytes))]
}

// Runs is how many runs there are.
func (p *Packets) Runs() int {
	if p.runs != nil {
		return len(p.runs) / runEntryBytes
	}
	return (p.Count + p.RunPackets - 1) / p.RunPackets
}

// Run returns the packets of run i, 0 to Runs-1, cut every PacketSize bytes: all have that size, but
// the last one, which is shorter.
func (p *Packets) Run(i int) []byte {
	if p.runs != nil {
		return p.listedRun(i)
	}
	from := i * p.runBytes()
	return p.Bytes[from:min(from+p.runBytes(), len(p.Bytes))]
}

// Longer returns the layout of the same packets, each longer by extra bytes, such as a seal. bytes
// is these packets, one after the other; the list of runs is put behind it.
func (p *Packets) Longer(bytes []byte, extra int) Packets {
	q := *p
	q.Bytes = bytes
	q.PacketSize += extra
	if p.runs != nil {
		q.list(p.Runs(), func(i int) runEntry { return p.starts(i).after(extra) })
	}
	return q
}

// LongerAndOne is Longer with one more packet, which is a run of its own: the last bytes, so many and fewer
// than a packet has.
func (p *Packets) LongerAndOne(bytes []byte, extra, last int) Packets {
	q := *p
	q.Bytes = bytes
	q.PacketSize += extra
	q.Count++
	q.list(p.Runs()+1, func(i int) runEntry {
		if i == p.Runs() {
			return runEntry{uint32(len(bytes) - last), uint32(p.Count)}
		}
		return p.starts(i).after(extra)
	})
	return q
}
