package udp

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clones is the memory that fans share with a program in the kernel, which sends copies
// of one message to many peers (package clone). Every peer has an entry there. The program
// learns a peer's link address from a normal send. From then on the peer can be in an order: a
// list of the peers that get a copy of the next message.
//
// A Clones may serve many sockets of one loop. Its methods belong to the loop's
// goroutine; the program writes what it has learned at any time.
type Clones struct {
	peers []clonePeer
	order *cloneOrder
	// free are slots to be used again; those from unused on have never been.
	free   []uint16
	unused int
	orders uint32 // how many there have been, to tell their messages apart
}

// The layouts are those of clone/bpf/fan.bpf.c.
type clonePeer struct {
	address    [16]byte
	port       [2]byte
	mac        [6]byte
	generation uint32
	learned    uint32 // atomic: another CPU may be writing it
}

type cloneOrder struct {
	mark, count, done, full, bytes uint32
	slots                          [maxOrder]uint32
}

// ClonePeerBytes and CloneOrderBytes are the sizes of the program's two maps' values.
const (
	ClonePeerBytes  = int(unsafe.Sizeof(clonePeer{}))
	CloneOrderBytes = int(unsafe.Sizeof(cloneOrder{}))
	// MaxClonePeers is how many peers a Clones can have.
	MaxClonePeers = int(noSlot)
)

const (
	// maxOrder is how many peers an order can have.
	maxOrder = 64
	// maxOrderPackets is how many packets: a link that does not cut messages has them all
	// in a queue at once, a thousand long with most.
	maxOrderPackets = 960
	// noSlot is the slot of a peer that has none.
	noSlot = uint16(1<<16 - 1)

	// The marks are of three digits that are ours and five that tell a slot to be learned,
	// or count orders.
	cloneTag   = 0xca5 << 20
	learnMark  = cloneTag | 1<<16
	orderMark  = cloneTag | 2<<16
	orderMarks = 14 << 16
)

// NewClones lays peers, of ClonePeerBytes each, and one order over memory that the
// program can see. Both must stay there for as long as a socket uses the Clones, be
// aligned to 8 bytes and zero.
func NewClones(peers, order []byte) (*Clones, error) {
	n := len(peers) / ClonePeerBytes
	if n == 0 || n > MaxClonePeers || len(order) < CloneOrderBytes {
		return nil, fmt.Errorf("clones: %d bytes for peers and %d for an order: must be %d for each of 1 to %d peers, and %d",
			len(peers), len(order), ClonePeerBytes, MaxClonePeers, CloneOrderBytes)
	}
	return &Clones{
		peers: unsafe.Slice((*clonePeer)(unsafe.Pointer(unsafe.SliceData(peers))), n),
		order: (*cloneOrder)(unsafe.Pointer(unsafe.SliceData(order))),
	}, nil
}

// enter gives a peer an entry, or noSlot if all are taken.
func (c *Clones) enter(peer netip.AddrPort) (slot uint16) {
	switch {
	case len(c.free) > 0:
		slot = c.free[len(c.free)-1]
		c.free = c.free[:len(c.free)-1]
	case c.unused < len(c.peers):
		slot = uint16(c.unused)
		c.unused++
	default:
		return noSlot
	}
	p := &c.peers[slot]
	p.address = [16]byte{}
	copy(p.address[:], peer.Addr().Unmap().AsSlice())
	p.port = [2]byte{byte(peer.Port() >> 8), byte(peer.Port())}
	c.forget(slot) // what was learned while it changed
	return slot
}

// leave gives an entry back, to be used again.
func (c *Clones) leave(slot uint16) {
	if slot != noSlot {
		c.forget(slot)
		c.free = append(c.free, slot)
	}
}

// forget has the peer get normal sends until it is learned again.
func (c *Clones) forget(slot uint16) {
	p := &c.peers[slot]
	if atomic.AddUint32(&p.generation, 1) == 0 {
		atomic.AddUint32(&p.generation, 1) // 0 is what nothing is learned in
	}
}

// learned reports whether the peer may be in an order.
func (c *Clones) learned(slot uint16) bool {
	p := &c.peers[slot]
	return atomic.LoadUint32(&p.learned) == p.generation
}

// setOrder writes an order for the next message, of so many bytes, which is to carry the mark.
func (c *Clones) setOrder(slots []uint16, bytes int) (mark uint32) {
	o := c.order
	o.count, o.done, o.full, o.bytes = uint32(len(slots)), 0, 0, uint32(bytes)
	for i, slot := range slots {
		o.slots[i] = uint32(slot)
	}
	mark = orderMark + c.orders%orderMarks
	c.orders++
	atomic.StoreUint32(&o.mark, mark)
	return mark
}

// outcome tells what has become of the order, after its message was sent: how many of
// its peers, of which there were count, have their copies, and whether it came to the program at
// all. It withdraws the order.
func (c *Clones) outcome(count int) (done int, full, seen bool) {
	seen = atomic.SwapUint32(&c.order.mark, 0) == 0
	return int(min(c.order.done, uint32(count))), c.order.full != 0, seen
}

