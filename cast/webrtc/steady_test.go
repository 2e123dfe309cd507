//go:build !race

package webrtc

import (
	"net"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
)

// TestNoAllocationsForChecks has checks come again and again, of a viewer and of strangers, on this machine's kernel. (With the
// race detector pools keep nothing.)
func TestNoAllocationsForChecks(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cam, err := b.AddStream("cam", nil, cast.StreamOptions{Params: &media.Params{Format: media.H264, Width: 320, Height: 240, FramesPerSecond: 20}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve(b, Options{DTLS: &stage{}})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	peer := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	name, _, _, err := s.Open(cam, cast.Request{Protocol: cast.WebRTC, Peer: peer, Local: netip.MustParseAddrPort("127.0.0.1:1")}, cast.Grant{}, offerOf(t), cast.PlayoutDelay{})
	if err != nil {
		t.Fatal(err)
	}
	v := s.byID[name]
	d := udp.Datagram{Payload: checkOf(t, v.ufrag, string(v.password)), From: peer, To: peer.Addr()}
	elsewhere := d
	elsewhere.From = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), 9)
	elsewhere.Payload = checkOf(t, v.ufrag, "another password, as long as ours")
	s.takeCheck(d)
	s.answerChecks()
	if s.byAddress[peer] != v {
		t.Fatal("the viewer's address is not proved")
	}
	for _, c := range []struct {
		name    string
		d       udp.Datagram
		answers uint64
	}{
		{"a viewer's check", d, 1},
		{"a check by a wrong password", elsewhere, 0},
		{"a check of nobody's", udp.Datagram{Payload: checkOf(t, "nobody", "x"), From: peer, To: peer.Addr()}, 0},
		{"a report that is not sealed", udp.Datagram{Payload: []byte{0x80, 201, 0, 1, 0, 0, 0, 99}, From: peer, To: peer.Addr()}, 0},
		{"forged DTLS of a viewer", udp.Datagram{Payload: []byte{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0}, From: peer, To: peer.Addr()}, 0},
		{"DTLS of nobody's", udp.Datagram{Payload: handshakeOf(1, 100), From: elsewhere.From, To: peer.Addr()}, 0},
	} {
		const runs = 100
		before := b.RTPSockets().Messages
		if n := testing.AllocsPerRun(runs, func() {
			switch first := c.d.Payload[0]; {
			case first < 4:
				s.takeCheck(c.d)
				s.answerChecks()
			case first < 64:
				s.takeDTLS(c.d)
			default:
				s.takeRTCP(c.d)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, n)
		}
		if n := b.RTPSockets().Messages - before; n != c.answers*(runs+1) {
			t.Errorf("%s: %d answers", c.name, n)
		}
	}
}

// BenchmarkCheck is what a viewer's check costs, without receiving it.
func BenchmarkCheck(b *testing.B) {
	s := &Server{}
	p, password := checkOf(b, "ours", "rDkN1kqzlKmWcqjFdS8bqQxN"), []byte("rDkN1kqzlKmWcqjFdS8bqQxN")
	from := netip.MustParseAddrPort("198.51.100.7:40000")
	for b.Loop() {
		if _, err := s.responder.Check(p, password); err != nil {
			b.Fatal(err)
		}
		s.answer = s.responder.AppendSuccess(s.answer[:0], from, password)
	}
}
