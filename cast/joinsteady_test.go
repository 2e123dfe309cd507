package cast

import (
	"net"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

// TestNoAllocationsForRequests hands everything that may come to an RTP port to the
// broadcaster, on the real kernel, so often that what is answered is answered.
func TestNoAllocationsForRequests(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := New(l, Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.AddStream("cam", still{fd: fd}, StreamOptions{AwaitReader: true})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	peer := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	asked := func(r join.Request, valid bool) []byte {
		if valid {
			r.Cookie = b.joiner.cookies.Make(l.Now(), peer, &r)
		}
		return join.AppendRequest(nil, r)
	}
	joining := join.Request{SSRC: 1, Stream: []byte("cam")}
	for _, c := range []struct {
		name     string
		packet   []byte
		answered bool
	}{
		{"first request", asked(joining, false), true},
		{"request for the list", asked(join.Request{List: true}, true), true},
		{"request for a stream that is not there", asked(join.Request{Stream: []byte("nonesuch")}, true), true},
		{"request of who is there", asked(joining, true), true},
		{"report", rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: s.ssrc}, "reader"), false},
		{"hole punching", []byte{0xce, 0xfa, 0xed, 0xfe}, false},
	} {
		d := udp.Datagram{Payload: c.packet, From: peer, To: netip.MustParseAddr("127.0.0.1")}
		before := b.Sockets().Messages
		const runs = 100
		if n := testing.AllocsPerRun(runs, func() { b.muxed(b.pairs[0], d) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, n)
		}
		if n := b.Sockets().Messages - before; c.answered != (n > 0) || n > runs+1 {
			t.Errorf("%s: answered %d times of %d", c.name, n, runs+1)
		}
	}
	if b.readers != 1 {
		t.Errorf("%d readers, want 1", b.readers)
	}
}