// cloned is what a fan knows of its peers' clones.
type cloned struct {
	slots []uint16
	// due is when a peer is to be learned, anew if it has been: its network card may be
	// another one by then. It is the loop's time in milliseconds.
	due []uint32
	// old peers have been learned before.
	old []bool
}

const (
	// learnEvery is the least of the times between; peers differ in it by up to
	// learnSpread, so that not all have it at once.
	learnEvery, learnSpread = 4000, 2000
	// learnNew is the least of the times after a peer was learned first. It is short, as a
	// router on the way may have complained about packets that it cannot carry, and the kernel
	// tells only a socket that makes normal sends.
	learnNew = 150
)

// now is the loop's time for due.
func (s *Socket) now() uint32 { return uint32(s.loop.Now() / time.Millisecond) }

// way is how a peer is sent to.
type way uint8

const (
	ordinary way = iota
	learning     // ordinarily, and the program is to learn from it
	cloning      // by the program
)

// way is how the peer with index i is sent to next.
func (f *Fan) way(i int, now uint32) way {
	slot := f.cloned.slots[i]
	switch {
	case slot == noSlot:
		return ordinary
	case int32(now-f.cloned.due[i]) >= 0:
		return learning
	case f.clones.learned(slot):
		return cloning
	}
	return ordinary
}

// handOver hands the run to the kernel for the next of the peers, as many as are sent to
// in the same way. It returns how many of them that was, and an error only if it was none.
func (f *Fan) handOver(run Run, position Position, peers Peers) (int, error) {
	if f.clones == nil {
		return f.socket.send(f.batch(position, peers))
	}
	from := position.Peer % peers.Ring
	most := min(peers.End-position.Peer, peers.Ring-from, sendBatch)
	now := f.socket.now()
	how := f.way(from, now)
	if how == cloning {
		most = min(most, max(maxOrderPackets/run.packets(), 1))
	}
	count := 1
	for count < most && f.way(from+count, now) == how &&
		(how != cloning || f.messages[from+count].SharesCmsg(&f.messages[from])) {
		count++
	}
	switch {
	case how == cloning && count > 1:
		return f.sendOrder(from, count)
	case how == learning:
		return f.sendLearning(from, count, now)
	}
	return f.socket.send(f.messages[from : from+count])
}

// sendOrder has the program send to count peers, of which the first has the index from.
func (f *Fan) sendOrder(from, count int) (int, error) {
	s, slots := f.socket, f.cloned.slots[from:from+count]
	out := &s.outgoing
	cmsg := &out.cmsgs[0]
	cmsg.Set(f.cmsgSegmentBytes(), f.messages[from].LocalAddress())
	cmsg.Mark(f.clones.setOrder(slots, f.payload.Len()))
	out.messages[0].Point(&f.addresses[from], &f.payload, cmsg)
	n, err := s.send(out.messages[:1])
	done, full, seen := f.clones.outcome(count)
	switch {
	case seen:
	case n > 0: // it has passed the program by, to whom it was addressed
		f.clones.forget(slots[0])
		return n, nil
	default:
		return 0, f.unmarked(from, err)
	}
	s.counters.Messages += uint64(done - n)
	s.counters.Cloned += uint64(done)
	switch {
	case done > 0:
		return done, nil
	case full:
		return 0, unix.ENOBUFS
	}
	f.clones.forget(slots[0]) // the program does not know it after all
	return 0, unix.EINTR
}

// unmarked is the error of a message with a mark as that of one without: if it may be the
// peer's, that is tried without a mark next.
func (f *Fan) unmarked(peer int, err error) error {
	if passing(sort(err, false)) {
		return err
	}
	f.clones.forget(f.cloned.slots[peer])
	f.learnAgain(peer, f.socket.now())
	return unix.EINTR
}

// learnAgain has a peer be learned again in some seconds.
func (f *Fan) learnAgain(peer int, now uint32) {
	after := uint32(learnNew)
	if f.cloned.old[peer] {
		after = learnEvery
	}
	f.cloned.old[peer] = true
	f.cloned.due[peer] = now + after + uint32(peer)%64*(learnSpread/64)
}

// sendLearning sends to count peers, of which the first has the index from, and has the
// program learn how they are reached.
func (f *Fan) sendLearning(from, count int, now uint32) (int, error) {
	s := f.socket
	out := &s.outgoing
	for i := range count {
		at := from + i
		slot := f.cloned.slots[at]
		f.clones.forget(slot)
		out.cmsgs[i].Set(f.cmsgSegmentBytes(), f.messages[at].LocalAddress())
		out.cmsgs[i].Mark(learnMark | uint32(slot))
		out.messages[i].Point(&f.addresses[at], &f.payload, &out.cmsgs[i])
	}
	n, err := s.send(out.messages[:count])
	for i := from; i < from+n; i++ {
		f.learnAgain(i, now)
	}
	if n == 0 {
		err = f.unmarked(from, err)
	}
	return n, err
}
