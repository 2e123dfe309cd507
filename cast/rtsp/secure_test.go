package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
)

// terminator is a Terminator on the simulated kernel, without TLS: each handshake takes as long as
// the test wants, and the peer's own socket is served.
type terminator struct {
	k       *sim.Kernel
	pending []*pendingHandshake
}

// pendingHandshake is one of them.
type pendingHandshake struct {
	fd   int
	host netip.Prefix
	done func(int, tcp.Outside, error)
}

// nothing is outside.
type nothing struct{ tcp.Outside }

func (nothing) Held() int                 { return 0 }
func (nothing) LimitSendBuffer(int) error { return nil }
func (nothing) Close()                    {}

func (x *terminator) Terminate(fd int, host netip.Prefix, _ func([]byte) []byte, done func(int, tcp.Outside, error)) (stop func()) {
	p := &pendingHandshake{fd, host, done}
	x.pending = append(x.pending, p)
	return func() { x.fail(p, errors.New("stopped")) }
}

func (x *terminator) fail(p *pendingHandshake, err error) {
	if p.done == nil {
		return
	}
	err = errors.Join(err, x.k.CloseFD(p.fd))
	p.done(-1, nil, err)
	p.done = nil
}

func (x *terminator) succeed(p *pendingHandshake) {
	p.done(p.fd, nothing{}, nil)
	p.done = nil
}

// securityGate notes the requests that it admits. valid is that of its grants.
type securityGate struct {
	requests []cast.Request
	valid    func() bool
}

func (g *securityGate) Admit(r cast.Request, answer func(cast.Grant, error)) {
	g.requests = append(g.requests, r)
	answer(cast.Grant{Valid: g.valid}, nil)
}

// secured is a Broadcaster with a Server behind a terminator.
type secured struct {
	*testing.T
	k     *sim.Kernel
	l     *loop.Loop
	b     *cast.Broadcaster
	front *Server
	tls   *terminator
	gate  *securityGate
	log   bytes.Buffer
}

var securedAt = netip.MustParseAddrPort("10.0.0.1:8322")

func newSecured(t *testing.T, c cast.Config) *secured {
	w := &secured{T: t, k: sim.New(1, sim.WithAddresses(securedAt.Addr())), gate: &securityGate{}}
	w.l = loop.NewOn(w.k)
	w.tls = &terminator{k: w.k}
	c.Random, c.Gate, c.Log = w.k.Random, w.gate, slog.New(unqueued{slog.NewTextHandler(&w.log, nil)})
	var err error
	w.b, err = cast.New(w.l, c)
	w.check(err)
	w.front, err = Listen(w.b, securedAt, Options{TLS: w.tls})
	w.check(err)
	_, err = w.b.AddStream("cam", nil, cast.StreamOptions{})
	w.check(err)
	return w
}

// unqueued is a handler that is called at once.
type unqueued struct{ slog.Handler }

func (unqueued) NeverWaits() {}

func (w *secured) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *secured) until(what string, done func() bool) {
	w.Helper()
	if err := sim.RunUntil(w.l, done, 30*time.Second); err != nil {
		w.Fatalf("%s: %v\n%s", what, err, w.log.String())
	}
}

// close ends all, and checks that nothing is left.
func (w *secured) close() {
	w.Helper()
	w.check(w.b.Close())
	_, err := w.l.Turn(0)
	w.check(err)
	if n := len(w.front.handshakes); n > 0 {
		w.Errorf("%d handshakes are left", n)
	}
	w.check(w.l.Close())
	if left := w.k.OpenFDs(); len(left) > 0 {
		w.Errorf("left open: %v", left)
	}
}

// dial connects from an address.
func (w *secured) dial(host string) *sim.TCPPeer {
	w.Helper()
	c, err := w.k.DialTCP(netip.MustParseAddrPort(host+":0"), securedAt)
	w.check(err)
	return c
}

// gone reports whether the server has closed a connection.
func gone(c *sim.TCPPeer) bool { return c.Ended() || c.Err() != nil }

// TestSecureConnection has a client ask over TLS: the gate is told that it is secure, and has the
// addresses of the peer.
func TestSecureConnection(t *testing.T) {
	w := newSecured(t, cast.Config{})
	c := w.dial("10.0.1.1")
	answer := ""
	c.OnData(func(p []byte) { answer += string(p) })
	_, err := c.Write([]byte("DESCRIBE rtsps://10.0.0.1:8322/none RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsps://10.0.0.1:8322/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n"))
	w.check(err)
	w.until("the handshake begins", func() bool { return len(w.tls.pending) == 1 })
	if p := w.tls.pending[0]; p.host.String() != "10.0.1.1/32" {
		t.Errorf("counted for %v", p.host)
	}
	w.tls.succeed(w.tls.pending[0])
	w.until("the gate is asked", func() bool { return len(w.gate.requests) > 0 })
	if r := w.gate.requests[0]; !r.Secure || r.Peer.Addr().String() != "10.0.1.1" || r.Local != securedAt {
		t.Errorf("%+v", r)
	}
	w.until("the client is answered", func() bool { return strings.Contains(answer, "CSeq: 2") })
	if !strings.HasPrefix(answer, "RTSP/1.0 404 Not Found\r\n") || strings.Contains(answer, "8322/cam") {
		t.Errorf("answered by %q", answer)
	}
	w.close()
}

