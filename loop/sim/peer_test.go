package sim_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestUDPPeer(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{PacketInfo: true})
	p := w.peer(viewer)
	w.sendNumbered(fd, viewer, 3, 100)
	d, ok := p.Receive()
	if !ok || d.From != server || d.To != viewer.Addr() || len(d.Payload) != 100 || p.Pending() != 2 {
		t.Errorf("received %v from %v to %v, %d pending", ok, d.From, d.To, p.Pending())
	}
	if n, b := p.Received(); n != 3 || b != 300 {
		t.Errorf("%d datagrams and %d bytes received, want 3 and 300", n, b)
	}
	if all := numbers(p); fmt.Sprint(all) != "[1 2]" {
		t.Errorf("then %v", all)
	}
	if _, ok := p.Receive(); ok {
		t.Error("received what is not there")
	}
	w.check(p.Send(server, []byte("report")))
	m := newMessage(server, make([]byte, 100), 0)
	m.list[0].Receive(&m.address, &m.payload, &m.cmsg)
	_, err := w.Recvmmsg(fd, m.list[:])
	w.check(err)
	if got := &m.list[0]; string(got.Received()) != "report" || got.Peer() != viewer || got.LocalAddress() != server.Addr() {
		t.Errorf("the server got %q from %v to %v", got.Received(), got.Peer(), got.LocalAddress())
	}
	p.Close()
	w.check(w.send(fd, viewer, []byte("gone"), 0))
	if c := w.Counters(); c.Unheard != 1 || c.Sent != 5 || c.Delivered != 4 {
		t.Errorf("%+v", c)
	}
	w.peer(viewer) // its address is free again
}

// Sockets that share an address: the last one bound receives, and when it is closed
// the one before.
func TestReuseAddress(t *testing.T) {
	w := newWorld(t)
	p := w.peer(viewer)
	var fds []int
	for range 4 {
		fds = append(fds, w.socket(server, loop.UDPOptions{ReuseAddress: true}))
	}
	for _, step := range []struct{ close, receives int }{{-1, 3}, {1, 3}, {3, 2}, {2, 0}} {
		if step.close >= 0 {
			w.check(w.CloseFD(fds[step.close]))
		}
		w.check(p.Send(server, []byte("x")))
		m := newMessage(server, make([]byte, 1), 0)
		m.list[0].Receive(&m.address, &m.payload, nil)
		if _, err := w.Recvmmsg(fds[step.receives], m.list[:]); err != nil {
			t.Errorf("with socket %d closed, socket %d received %v", step.close, step.receives, err)
		}
	}
	w.check(w.CloseFD(fds[0]))
	w.check(p.Send(server, []byte("x")))
	if w.Counters().Unheard != 1 {
		t.Error("somebody has heard it though all are closed")
	}
}

func TestPeersThatAnswer(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	p := w.peer(viewer)
	p.OnReceive(func(d sim.Datagram) { w.check(p.Send(d.From, []byte(strings.ToUpper(string(d.Payload))))) })
	w.check(w.send(fd, viewer, []byte("abcd"), 2))
	m := newMessage(server, make([]byte, 100), 0)
	for _, want := range []string{"AB", "CD"} {
		m.list[0].Receive(&m.address, &m.payload, nil)
		if _, err := w.Recvmmsg(fd, m.list[:]); err != nil || string(m.list[0].Received()) != want {
			t.Errorf("answer %q, %v; want %q", m.list[0].Received(), err, want)
		}
	}
}

