package loop

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// neighbourMessage is an RTM_NEWNEIGH message as the kernel sends it. An attribute of no
// bytes is before the address.
func neighbourMessage(kind uint16, state uint16, index uint32, addr netip.Addr) []byte {
	raw := addr.AsSlice()
	p := make([]byte, unix.SizeofNlMsghdr+unix.SizeofNdMsg, 128)
	binary.NativeEndian.PutUint16(p[4:], kind)
	binary.NativeEndian.PutUint32(p[20:], index)
	binary.NativeEndian.PutUint16(p[24:], state)
	attribute := func(kind uint16, value []byte) {
		p = binary.NativeEndian.AppendUint16(p, uint16(unix.SizeofRtAttr+len(value)))
		p = binary.NativeEndian.AppendUint16(p, kind)
		p = append(p, value...)
		p = append(p, make([]byte, aligned(len(value))-len(value))...)
	}
	attribute(unix.NDA_LLADDR, []byte{2, 0, 0, 0, 0, 1})
	attribute(unix.NDA_VLAN, nil)
	attribute(unix.NDA_DST, raw)
	binary.NativeEndian.PutUint32(p, uint32(len(p)))
	return p
}

func TestParseNeighbours(t *testing.T) {
	v4, v6, local := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fe80::7")
	for _, c := range []struct {
		name    string
		message []byte
		want    []Neighbour
	}{
		{"failed", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, v4), []Neighbour{{v4, false}}},
		{"reachable", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_REACHABLE, 2, v6), []Neighbour{{v6, true}}},
		{"stale", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_STALE, 2, v4), []Neighbour{{v4, true}}},
		{"link-local", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 3, local), []Neighbour{{local.WithZone("3"), false}}},
		{"being asked", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_INCOMPLETE, 2, v4), nil},
		{"being asked once more", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_PROBE, 2, v4), nil},
		{"forgotten", neighbourMessage(unix.RTM_DELNEIGH, unix.NUD_FAILED, 2, v4), nil},
		{"two", append(neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, v4), neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_REACHABLE, 2, v6)...),
			[]Neighbour{{v4, false}, {v6, true}}},
		{"behind one that is a header alone", append(headerAlone(), neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_STALE, 2, v4)...), []Neighbour{{v4, true}}},
		{"cut short", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, v4)[:40], nil},
		{"no address", neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, netip.Addr{}), nil},
		{"nothing", nil, nil},
	} {
		var news [4]Neighbour
		n := parseNeighbours(c.message, news[:])
		if n != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, news[:n], c.want)
			continue
		}
		for i := range c.want {
			if news[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.name, news[i], c.want[i])
			}
		}
	}
}

// headerAlone is a message without anything in it.
func headerAlone() []byte {
	p := make([]byte, unix.SizeofNlMsghdr)
	binary.NativeEndian.PutUint32(p, unix.SizeofNlMsghdr)
	binary.NativeEndian.PutUint16(p[4:], unix.NLMSG_NOOP)
	return p
}

// FuzzParseNeighbours: news is of somebody, a message cut off anywhere adds none, and the same
// bytes in two reads are the same news.
func FuzzParseNeighbours(f *testing.F) {
	f.Add(neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, netip.MustParseAddr("10.0.0.7")))
	f.Add(neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_STALE, 3, netip.MustParseAddr("fe80::7")))
	f.Fuzz(func(t *testing.T, p []byte) {
		var news, fewer [16]Neighbour
		n := parseNeighbours(p, news[:])
		for _, of := range news[:n] {
			if !of.Addr.IsValid() || of.Addr.Zone() != "" && !of.Addr.IsLinkLocalUnicast() {
				t.Fatalf("news of %v", of.Addr)
			}
		}
		if m := parseNeighbours(p[:len(p)/2], fewer[:]); m > n || fewer != news && !slices.Equal(fewer[:m], news[:m]) {
			t.Fatalf("half of it is %v, all of it %v", fewer[:m], news[:n])
		}
		if n > 1 {
			if m := parseNeighbours(p, fewer[:1]); m != 1 || fewer[0] != news[0] {
				t.Fatalf("%d news, and with room for one %d", n, m)
			}
		}
	})
}

// FuzzCmsg reads any ancillary data: an address is one, and what Set has written comes back.
func FuzzCmsg(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, length int, segment uint16) {
		var c Cmsg
		copy(c.buf[:], raw)
		c.length = min(max(length, 0), len(c.buf))
		before := c
		address, size := c.Address(), c.SegmentBytes()
		if c != before {
			t.Fatal("it is changed by being read")
		}
		if size < 0 || size > 65535 {
			t.Fatalf("segments of %d bytes", size)
		}
		c.Set(int(segment), address)
		c.Mark(7)
		if c.SegmentBytes() != int(segment) || c.Address() != address.Unmap() {
			t.Fatalf("%d bytes from %v came back as %d from %v", segment, address, c.SegmentBytes(), c.Address())
		}
	})
}