// TestHandshakeLimits has clients connect and say nothing: there is a limit for each address and
// one for all, others are refused, and when handshakes end there is room again.
func TestHandshakeLimits(t *testing.T) {
	w := newSecured(t, cast.Config{})
	refused := 0
	connect := func(host string, times int) {
		for range times {
			c := w.dial(host)
			before := len(w.tls.pending)
			w.until("it is taken or refused", func() bool { return gone(c) || len(w.tls.pending) > before })
			if gone(c) {
				refused++
			}
		}
	}
	connect("10.1.0.1", cast.MaxHandshakesPerAddress+3)
	if len(w.tls.pending) != cast.MaxHandshakesPerAddress || refused != 3 {
		t.Fatalf("of one address %d were taken, and %d refused", len(w.tls.pending), refused)
	}
	for i := 1; i < cast.MaxHandshakes/cast.MaxHandshakesPerAddress; i++ {
		connect(fmt.Sprintf("10.1.1.%d", i), cast.MaxHandshakesPerAddress)
	}
	connect("10.1.2.1", 2)
	if len(w.tls.pending) != cast.MaxHandshakes || refused != 5 {
		t.Fatalf("%d were taken, and %d refused", len(w.tls.pending), refused)
	}
	w.check(sim.RunFor(w.l, 2*time.Second)) // a line of the log is for one second
	for i := range 10 {
		w.tls.fail(w.tls.pending[i], errors.New("TLS handshake: too slow"))
	}
	w.until("they are forgotten", func() bool { return len(w.front.handshakes) == cast.MaxHandshakes-10 })
	connect("10.1.2.1", 1)
	if refused != 5 {
		t.Error("refused, though handshakes have ended")
	}
	w.check(sim.RunFor(w.l, 2*time.Second))
	for _, want := range []string{"limit reached (128 TLS handshakes of one address)", "limit reached (2048 TLS handshakes)", "TLS handshake: too slow", "others="} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("nothing is logged of %q", want)
		}
	}
	if lines := strings.Count(w.log.String(), "\n"); lines > 20 {
		t.Errorf("%d lines are logged", lines)
	}
	w.close()
}

// TestHandshakesCountAsConnections has one address have as many connections as it may: there is no
// handshake then.
func TestHandshakesCountAsConnections(t *testing.T) {
	w := newSecured(t, cast.Config{MaxConnectionsPerAddress: 2})
	w.dial("10.0.1.1")
	w.dial("10.0.1.1")
	w.until("two are taken", func() bool { return len(w.tls.pending) == 2 })
	w.tls.succeed(w.tls.pending[0])
	c := w.dial("10.0.1.1")
	w.until("the third is refused", func() bool { return gone(c) })
	w.tls.fail(w.tls.pending[1], fmt.Errorf("TLS handshake: %w", io.EOF))
	w.check(sim.RunFor(w.l, time.Second))
	if strings.Contains(w.log.String(), "TLS handshake") {
		t.Error("it is logged that a peer has said nothing and hung up")
	}
	w.dial("10.0.1.1")
	w.until("there is room again", func() bool { return len(w.tls.pending) == 3 })
	w.close()
}

// TestNoHandshakeForStrangers has an address connect that is not allowed: there is no handshake.
func TestNoHandshakeForStrangers(t *testing.T) {
	w := newSecured(t, cast.Config{Allow: cast.Allow{RTSP: []netip.Prefix{netip.MustParsePrefix("10.0.1.0/24")}}})
	c := w.dial("10.0.2.1")
	w.until("it is refused", func() bool { return gone(c) })
	w.dial("10.0.1.1")
	w.until("the other one is taken", func() bool { return len(w.tls.pending) == 1 })
	if p := w.tls.pending[0]; p.host.String() != "10.0.1.1/32" {
		t.Errorf("the handshake is with %v", p.host)
	}
	w.close()
}

// TestHandshakeThatEndsLate has a handshake succeed when the server is closed.
func TestHandshakeThatEndsLate(t *testing.T) {
	w := newSecured(t, cast.Config{})
	c := w.dial("10.0.1.1")
	w.until("it is taken", func() bool { return len(w.tls.pending) == 1 })
	w.tls.succeed(w.tls.pending[0])
	w.close()
	w.k.Advance(time.Second)
	if !gone(c) {
		t.Error("the client is not told")
	}
}

// TestHandshakeThatNobodyTakes has handshakes succeed just before and just after the server is closed, and
// the loop be closed without another turn: their sockets are closed all the same.
func TestHandshakeThatNobodyTakes(t *testing.T) {
	w := newSecured(t, cast.Config{})
	w.dial("10.0.1.1")
	w.dial("10.0.1.2")
	w.until("they are taken", func() bool { return len(w.tls.pending) == 2 })
	w.tls.succeed(w.tls.pending[0])
	late := *w.tls.pending[1]
	w.tls.pending[1].done = nil // it cannot be stopped any more
	w.check(w.b.Close())
	late.done(late.fd, nothing{}, nil)
	w.check(w.l.Close())
	if left := w.k.OpenFDs(); len(left) > 0 {
		t.Errorf("left open: %v", left)
	}
}
