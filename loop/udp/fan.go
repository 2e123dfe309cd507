package udp

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
)

// Fan is a dense list of peers that are sent the same bytes. A peer is known by its
// index in the list; removing one gives its index to the last one.
//
// It costs 93 bytes per peer, 39 more with Clones. Its methods belong to the loop's goroutine.
type Fan struct {
	socket    *Socket
	clones    *Clones // nil: none of its messages are copied in the kernel
	messages  []loop.Message
	addresses []loop.Address
	// plain peers are behind a link that does not segment.
	plain      []bool
	plainCount int
	payload    loop.Vector // shared by all messages
	cloned     cloned      // empty if the socket has no Clones
	// cmsgs holds one Cmsg per address that peers are answered from: nearly
	// always one or two.
	cmsgs        []*sourceCmsg
	segmentBytes int
}

// sourceCmsg is the ancillary data of all peers answered from one address.
type sourceCmsg struct {
	source netip.Addr
	cmsg   loop.Cmsg
}

// NewFan makes an empty list of peers who are sent to from s.
func (s *Socket) NewFan() *Fan {
	f := &Fan{socket: s, clones: s.clones}
	if s.clones != nil {
		s.fans = append(s.fans, f)
	}
	return f
}

// releaseClones gives the peers' entries back when the socket closes.
func (s *Socket) releaseClones() {
	for _, f := range s.fans {
		for _, slot := range f.cloned.slots {
			s.clones.leave(slot)
		}
		f.clones, f.cloned = nil, cloned{}
	}
	s.clones, s.fans = nil, nil
}

// Socket is the socket the fan sends from.
func (f *Fan) Socket() *Socket { return f.socket }

// Len is the number of peers.
func (f *Fan) Len() int { return len(f.messages) }

// Peer is the address of the peer with index i.
func (f *Fan) Peer(i int) netip.AddrPort { return f.addresses[i].AddrPort() }

// Source is the address that the peer with index i is sent to from, invalid if that is
// left to the routing table.
func (f *Fan) Source(i int) netip.Addr { return f.messages[i].LocalAddress() }

// Add appends a peer and returns its index. source is the address to send from, if
// it matters (the zero Addr leaves it to the routing table): it should be the one
// that the peer has asked.
func (f *Fan) Add(peer netip.AddrPort, source netip.Addr) (index int) {
	index = len(f.messages)
	was := cap(f.addresses)
	f.addresses = append(f.addresses, loop.Address{})
	f.messages = append(f.messages, loop.Message{})
	f.plain = append(f.plain, false)
	f.addresses[index].Set(peer)
	if cap(f.addresses) != was { // the array has moved: so must the pointers into it
		for i := range f.messages[:index] {
			f.messages[i].PointPeer(&f.addresses[i])
		}
	}
	f.messages[index].Point(&f.addresses[index], &f.payload, f.cmsgFor(source))
	if clones := f.clones; clones != nil {
		slot := noSlot
		if source.IsValid() && !source.IsUnspecified() { // else peers may be sent to from several addresses
			slot = clones.enter(peer)
		}
		f.cloned.slots = append(f.cloned.slots, slot)
		f.cloned.due = append(f.cloned.due, f.socket.now())
		f.cloned.old = append(f.cloned.old, false)
	}
	return index
}

// Remove removes the peer with that index, and gives the index to the last peer. It returns
// the index which that one had: index itself if the peer removed was the last.
func (f *Fan) Remove(index int) (moved int) {
	last := len(f.messages) - 1
	if f.plain[index] {
		f.plainCount--
	}
	f.addresses[index] = f.addresses[last]
	f.messages[index] = f.messages[last]
	f.messages[index].PointPeer(&f.addresses[index])
	f.plain[index] = f.plain[last]
	f.messages[last] = loop.Message{} // drops its pointers
	f.messages, f.addresses, f.plain = f.messages[:last], f.addresses[:last], f.plain[:last]
	if clones := f.clones; clones != nil {
		c := &f.cloned
		clones.leave(c.slots[index])
		c.slots[index], c.due[index], c.old[index] = c.slots[last], c.due[last], c.old[last]
		c.slots, c.due, c.old = c.slots[:last], c.due[:last], c.old[:last]
	}
	return last
}

// cmsgFor returns the ancillary data for peers answered from source.
func (f *Fan) cmsgFor(source netip.Addr) *loop.Cmsg {
	source = source.Unmap().WithZone("")
	if source.IsUnspecified() {
		source = netip.Addr{}
	}
	for _, c := range f.cmsgs {
		if c.source == source {
			return &c.cmsg
		}
	}
	c := &sourceCmsg{source: source}
	// Never 0 here: the length of the ancillary data must not change with the
	// segment size, as the messages know it.
	c.cmsg.Set(f.cmsgSegmentBytes(), source)
	f.cmsgs = append(f.cmsgs, c)
	return &c.cmsg
}

// cmsgSegmentBytes is what the ancillary data says, 0 if it says nothing of
// segments.
func (f *Fan) cmsgSegmentBytes() int {
	if !f.socket.segment {
		return 0
	}
	return max(f.segmentBytes, 1)
}

// setSegment has all messages cut into datagrams of segmentBytes.
func (f *Fan) setSegment(segmentBytes int) {
	if segmentBytes == f.segmentBytes {
		return
	}
	f.segmentBytes = segmentBytes
	for _, c := range f.cmsgs {
		c.cmsg.Set(f.cmsgSegmentBytes(), c.source)
	}
}
