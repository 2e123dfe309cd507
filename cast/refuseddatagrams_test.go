package cast_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
)

// TestRefusedDatagramsAreNamed sends the first datagrams of two protocols from where nothing may be sent by UDP: the log says which
// protocol it was.
func TestRefusedDatagramsAreNamed(t *testing.T) {
	for want, first := range map[string]byte{"protocol=webrtc": 0, "protocol=join": 'c'} {
		w := newWorld(t, 1, func(c *cast.Config) { c.Allow.RTP = networks("10.0.2.0/24") })
		w.b.HandleDatagrams(first, first, func(udp.Datagram) bool { t.Error("a front has got it"); return true })
		peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.1.1:5000"))
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.Send(netip.AddrPortFrom(serverAddr, w.b.RTPPort()), []byte{first, 1, 0, 0}); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		if log := w.log.String(); !strings.Contains(log, "the address is not allowed") || !strings.Contains(log, want) {
			t.Errorf("no %q in the log: %s", want, log)
		}
	}
}

// TestKey has keys be the same for one purpose, and others for another one and in another run.
func TestKey(t *testing.T) {
	b, other := newWorld(t, 1, nil).b, newWorld(t, 2, nil).b
	first, again := b.Key("a"), b.Key("a")
	if first != again || first == b.Key("b") || first == other.Key("a") || first == [32]byte{} {
		t.Error("keys that are not those of their purpose and run")
	}
}
