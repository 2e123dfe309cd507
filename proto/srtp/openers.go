package srtp

// maxLeft is how many keys are remembered that no Opener uses any more.
const maxLeft = 4096

// Openers makes the Openers of all readers. Those with the same key share a window, which is kept for some time after the
// last of them was closed: a packet that a reader has sent in one session does not count again in its next one, if it
// uses the same key there. The zero value is ready. It belongs to one goroutine.
type Openers struct {
	windows map[Key]*window
	// left are the keys that were unused last, in a ring: next is the oldest, if it is full.
	left []leftKey
	next int
	// leavings is how often a key became unused.
	leavings uint64
}

// leftKey is a key that became unused, as the leaving with the number at. It may be used again since.
type leftKey struct {
	key Key
	at  uint64
}

// window is which packets have come that were sealed with one key.
type window struct {
	senders senders
	openers int
	leftAt  uint64 // the number of the newest leaving
}

// Open makes an Opener of the packets that a peer seals. The caller closes it by Close.
func (m *Openers) Open(p Peer) *Opener {
	w := m.windows[p.Key]
	if w == nil {
		if m.windows == nil {
			m.windows = map[Key]*window{}
		}
		w = &window{}
		m.windows[p.Key] = w
	}
	w.openers++
	o := newOpener(p)
	o.window, o.key = w, p.Key
	return o
}

// Close ends the use of an Opener that Open has made. It must be called once for each.
func (m *Openers) Close(o *Opener) {
	if o.window.openers--; o.window.openers > 0 {
		return
	}
	m.leavings++
	o.window.leftAt = m.leavings
	left := leftKey{o.key, m.leavings}
	if len(m.left) < maxLeft {
		m.left = append(m.left, left)
		return
	}
	m.forget(m.left[m.next])
	m.left[m.next] = left
	m.next = (m.next + 1) % maxLeft
}

// forget forgets a key, unless it was used again.
func (m *Openers) forget(l leftKey) {
	if w := m.windows[l.key]; w.openers == 0 && w.leftAt == l.at {
		delete(m.windows, l.key)
	}
}
