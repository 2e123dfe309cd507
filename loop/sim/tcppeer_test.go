package sim_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestTCPPeer(t *testing.T) {
	w := newWorld(t)
	listener, err := w.ListenTCP(server)
	w.check(err)
	p, err := w.DialTCP(viewer, server)
	w.check(err)
	if !p.Connected() || p.Addr() != viewer || p.Remote() != server {
		t.Errorf("connected %v, %v to %v", p.Connected(), p.Addr(), p.Remote())
	}
	fd, from, err := w.Accept(listener)
	w.check(err)
	if from != viewer {
		t.Errorf("accepted from %v, want %v", from, viewer)
	}
	if _, err := w.DialTCP(viewer, server); err == nil {
		t.Error("two peers at one address")
	}
	if _, err := w.write(fd, []byte("welcome")); err != nil {
		t.Error(err)
	}
	if got := string(p.TakeBytes(3)) + "|" + string(p.Take()); got != "wel|come" || p.Pending() != 0 {
		t.Errorf("took %q, %d pending", got, p.Pending())
	}
	w.check(w.CloseFD(fd))
	if !p.Ended() || p.Err() != nil {
		t.Errorf("ended %v, %v after an orderly close", p.Ended(), p.Err())
	}
	if _, err := p.Write([]byte("x")); err != nil {
		t.Errorf("the first write: %v; a peer cannot know", err)
	}
	if _, err := p.Write([]byte("x")); err == nil || p.Err() != unix.EPIPE {
		t.Errorf("then %v, and the peer says %v; want EPIPE", err, p.Err())
	}
	p.Close()
	p.Close()
	if _, err := w.DialTCP(viewer, server); err != nil {
		t.Errorf("its address is not free again: %v", err)
	}
}

func TestTCPPeerRefused(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{Delay: time.Second})
	p, err := w.DialTCP(viewer, server)
	w.check(err)
	if p.Err() != nil {
		t.Error("refused before the refusal has come")
	}
	w.Advance(time.Second)
	if p.Connected() || p.Err() != unix.ECONNREFUSED {
		t.Errorf("connected %v, %v; want ECONNREFUSED", p.Connected(), p.Err())
	}
	if _, err := p.Write(nil); err == nil {
		t.Error("written to what was refused")
	}
	for _, bad := range []string{"0.0.0.0:1", "[::1]:1"} {
		if _, err := w.DialTCP(netip.MustParseAddrPort(bad), server); err == nil {
			t.Errorf("dialled from %s", bad)
		}
	}
}

// A peer that does not read fills the other side's socket; one that counts does not.
func TestSlowReader(t *testing.T) {
	w := newWorld(t)
	fd, p := w.accept(viewer)
	p.SetReceiveBuffer(1000)
	fill := func() (total int) {
		for {
			n, err := w.write(fd, make([]byte, 50_000))
			if total += n; err != nil {
				w.wantErr(err, unix.EAGAIN)
				return total
			}
		}
	}
	if n := fill(); n != 212992+1000 {
		t.Errorf("%d bytes fit, want the send buffer's 212992 and the peer's 1000", n)
	}
	writable := 0
	r, err := w.loop.Register(fd, loop.Writable, func(loop.Interest) { writable++ })
	w.check(err)
	if len(p.Take()) != 1000 {
		t.Error("the peer's buffer was not full")
	}
	_, err = w.loop.Turn(0)
	w.check(err)
	if writable != 0 {
		t.Error("writable with less than a third of the buffer free")
	}
	for taken := 0; taken < 80_000; {
		taken += len(p.Take())
	}
	_, err = w.loop.Turn(0)
	w.check(err)
	if writable != 1 {
		t.Error("not writable with a third of the buffer free")
	}
	w.check(r.Unregister())
	p.CountOnly()
	w.Advance(0)
	w.check(func() error { _, err := w.write(fd, make([]byte, 10_000_000)); return err }())
	w.Advance(0)
	if p.Received() < 10_000_000 || p.Pending() != 0 {
		t.Errorf("a peer that counts has %d bytes, %d pending", p.Received(), p.Pending())
	}
}

func TestTCPListener(t *testing.T) {
	w := newWorld(t)
	at := netip.MustParseAddrPort("10.0.0.1:80")
	l, err := w.ListenTCPPeer(at)
	w.check(err)
	if _, err := w.ListenTCPPeer(at); err == nil || l.Addr() != at {
		t.Error("two listeners at one address")
	}
	if _, ok := l.Accept(); ok {
		t.Error("accepted nobody")
	}
	fd, err := w.ConnectTCP(at)
	w.check(err)
	p, ok := l.Accept()
	if !ok || p.Remote().Addr() != server.Addr() {
		t.Fatalf("accepted %v from %v", ok, p.Remote())
	}
	if _, err := p.Write([]byte("hello")); err != nil {
		t.Error(err)
	}
	room := make([]byte, 10)
	if n, err := w.Read(fd, room); err != nil || string(room[:n]) != "hello" {
		t.Errorf("read %q, %v", room[:n], err)
	}
	p.Reset()
	_, err = w.Read(fd, room)
	w.wantErr(err, unix.ECONNRESET)

	var got bytes.Buffer
	l.OnAccept(func(p *sim.TCPPeer) { p.OnData(func(b []byte) { got.Write(b) }) })
	second, err := w.ConnectTCP(at)
	w.check(err)
	w.Advance(0)
	if _, err := w.write(second, []byte("to a handler")); err != nil {
		t.Error(err)
	}
	w.Advance(0)
	if got.String() != "to a handler" {
		t.Errorf("the handler got %q", got.String())
	}
	l.Close()
	third, err := w.ConnectTCP(at)
	w.check(err)
	w.wantErr(w.SocketError(third), unix.ECONNREFUSED)
}

// Many come at once, more than wait to be accepted: the last ones try again.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	listener, err := w.ListenTCP(server)
	w.check(err)
	const crowd = 4100
	for i := range crowd {
		_, err := w.DialTCP(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1000), server)
		w.check(err)
	}
	accept := func() (n int) {
		for {
			fd, _, err := w.Accept(listener)
			if err != nil {
				return n
			}
			w.check(w.CloseFD(fd))
			n++
		}
	}
	if n := accept(); n != 4096 {
		t.Errorf("%d waited, want 4096", n)
	}
	w.Advance(time.Second)
	if n := accept(); n != crowd-4096 {
		t.Errorf("%d came a second later, want %d", n, crowd-4096)
	}
}

// TestTCPPeerStopsReading has a peer read no more while data waits for it to be told: it waits on.
func TestTCPPeerStopsReading(t *testing.T) {
	w := newWorld(t)
	listener, err := w.ListenTCP(server)
	w.check(err)
	p, err := w.DialTCP(viewer, server)
	w.check(err)
	fd, _, err := w.Accept(listener)
	w.check(err)
	p.OnData(func(b []byte) { t.Errorf("it reads %q", b) })
	if _, err := w.write(fd, []byte("welcome")); err != nil {
		t.Error(err)
	}
	p.OnData(nil)
	w.Advance(time.Second)
	if got := string(p.Take()); got != "welcome" {
		t.Errorf("%q waits, want all that was sent", got)
	}
}
