package view

const (
	firstSlots = 64
	// mostSlots bounds the memory: packets further ahead push the oldest out.
	mostSlots = 16384
	// mostBytes bounds it where packets are large: these, too, push the oldest out.
	mostBytes = 64 << 20
	// packetRoom is the least that a packet's buffer has: that of what Ethernet carries.
	packetRoom = 1536
)

// slot has a packet, or what has become of it.
type slot struct {
	sequence int64
	state    slotState
	between  bool   // skipped, in a gap between two frames
	packet   []byte // of held ones
}

type slotState uint8

const (
	empty slotState = iota
	held
	released
	skipped // given up, and counted as lost or as skipped
)

func (b *Buffer) slot(sequence int64) *slot { return &b.slots[sequence&int64(len(b.slots)-1)] }

// makeRoom adds slots until a packet fits. From mostSlots on it gives up the oldest packets
// instead.
func (b *Buffer) makeRoom(sequence int64) {
	n := len(b.slots)
	for n < mostSlots && sequence-b.next >= int64(n) {
		n *= 2
	}
	if n > len(b.slots) {
		old := b.slots
		b.slots = make([]slot, n)
		for _, s := range old {
			if s.state != empty {
				*b.slot(s.sequence) = s
			}
		}
	}
	for sequence-b.next >= int64(n) {
		b.giveUp(false)
	}
}

// makeBytes makes room for so many bytes of a packet: buffers that are not used go first, and then the
// oldest packets.
func (b *Buffer) makeBytes(n int, sequence int64) {
	if b.room+n <= mostBytes {
		return
	}
	for _, s := range b.spare {
		b.room -= cap(s)
	}
	b.spare = nil
	for b.room+n > mostBytes && b.next < sequence {
		b.giveUp(false)
	}
}

// keep copies a packet into a buffer of its own.
func (b *Buffer) keep(packet []byte) []byte {
	var room []byte
	if last := len(b.spare) - 1; last >= 0 {
		room, b.spare = b.spare[last], b.spare[:last]
	}
	if cap(room) < len(packet) {
		b.room -= cap(room)
		room = make([]byte, 0, max(len(packet), packetRoom))
		b.room += cap(room)
	}
	return append(room[:0], packet...)
}

// recycle takes a packet's buffer back, if the slot has one.
func (b *Buffer) recycle(s *slot) {
	switch {
	case s.packet == nil:
	case b.room > mostBytes:
		b.room -= cap(s.packet)
	default:
		b.spare = append(b.spare, s.packet)
	}
	s.packet = nil
}

// giveUp gives the next packet up, whether it came or not. It counts as skipped if it belongs to
// a gap between two frames, else as lost.
func (b *Buffer) giveUp(between bool) {
	s := b.slot(b.next)
	b.recycle(s)
	s.sequence, s.state, s.between = b.next, skipped, between
	if between {
		b.tally.Skipped++
	} else {
		b.tally.Lost++
	}
	b.tally.skips(between)
	b.marked = false
	b.next++
}
