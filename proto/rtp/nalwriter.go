package rtp

import (
	"encoding/binary"

	"github.com/camcast/camcast/media"
)

// nalFormat is how a format's units share packets and are cut.
type nalFormat struct {
	unitHeader      int // bytes
	aggregateHeader int
	fragmentHeader  int
	// aggregate writes the header of a packet of several units.
	aggregate func(dst []byte, units [][]byte) []byte
	// fragment writes the header of a fragment of a unit.
	fragment func(dst, unit []byte, first, last bool) []byte
}

var nalFormats = map[media.Format]nalFormat{
	media.H264: {unitHeader: 1, aggregateHeader: 1, fragmentHeader: 2, aggregate: h264Aggregate, fragment: h264Fragment},
	media.H265: {unitHeader: 2, aggregateHeader: 2, fragmentHeader: 3, aggregate: h265Aggregate, fragment: h265Fragment},
}

const (
	// The types of RFC 6184, table 1, and of RFC 7798, sections 4.4.2 and 4.4.3.
	h264STAPA, h264FUA = 24, 28
	h265AP, h265FU     = 48, 49
	// fragmentFirst and fragmentLast mark a unit's first and last fragment.
	fragmentFirst, fragmentLast = 0x80, 0x40
	// sizeBytes are before each unit of a packet of several.
	sizeBytes = 2
)

// h264Aggregate: the forbidden bit is set if one's is, nal_ref_idc is the highest (RFC 6184,
// section 5.7).
func h264Aggregate(dst []byte, units [][]byte) []byte {
	var forbidden, reference byte
	for _, u := range units {
		forbidden |= u[0] & 0x80
		reference = max(reference, u[0]&0x60)
	}
	return append(dst, forbidden|reference|h264STAPA)
}

func h264Fragment(dst, unit []byte, first, last bool) []byte {
	return append(dst, unit[0]&0xe0|h264FUA, fragmentBits(first, last)|unit[0]&0x1f)
}

// h265Aggregate: the forbidden bit is set if one's is, layer and temporal identifier are the
// lowest (RFC 7798, section 4.4.2).
func h265Aggregate(dst []byte, units [][]byte) []byte {
	forbidden, layer, temporal := byte(0), byte(0x3f), byte(7)
	for _, u := range units {
		forbidden |= u[0] & 0x80
		layer = min(layer, u[0]&1<<5|u[1]>>3)
		temporal = min(temporal, u[1]&7)
	}
	return append(dst, forbidden|h265AP<<1|layer>>5, layer<<3|temporal)
}

func h265Fragment(dst, unit []byte, first, last bool) []byte {
	return append(dst, unit[0]&0x81|h265FU<<1, unit[1], fragmentBits(first, last)|unit[0]>>1&0x3f)
}

func fragmentBits(first, last bool) (b byte) {
	if first {
		b |= fragmentFirst
	}
	if last {
		b |= fragmentLast
	}
	return b
}

// nalWriter cuts a frame into packets of a size, and writes them if emit is set.
type nalWriter struct {
	*NALPacketizer
	size int
	pad  bool
	emit bool

	runCount, packets, bytes int
	inRun                    int  // packets of the run in hand, 0 if the next one begins a run
	full                     bool // the frame ends with a packet as long as those of its run
	final                    bool // the unit in hand is the last one
}

// frame cuts the whole frame.
func (w *nalWriter) frame() {
	for from := 0; from < len(w.units); {
		to, size := w.group(from)
		w.final = max(to, from+1) == len(w.units)
		switch {
		case to == from:
			w.cut(w.units[from])
			to++
		default:
			w.whole(w.units[from:to], size)
		}
		from = to
	}
}

// group finds how many units, from one on, go together in a packet, and the payload's size. They
// leave a byte free, as the last packet of a run is shorter. None: the first one alone is too
// large.
func (w *nalWriter) group(from int) (to, size int) {
	room := w.size - 1 - w.header
	if len(w.units[from]) > room {
		return from, 0
	}
	size = w.format.aggregateHeader
	for to = from; to < len(w.units) && size+sizeBytes+len(w.units[to]) <= room; to++ {
		size += sizeBytes + len(w.units[to])
	}
	if to <= from+1 {
		return from + 1, len(w.units[from])
	}
	return to, size
}

