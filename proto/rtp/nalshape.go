package rtp

const (
	// maxPadding is what RTP can say of padding: its length is in its last byte.
	maxPadding = 255
	// searchedUnits is how many of a frame's first units other packet sizes are made for.
	searchedUnits = 8
	// ipUDPBytes is what a packet has besides, at least.
	ipUDPBytes = 28
)

// shape is a way to cut a frame, and what comes of it.
type shape struct {
	size int  // of a run's packets but the last
	pad  bool // units are filled up to it
	// What comes of it.
	runs, packets, bytes int
	// full: the last packet is as long as those before it.
	full bool
}

// wire is how many bytes the packets take on the way.
func (s *shape) wire() int { return s.bytes + s.packets*ipUDPBytes }

// shape chooses how to cut the frame: the largest packets, unless others are fewer runs and take
// at most an eighth more bytes.
func (p *NALPacketizer) shape() shape {
	best := p.try(p.layout.PacketSize, false)
	ideal := (best.packets + p.layout.RunPackets - 1) / p.layout.RunPackets
	if best.runs <= ideal || len(p.units) == 1 {
		return best
	}
	most := best.wire() + best.wire()/8
	consider := func(size int) {
		if size > p.layout.PacketSize || size < max(p.layout.PacketSize/2, smallestPacket) {
			return
		}
		s := p.try(size, true)
		if w := s.wire(); w <= most && (s.runs < best.runs || s.runs == best.runs && w < best.wire()) {
			best = s
		}
	}
	consider(p.layout.PacketSize)
	w := nalWriter{NALPacketizer: p, size: p.layout.PacketSize}
	for from, searched := 0, 0; from < len(p.units) && searched < searchedUnits; searched++ {
		to, size := w.group(from)
		if to > from { // a byte more, as units that share a packet leave one free
			consider(p.header + size + 1)
			from = to
			continue
		}
		data, overhead := len(p.units[from])-p.format.unitHeader, p.header+p.format.fragmentHeader
		count := (data + p.layout.PacketSize - overhead - 1) / (p.layout.PacketSize - overhead)
		for n := count; n <= count+1; n++ {
			// A byte more, as the last packet of a run has one less.
			consider(overhead + (data+n-1)/n + 1)
		}
		from++
	}
	return best
}

// try cuts the frame in packets of a size, or a byte or two smaller so that the last one is
// shorter than the others.
func (p *NALPacketizer) try(size int, pad bool) shape {
	for {
		w := nalWriter{NALPacketizer: p, size: size, pad: pad}
		w.frame()
		if !w.full || size == smallestPacket {
			return shape{size: size, pad: pad, runs: w.runCount, packets: w.packets, bytes: w.bytes, full: w.full}
		}
		size--
	}
}
