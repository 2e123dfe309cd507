package loop

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// neighbourMessage is an RTM_NEWNEIGH message as the kernel sends it.
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

func FuzzParseNeighbours(f *testing.F) {
	f.Add(neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_FAILED, 2, netip.MustParseAddr("10.0.0.7")))
	f.Add(neighbourMessage(unix.RTM_NEWNEIGH, unix.NUD_STALE, 3, netip.MustParseAddr("fe80::7")))
	f.Fuzz(func(t *testing.T, p []byte) {
		var news [16]Neighbour
		for _, n := range news[:parseNeighbours(p, news[:])] {
			if !n.Addr.IsValid() {
				t.Error("news of nobody")
			}
		}
	})
}
