package webrtc

import (
	"maps"
	"net/netip"
	"testing"
	"time"
)

// FuzzDatagrams has any datagram come from a viewer's address and from another one: nothing is sent for it, and the viewer stays.
func FuzzDatagrams(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	f.Add(checkOf(f, "nobody", "guessed"))
	f.Add([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1})
	f.Add([]byte{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0})
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 99, 0x81, 203, 0, 1, 0, 0, 0, 99})
	f.Add([]byte{0x81, 205, 0, 3, 0, 0, 0, 99, 0, 0, 0, 1, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) == 0 || len(p) > 2000 {
			return
		}
		w := newStage(t, nil)
		g := w.join(viewerAt)
		g.prove()
		h := g.shake()
		g.send(g.report())
		stranger, err := w.k.NewUDPPeer(movedTo)
		if err != nil {
			t.Fatal(err)
		}
		before := maps.Clone(g.got)
		g.send(p)
		if err := stranger.Send(netip.AddrPortFrom(serverAt, 5004), p); err != nil {
			t.Fatal(err)
		}
		w.run(20 * time.Millisecond)
		if n, playing := w.sessions(); n != 1 || playing != 1 || stranger.Pending() > 0 || !maps.Equal(g.got, before) || len(w.begun) != 1 || !h.closed {
			t.Errorf("%d sessions, %d play; %d datagrams to a stranger; %v, before %v", n, playing, stranger.Pending(), g.got, before)
		}
	})
}
