package srtp

// maxLeft is how many keys Openers remember that no Opener has any more.
const maxLeft = 4096

// Openers make the Openers of all readers. Those of one key have one window, as long as one of them is there,
// and some time after: what a reader has sent in a session does not count again in its next one, if it
// takes its key along. The zero value is ready. They belong to one goroutine.
type Openers struct {
	windows map[Key]*window
	// left are the keys that were left last, in a ring: next is the oldest, if it is full.
	left []leftKey
	next int
	// leavings counts them.
	leavings uint64
}

// leftKey is a key that the last Opener has left. at is the number of that; it may have come back since.
type leftKey struct {
	key Key
	at  uint64
}

// window is what has come that was sealed with one key.
type window struct {
	senders senders
	openers int
	leftAt  uint64 // of the last time that there was no Opener
}

// Open makes an Opener for what is sealed with a peer's key. The caller closes it.
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

// Close ends the use of an Opener that Open has made, once.
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

// forget forgets a key, unless it has come back.
func (m *Openers) forget(l leftKey) {
	if w := m.windows[l.key]; w.openers == 0 && w.leftAt == l.at {
		delete(m.windows, l.key)
	}
}
