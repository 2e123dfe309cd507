package join

import (
	"net"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	protocol "github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/jpeg"
)

// TestNoAllocationsForRequests hands all requests that may come to an RTP port to the server,
// on the real kernel, so often that what is answered is answered.
func TestNoAllocationsForRequests(t *testing.T) {
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
	s := Serve(b)
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	picture := jpeg.Append(nil, &jpeg.Image{Width: 64, Height: 48, Type: jpeg.Type420, Scan: make([]byte, 500)})
	params := &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}
	if err := stream.Publish(media.Frame{Params: params, Bytes: picture, Key: true}); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	peer := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	asked := func(r protocol.Request, valid bool) []byte {
		if valid {
			r.Cookie = s.cookies.Make(l.Now(), peer, &r)
		}
		return protocol.AppendRequest(nil, r)
	}
	joining := protocol.Request{SSRC: 1, Stream: []byte("cam")}
	for _, c := range []struct {
		name   string
		packet []byte
	}{
		{"first request", asked(joining, false)},
		{"request for the list", asked(protocol.Request{List: true}, true)},
		{"request for a stream that is not there", asked(protocol.Request{Stream: []byte("nonesuch")}, true)},
		{"request of a reader who has joined", asked(joining, true)},
	} {
		d := udp.Datagram{Payload: c.packet, From: peer, To: netip.MustParseAddr("127.0.0.1")}
		before := b.RTPSockets().Messages
		const runs = 100
		answer := func() {
			s.receive(d)
			s.answerQueued()
		}
		if n := testing.AllocsPerRun(runs, answer); n != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, n)
		}
		if n := b.RTPSockets().Messages - before; n == 0 || n > runs+1 {
			t.Errorf("%s: answered %d times of %d", c.name, n, runs+1)
		}
	}
	if b.Readers() != 1 {
		t.Errorf("%d readers, want 1", b.Readers())
	}
}
