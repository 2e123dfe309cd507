package udp

import (
	"net/netip"
	"testing"
	"unsafe"
)

// FuzzClones has the shared memory hold anything when the program has had it: no more peers have
// their copies than were in the order, and an entry that is given anew has learned nothing.
func FuzzClones(f *testing.F) {
	f.Fuzz(func(t *testing.T, order, entry []byte, count uint8) {
		const peers = 8
		c := NewTestClones(peers)
		var slots []uint16
		for i := range min(int(count), peers) {
			slots = append(slots, c.enter(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 5000)))
		}
		if len(slots) == 0 {
			return
		}
		mark := c.setOrder(slots, 1000)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(c.order)), CloneOrderBytes), order)
		left, want := c.order.mark, c.order.full != 0
		done, full, seen := c.outcome(len(slots))
		if done < 0 || full != want || done > len(slots) || seen != (left == 0) || c.order.mark != 0 || mark == 0 {
			t.Fatalf("%d of %d have their copies; the order was seen: %v, and the mark is %x, after %x", done, len(slots), seen, c.order.mark, left)
		}
		p := &c.peers[slots[0]]
		copy(unsafe.Slice((*byte)(unsafe.Pointer(p)), ClonePeerBytes), entry)
		c.forget(slots[0])
		if p.generation == 0 || c.learned(slots[0]) && p.learned != p.generation {
			t.Fatalf("generation %d, learned %d", p.generation, p.learned)
		}
		was := p.generation
		c.leave(slots[0])
		if again := c.enter(netip.MustParseAddrPort("[2001:db8::1]:7")); again != slots[0] || p.generation == was {
			t.Fatalf("slot %d is given again as %d, in generation %d after %d", slots[0], again, p.generation, was)
		}
	})
}

// TestOrdersAreToldApart: a message that was delayed must not be taken for the next one's, so marks
// follow each other, and come again after all others.
func TestOrdersAreToldApart(t *testing.T) {
	c := NewTestClones(1)
	slots := []uint16{c.enter(netip.MustParseAddrPort("10.0.0.1:5000"))}
	var seen [orderMarks]bool
	for i := range orderMarks {
		mark := c.setOrder(slots, 1000)
		if mark&^0xfffff != cloneTag || mark < orderMark || seen[mark-orderMark] {
			t.Fatalf("mark %x after %d others", mark, i)
		}
		seen[mark-orderMark] = true
		if c.order.count != 1 || c.order.bytes != 1000 || c.order.mark != mark {
			t.Fatalf("%+v", c.order)
		}
	}
	if mark := c.setOrder(slots, 1000); mark-orderMark >= orderMarks {
		t.Errorf("there are more marks than were to be: %x", mark)
	}
}

// TestMemoryOfClones is from one peer to as many as there are slots.
func TestMemoryOfClones(t *testing.T) {
	order := make([]byte, CloneOrderBytes)
	for peers, taken := range map[int]bool{0: false, 1: true, MaxClonePeers: true, MaxClonePeers + 1: false} {
		if _, err := NewClones(make([]byte, peers*ClonePeerBytes), order); (err == nil) != taken {
			t.Errorf("%d peers: %v", peers, err)
		}
	}
	if _, err := NewClones(make([]byte, ClonePeerBytes), order[:CloneOrderBytes-1]); err == nil {
		t.Error("an order that is too short is taken")
	}
}
