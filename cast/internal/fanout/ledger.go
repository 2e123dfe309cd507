package fanout

// ledger knows which packets of a stream a sweep has sent. Packets are counted over all of
// the stream, by counts that may wrap.
type ledger struct {
	// entries are the recent frames in a ring; frames counts all that were entered.
	entries [ledgerFrames]ledgerEntry
	frames  uint64
	// sent is how many packets there were in all frames.
	sent uint32
}

// ledgerEntry is a frame: how many packets the stream had before it, how many of these the
// sweep had sent, and how many packets it has.
type ledgerEntry struct{ first, sent, count uint32 }

// ledgerFrames is how many frames are known: those of two seconds at 240 a second. No
// report is longer on its way.
const ledgerFrames = 512

// enter notes a frame.
func (l *ledger) enter(first uint32, count int) {
	l.entries[l.frames%ledgerFrames] = ledgerEntry{first, l.sent, uint32(count)}
	l.frames++
	l.sent += uint32(count)
}

// takeBack forgets the last frame, of which nothing was sent.
func (l *ledger) takeBack() {
	l.frames--
	l.sent = l.entries[l.frames%ledgerFrames].sent
}

// upTo returns how many packets were sent up to, and with, the stream's packet of an
// index. It does not know if that was too long ago.
func (l *ledger) upTo(index uint32) (sent uint32, known bool) {
	oldest := l.frames - min(l.frames, ledgerFrames)
	for low, high := oldest, l.frames; low < high; { // the last one that begins by index
		middle := (low + high) / 2
		e := l.entries[middle%ledgerFrames]
		if int32(index-e.first) < 0 {
			high = middle
			continue
		}
		low = middle + 1
		sent, known = e.sent+min(index-e.first+1, e.count), true
	}
	return sent, known
}
