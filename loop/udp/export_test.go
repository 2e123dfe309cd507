package udp

import (
	"errors"
	"net/netip"
	"unsafe"
)

// NewTestClones makes Clones in memory that no program sees but Program.
func NewTestClones(peers int) *Clones {
	entries := make([]clonePeer, peers)
	c, err := NewClones(unsafe.Slice((*byte)(unsafe.Pointer(&entries[0])), peers*ClonePeerBytes), unsafe.Slice((*byte)(unsafe.Pointer(new(cloneOrder))), CloneOrderBytes))
	if err != nil {
		panic(err)
	}
	return c
}

// Program is what clone/bpf/fan.bpf.c does, in Go, for a simulated kernel (sim.Egress). It
// learns how to reach those of whom reachable says that they are behind its interface.
func (c *Clones) Program(mark uint32, to netip.AddrPort, reachable func(netip.AddrPort) bool, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
	switch {
	case mark&^0xffff == learnMark:
		if p := &c.peers[mark&0xffff]; p.is(to) && reachable(to) {
			p.learned = p.generation
		}
	default:
		if c.order.mark == mark && c.peers[c.order.slots[0]].is(to) && reachable(to) {
			return c.carryOut(to.Addr().Is4(), copyTo)
		}
	}
	return to, true
}

func (c *Clones) carryOut(four bool, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
	o := c.order
	o.mark = 0
	for i, slot := range o.slots[:o.count] {
		p := &c.peers[slot]
		if p.learned != p.generation {
			return netip.AddrPort{}, false
		}
		if i == int(o.count)-1 {
			o.done = o.count
			return p.peer(four), true
		}
		if copyTo(p.peer(four)) != nil {
			o.full = 1
			return netip.AddrPort{}, false
		}
		o.done++
	}
	return netip.AddrPort{}, false
}

func (p *clonePeer) is(a netip.AddrPort) bool { return p.peer(a.Addr().Is4()) == a }

func (p *clonePeer) peer(four bool) netip.AddrPort {
	ip := netip.AddrFrom16(p.address)
	if four {
		ip = netip.AddrFrom4([4]byte(p.address[:]))
	}
	return netip.AddrPortFrom(ip, uint16(p.port[0])<<8|uint16(p.port[1]))
}

// ErrQueueFull is for copyTo.
var ErrQueueFull = errors.New("the queue of the interface is full")

// PlainCount is how many peers the fan takes for being behind links that do not segment.
func (f *Fan) PlainCount() int { return f.plainCount }