// whole writes a packet of whole units.
func (w *nalWriter) whole(units [][]byte, size int) {
	padding := 0
	if w.pad && !w.final {
		if need := w.room() - w.header - size; need <= maxPadding {
			padding = need
		}
	}
	w.begin(w.header+size+padding, padding > 0, w.final)
	if !w.emit {
		return
	}
	if len(units) == 1 {
		w.buffer = append(w.buffer, units[0]...)
	} else {
		w.buffer = w.format.aggregate(w.buffer, units)
		for _, u := range units {
			w.buffer = binary.BigEndian.AppendUint16(w.buffer, uint16(len(u)))
			w.buffer = append(w.buffer, u...)
		}
	}
	w.fill(padding)
}

// cut writes a unit in fragments.
func (w *nalWriter) cut(unit []byte) {
	overhead := w.header + w.format.fragmentHeader
	data := unit[w.format.unitHeader:]
	count, waste := w.padded(len(data), overhead)
	for i, first := 0, true; len(data) > 0; i, first = i+1, false {
		room := w.room()
		padding := 0
		if count > 0 {
			padding = waste*(i+1)/count - waste*i/count
		}
		take := min(room-overhead-padding, len(data))
		last := take == len(data)
		w.begin(overhead+take+padding, padding > 0, w.final && last)
		if w.emit {
			w.buffer = w.format.fragment(w.buffer, unit, first, last)
			w.buffer = append(w.buffer, data[:take]...)
			w.fill(padding)
		}
		data = data[take:]
	}
}

// padded says in how many fragments a unit is filled up, and by how many bytes in all: 0 if it is
// not.
func (w *nalWriter) padded(data, overhead int) (count, waste int) {
	if !w.pad || w.final {
		return 0, 0
	}
	// The last packet of each run has a byte less.
	capacity := func(n int) int { return n*(w.size-overhead) - (w.inRun+n)/w.layout.RunPackets }
	for count = 1; capacity(count) < data; count++ {
		count = max(count, data/(w.size-overhead)-1)
	}
	if waste = capacity(count) - data; waste > maxPadding*count {
		return 0, 0
	}
	return count, waste
}

// room is the size of the next packet: one less if it is the last of its run.
func (w *nalWriter) room() int {
	if w.inRun+1 >= w.layout.RunPackets {
		return w.size - 1
	}
	return w.size
}

// begin begins a packet of so many bytes, in the run in hand or another one, with its header.
func (w *nalWriter) begin(size int, padded, marker bool) {
	if w.inRun == 0 {
		w.runCount++
		if w.emit {
			w.runs = append(w.runs, runEntry{uint32(w.bytes), uint32(w.packets)})
		}
	}
	w.full = w.inRun > 0 && size == w.size
	if w.inRun++; size < w.size || w.inRun == w.layout.RunPackets {
		w.inRun = 0
	}
	w.packets++
	w.bytes += size
	if !w.emit {
		return
	}
	first, second := byte(0x80), w.payload
	if len(w.extension) > 0 {
		first |= 0x10
	}
	if padded {
		first |= PaddingBit
	}
	if marker {
		second |= 0x80
	}
	w.buffer = append(w.buffer, first, second)
	w.buffer = binary.BigEndian.AppendUint16(w.buffer, w.sequence)
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, w.timestamp)
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, w.ssrc)
	w.buffer = append(w.buffer, w.extension...)
	w.sequence++
}

// fill writes padding: bytes of 0, and how many they are.
func (w *nalWriter) fill(padding int) {
	if padding == 0 {
		return
	}
	var zeros [maxPadding]byte
	w.buffer = append(w.buffer, zeros[:padding-1]...)
	w.buffer = append(w.buffer, byte(padding))
}
