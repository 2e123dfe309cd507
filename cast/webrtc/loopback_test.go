package webrtc

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
)

// caller is a viewer over this machine's network, which has proved its address.
type caller struct {
	t       *testing.T
	client  *client
	socket  *net.UDPConn
	reasons chan string // why it has left
}

// call opens a session with a server whose DTLS is real.
func call(t *testing.T) *caller {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{t: t, client: newClient(t), reasons: make(chan string, 1)}
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0"), Left: func(_ *cast.Session, reason string) { c.reasons <- reason }})
	if err != nil {
		t.Fatal(err)
	}
	params := &media.Params{Format: media.H264, Width: 320, Height: 240, FramesPerSecond: 20, ParameterSets: [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce, 0x3c, 0x80}}}
	cam, err := b.AddStream("cam", nil, cast.StreamOptions{Params: params})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	do := func(f func()) {
		if err := l.Do(context.Background(), f); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		do(func() { _ = b.Close() })
		stop()
		if err := errors.Join(<-ended, l.Close()); err != nil {
			t.Error(err)
		}
	})
	if c.socket, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), b.RTPPort()))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.socket.Close() })
	_ = c.socket.SetDeadline(time.Now().Add(20 * time.Second))
	o, err := whep.ParseOffer(offerText(t, whep.FingerprintOf(c.client.certificate.Certificate[0]).String()))
	if err != nil {
		t.Fatal(err)
	}
	var v *viewer
	do(func() {
		name, _, _, err := s.Open(cam, cast.Request{Protocol: cast.WebRTC, Peer: c.socket.LocalAddr().(*net.UDPAddr).AddrPort(), Local: netip.MustParseAddrPort("127.0.0.1:1")}, cast.Grant{}, o, cast.PlayoutDelay{})
		if err != nil {
			t.Error(err)
			return
		}
		v = s.byID[name]
	})
	if v == nil {
		t.FailNow()
	}
	c.write(checkOf(t, v.ufrag, string(v.password)))
	p := make([]byte, 2000)
	if n, err := c.socket.Read(p); err != nil || p[0] != 1 || p[1] != 1 {
		t.Fatalf("% x, %v", p[:n], err)
	}
	return c
}

func (c *caller) write(p []byte) {
	c.t.Helper()
	if _, err := c.socket.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// shake does the handshake, over a connection that is the socket's.
func (c *caller) shake(over net.PacketConn) Keys {
	c.t.Helper()
	conn, err := c.client.dial(over, c.socket.RemoteAddr())
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		c.t.Fatal(err)
	}
	k, err := export(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	return k
}

// leave says goodbye until the session has ended by that.
func (c *caller) leave(k Keys) {
	c.t.Helper()
	sealer, err := srtp.NewPrivate(k.Profile, k.Theirs, k.Ours, 99, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	again := time.NewTicker(20 * time.Millisecond) // the server may not have its keys yet
	defer again.Stop()
	late := time.After(20 * time.Second)
	for {
		goodbye, err := sealer.SealRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 99, 0x81, 203, 0, 1, 0, 0, 0, 99})
		if err != nil {
			c.t.Fatal(err)
		}
		c.write(goodbye)
		select {
		case reason := <-c.reasons:
			if reason != "goodbye" {
				c.t.Errorf("left: %q", reason)
			}
			return
		case <-late:
			c.t.Fatal("the session does not end by a goodbye")
		case <-again.C:
		}
	}
}

// connected is a socket that has a peer already. Before each datagram it sends others.
type connected struct {
	*net.UDPConn
	before [][]byte
}

func (c connected) WriteTo(p []byte, _ net.Addr) (int, error) {
	for _, one := range c.before {
		if _, err := c.Write(one); err != nil {
			return 0, err
		}
	}
	return c.Write(p)
}

// TestOverLoopback has a viewer come over this machine's network: offer, STUN, DTLS, SRTCP.
func TestOverLoopback(t *testing.T) {
	c := call(t)
	c.leave(c.shake(connected{c.socket, nil}))
}

// TestForgedRecords has somebody write in the viewer's name what would end its handshake, before each of its datagrams.
func TestForgedRecords(t *testing.T) {
	for name, p := range forgedRecords() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := call(t)
			c.leave(c.shake(connected{c.socket, [][]byte{p}}))
		})
	}
}

// forgedRecords are datagrams of DTLS that are none of a handshake.
func forgedRecords() map[string][]byte {
	record := func(kind byte, body ...byte) []byte {
		return append([]byte{kind, 254, 253, 0, 0, 0, 0, 0, 0, 200, 0, 0, byte(len(body))}, body...)
	}
	alert := record(21, 2, 40)
	return map[string][]byte{
		"a fatal alert": alert, "a close_notify": record(21, 1, 0), "application data": record(23, 1), "an alert that is none": record(21, 9),
		"a ChangeCipherSpec that is none": record(20, 2), "one of two bytes": record(20, 1, 1), "no type": record(63, 1),
		"an alert behind another record": append(record(20, 1), alert...), "a header": record(22), "a part of a header": alert[:12], "a cut record": alert[:14],
	}
}

// TestForgedRecordsAreDropped has the same come before a handshake has begun, and when it is done: the handshake is not told, and
// they are not counted. Encrypted records go on to it.
func TestForgedRecordsAreDropped(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	forge := func() {
		for range maxHandshakeDatagrams {
			for _, p := range forgedRecords() {
				g.send(p)
			}
		}
	}
	forge()
	if g.viewer().handshake != nil {
		t.Error("a handshake has begun")
	}
	h := g.shake()
	forge()
	encrypted := []byte{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, 0, 3, 1, 2, 3}
	changing := append([]byte{20, 254, 253, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1}, encrypted...)
	g.send(encrypted)
	g.send(changing)
	if len(h.taken) != 4 || !bytes.Equal(h.taken[2], encrypted) || !bytes.Equal(h.taken[3], changing) || g.viewer().handshake.taken != 4 {
		t.Errorf("%d datagrams are counted; taken: %v", g.viewer().handshake.taken, h.taken)
	}
}
