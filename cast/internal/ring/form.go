package ring

import (
	"slices"

	"github.com/camcast/camcast/proto/rtp"
)

// Layout makes one wire form of frames.
type Layout interface {
	// Lay lays the frame out in dst, from its beginning, and grows it if its capacity does
	// not suffice. It is called for every frame in order while the form is in use, since
	// packets have numbers (but see Ring.NewLazyForm), and keeps nothing of the frame. An error means that this
	// frame does not exist in this form. A form that is no RTP, such as a part of an HTTP response, is one
	// packet of any size (rtp.Single).
	Lay(dst []byte, f *Frame) (rtp.Packets, error)
}

// Wire is a frame laid out in one form.
type Wire struct {
	rtp.Packets
	// First counts the form's packets before this frame. It may wrap.
	First uint32
}

// laid is a frame in one form, beside its slot in the ring.
type laid struct {
	wire   Wire
	number uint64 // of the frame that it is made of
	buffer []byte // what it lies in, kept for the next frame
}

// Form is one wire form of a ring's frames. Frames are laid out in it once, whatever the
// number of its readers, and only while it is in use.
type Form struct {
	ring   *Ring
	base   *Form // what it is made of; nil: the coded frames
	layout Layout
	index  int
	users  int
	// lazy: a frame of before the first reader is laid out when it is asked for. unread is the last one of these.
	lazy   bool
	unread uint64
	// packets counts those made.
	packets uint64
	// upTo is the last frame that was laid out, or was tried to be.
	upTo uint64
}

// NewForm adds a form to the ring.
func (r *Ring) NewForm(l Layout) *Form {
	form := &Form{ring: r, layout: l, index: slices.Index(r.forms, nil)}
	if form.index < 0 {
		form.index = len(r.forms)
		r.forms = append(r.forms, nil)
	}
	r.forms[form.index] = form
	return form
}

// NewLazyForm adds a form that has no numbers, so that its frames may be laid out in any order. Those that were there before
// its first reader are laid out when they are asked for (Of): its first reader does not have the others wait for
// a whole group of pictures.
func (r *Ring) NewLazyForm(l Layout) *Form {
	form := r.NewForm(l)
	form.lazy = true
	return form
}

// Drop takes a form out of the ring that is not in use, with all that was laid out in it.
func (m *Form) Drop() {
	m.ring.forms[m.index] = nil
	for _, f := range m.ring.slots {
		if m.index < len(f.wires) {
			f.wires[m.index] = laid{}
		}
	}
}

// NewFormOf adds a form that is made of another one, which is in use while this one is: its layout
// finds each frame in that form (Of), unless it could not be laid out in that.
func (r *Ring) NewFormOf(base *Form, l Layout) *Form {
	form := r.NewForm(l)
	form.base = base
	return form
}

// Use says that one more reader uses the form, until Release. With the first one the form
// begins: at the newest key frame, so that what depends on it can follow, unless it is lazy.
func (m *Form) Use() {
	m.users++
	if m.users > 1 {
		return
	}
	if m.base != nil {
		m.base.Use()
	}
	r := m.ring
	if m.lazy {
		m.unread = r.newest
		return
	}
	if r.NewestKey() == nil {
		return // it begins at the next one
	}
	for n := max(r.newestKey, m.upTo+1); n <= r.newest; n++ {
		_ = m.lay(r.Get(n)) // Publish reports errors; this frame was published before
	}
}

// Release ends a Use.
func (m *Form) Release() {
	m.users--
	if m.users == 0 && m.base != nil {
		m.base.Release()
	}
}

// InUse reports whether the form has readers, so that the next frame will be laid out in it.
func (m *Form) InUse() bool { return m.users > 0 }

// InUse reports whether any form of the ring has readers.
func (r *Ring) InUse() bool {
	for _, form := range r.forms {
		if form != nil && form.InUse() {
			return true
		}
	}
	return false
}

// Packets is how many packets the form has made of all frames so far.
func (m *Form) Packets() uint64 { return m.packets }

// Of returns the frame in this form, nil if it was not or could not be laid out. It holds as
// long as the frame.
func (m *Form) Of(f *Frame) *Wire {
	if m.isLaid(f) || m.users > 0 && f.Number <= m.unread && m.lay(f) == nil {
		return &f.wires[m.index].wire
	}
	return nil
}

func (m *Form) isLaid(f *Frame) bool {
	return m.index < len(f.wires) && f.wires[m.index].number == f.Number
}

// lay lays the frame out.
func (m *Form) lay(f *Frame) error {
	m.upTo = f.Number
	for len(f.wires) <= m.index {
		f.wires = append(f.wires, laid{})
	}
	at := &f.wires[m.index]
	packets, err := m.layout.Lay(at.buffer[:0], f)
	if err != nil {
		return err
	}
	at.buffer = packets.Bytes
	at.wire, at.number = Wire{Packets: packets, First: uint32(m.packets)}, f.Number
	m.packets += uint64(packets.Count)
	return nil
}