func TestPeerAddresses(t *testing.T) {
	w := newWorld(t)
	w.peer(viewer)
	w.socket(server, loop.UDPOptions{})
	w.socket(netip.MustParseAddrPort("0.0.0.0:7000"), loop.UDPOptions{})
	w.peer(netip.MustParseAddrPort("10.0.0.7:7000")) // another machine's: no conflict
	for _, bad := range []string{"10.0.0.7:6000", "192.0.2.1:5004", "0.0.0.0:1", "224.0.0.1:1"} {
		if _, err := w.NewUDPPeer(netip.MustParseAddrPort(bad)); err == nil {
			t.Errorf("a peer at %s", bad)
		}
	}
	a, b := w.peer(netip.MustParseAddrPort("10.0.0.9:0")), w.peer(netip.MustParseAddrPort("10.0.0.9:0"))
	if a.Addr().Port() == 0 || a.Addr() == b.Addr() {
		t.Errorf("free ports %v and %v", a.Addr(), b.Addr())
	}
	if err := a.Send(netip.MustParseAddrPort("[::1]:5"), nil); err == nil {
		t.Error("an IPv4 peer has sent to IPv6")
	}
	if err := a.Send(server, make([]byte, 65508)); err == nil {
		t.Error("a peer has sent what does not fit IP")
	}
}

func TestReceiveBufferOfAPeer(t *testing.T) {
	w := newWorld(t)
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	w.sendNumbered(fd, viewer, 5000, 100) // no limit
	if p.Pending() != 5000 {
		t.Errorf("%d pending, want 5000", p.Pending())
	}
	numbers(p)
	p.SetReceiveBuffer(10_000)
	w.sendNumbered(fd, viewer, 5000, 100)
	if n := p.Pending(); n == 0 || n > 100 || w.Counters().Overflowed != uint64(5000-n) {
		t.Errorf("%d pending in 10 kB, %+v", n, w.Counters())
	}
}

func TestMulticast(t *testing.T) {
	w := newWorld(t)
	group := netip.MustParseAddrPort("239.1.2.3:6000")
	fd := w.socket(netip.MustParseAddrPort("0.0.0.0:0"), loop.UDPOptions{MulticastTTL: 4, MulticastInterface: "eth0"})
	member, other := w.peer(viewer), w.peer(netip.MustParseAddrPort("10.0.0.8:6000"))
	elsewhere := w.peer(netip.MustParseAddrPort("10.0.0.8:6002"))
	w.check(w.send(fd, group, []byte("nobody"), 0))
	member.Join(group.Addr())
	other.Join(group.Addr())
	elsewhere.Join(group.Addr()) // on another port
	w.check(w.send(fd, group, []byte("frame1"), 3))
	for _, p := range []*sim.UDPPeer{member, other} {
		d, _ := p.Receive()
		if string(d.Payload) != "fra" || d.To != group.Addr() || d.From.Addr() != server.Addr() || p.Pending() != 1 {
			t.Errorf("%v got %q for %v from %v", p.Addr(), d.Payload, d.To, d.From)
		}
	}
	other.Close()
	w.check(w.send(fd, group, []byte("x"), 0))
	c := w.Counters()
	if member.Pending() != 2 || elsewhere.Pending() != 0 || c.Unheard != 1 || c.Sent != 6 || c.Delivered != 5 {
		t.Errorf("%d and %d pending, %+v", member.Pending(), elsewhere.Pending(), c)
	}
}

func TestWildcardsTakeOnlyWhatIsForTheMachine(t *testing.T) {
	w := newWorld(t, sim.WithAddresses(netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")))
	w.socket(netip.MustParseAddrPort("0.0.0.0:5004"), loop.UDPOptions{})
	p := w.peer(viewer)
	for to, heard := range map[string]bool{
		"198.51.100.1:5004": true, "198.51.100.2:5004": true, "127.0.0.9:5004": true,
		"10.9.9.9:5004": false, "198.51.100.1:5005": false,
	} {
		before := w.Counters().Delivered
		w.check(p.Send(netip.MustParseAddrPort(to), []byte("x")))
		if got := w.Counters().Delivered > before; got != heard {
			t.Errorf("%s heard: %v, want %v", to, got, heard)
		}
	}
	six := w.socket(netip.MustParseAddrPort("[::]:5004"), loop.UDPOptions{})
	w.wantErr(w.send(six, netip.MustParseAddrPort("[2001:db8::7]:1"), nil, 0), unix.ENETUNREACH) // no IPv6 address
	_, err := w.ConnectTCP(netip.MustParseAddrPort("[2001:db8::7]:1"))
	w.wantErr(err, unix.ENETUNREACH)
}
