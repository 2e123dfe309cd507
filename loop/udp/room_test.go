package udp_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop/udp"
)

// TestSharedRoom has sockets that share the room they receive into get what was sent to
// each, though it arrives in the same turn, and one that is closed by the other's
// datagram get nothing.
func TestSharedRoom(t *testing.T) { onBoth(t, testSharedRoom) }

func testSharedRoom(t *testing.T, newKernel kernelMaker) {
	l, _ := newFaulty(t, newKernel)
	local := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0)
	sender, err := udp.Open(l, local, udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	const sockets, each = 3, 5
	room := udp.NewRoom()
	var open [sockets]*udp.Socket
	var got [sockets]bytes.Buffer
	for i := range open {
		open[i], err = udp.Open(l, local, udp.Options{Room: room}, func(d udp.Datagram) {
			got[i].Write(d.Payload)
			if string(d.Payload) == "close the next" {
				open[i+1].Close()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer open[i].Close()
	}
	send := func(text string, to int) {
		t.Helper()
		if err := sender.SendTo([]byte(text), open[to].Local(), netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
	var want [sockets]string
	for n := range each {
		for i := range open {
			text := fmt.Sprintf("%d for %d;", n, i)
			send(text, i)
			want[i] += text
		}
	}
	turnUntil(t, l, func() bool {
		return got[0].Len() == len(want[0]) && got[1].Len() == len(want[1]) && got[2].Len() == len(want[2])
	})
	for i := range got {
		if got[i].String() != want[i] {
			t.Errorf("socket %d got %q, want %q", i, got[i].String(), want[i])
		}
	}
	send("close the next", 0)
	turnUntil(t, l, func() bool { return got[0].Len() > len(want[0]) })
	send("still there", 2)
	turnUntil(t, l, func() bool { return got[2].Len() > len(want[2]) })
	if got[1].String() != want[1] {
		t.Errorf("the closed one got %q", got[1].String()[len(want[1]):])
	}
}
