package loop_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// client is the other end of a connection: a socket on Linux, a peer on sim. The end
// that is tested is the server's.
type client interface {
	write(p []byte)
	read() []byte // what there is
	err() error
	closeWrite()
	close()
	reset()
}

func (w *world) listen(local netip.AddrPort) (fd int, at netip.AddrPort) {
	w.Helper()
	fd, err := w.kernel.ListenTCP(local)
	w.check(err)
	return fd, w.bound(fd)
}

// connection returns a server's end and its client.
func (w *world) connection() (fd int, c client) {
	w.Helper()
	listener, at := w.listen(loopback)
	if w.sim != nil {
		p, err := w.sim.DialTCP(loopback, at)
		w.check(err)
		c = simClient{w, p}
	} else {
		fd, err := w.kernel.ConnectTCP(at)
		w.check(err)
		s := &socketClient{w: w, fd: fd}
		w.Cleanup(s.close)
		c = s
	}
	w.await(listener, loop.Readable)
	fd, peer, err := w.kernel.Accept(listener)
	w.check(err)
	if local := w.bound(fd); local != at || peer.Addr() != at.Addr() || peer.Port() == 0 {
		w.Errorf("accepted %v from %v, want %v from the same address", local, peer, at)
	}
	_, _, err = w.kernel.Accept(listener)
	w.wantErr(err, unix.EAGAIN)
	return fd, c
}

type simClient struct {
	w *world
	p *sim.TCPPeer
}

func (c simClient) write(p []byte) { _, err := c.p.Write(p); c.w.check(err) }
func (c simClient) read() []byte   { return c.p.Take() }
func (c simClient) err() error     { return c.p.Err() }
func (c simClient) closeWrite()    { c.p.CloseWrite() }
func (c simClient) close()         { c.p.Close() }
func (c simClient) reset()         { c.p.Reset() }

type socketClient struct {
	w      *world
	fd     int
	closed bool
}

func (c *socketClient) write(p []byte) {
	for len(p) > 0 {
		n, err := unix.Write(c.fd, p)
		c.w.check(err)
		p = p[n:]
	}
}

func (c *socketClient) read() (all []byte) {
	var p [64 << 10]byte
	for {
		n, err := unix.Read(c.fd, p[:])
		if n <= 0 || err != nil {
			return all
		}
		all = append(all, p[:n]...)
	}
}

func (c *socketClient) err() error  { return c.w.kernel.SocketError(c.fd) }
func (c *socketClient) closeWrite() { c.w.check(unix.Shutdown(c.fd, unix.SHUT_WR)) }

func (c *socketClient) close() {
	if !c.closed {
		c.closed = true
		c.w.check(unix.Close(c.fd))
	}
}

func (c *socketClient) reset() {
	c.w.check(unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	c.close()
}

// readAll reads what there is, and what ends it: EAGAIN, another error, or nil at the
// end of the stream.
func (w *world) readAll(fd int) (all []byte, end error) {
	p := make([]byte, 32<<10)
	for {
		n, err := w.kernel.Read(fd, p)
		if n == 0 || err != nil {
			return all, err
		}
		all = append(all, p[:n]...)
	}
}

func TestStream(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		if now := w.conditionsOf(fd); now != loop.Writable {
			w.Errorf("a new connection: %#x, want Writable", now)
		}
		_, err := w.kernel.Read(fd, make([]byte, 10))
		w.wantErr(err, unix.EAGAIN)
		c.write([]byte("hello"))
		w.await(fd, loop.Readable)
		p := make([]byte, 3)
		if n, err := w.kernel.Read(fd, p); err != nil || string(p[:n]) != "hel" {
			w.Errorf("read %q, %v", p[:n], err)
		}
		if all, err := w.readAll(fd); string(all) != "lo" || err != unix.EAGAIN {
			w.Errorf("read %q, %v", all, err)
		}
		if n, err := w.write(fd, []byte("one "), nil, []byte("two "), []byte("three")); n != 13 || err != nil {
			w.Errorf("wrote %d, %v", n, err)
		}
		var all []byte
		w.until(func(int) bool { all = append(all, c.read()...); return len(all) > 0 })
		if string(all) != "one two three" {
			w.Errorf("the client got %q", all)
		}
		w.check(w.kernel.SocketError(fd))
	})
}

func TestConnectTCP(t *testing.T) {
	for _, local := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(local, func(t *testing.T) {
			onBoth(t, func(w *world) {
				listener, at := w.listen(netip.MustParseAddrPort(local))
				fd, err := w.kernel.ConnectTCP(at)
				w.check(err)
				w.Cleanup(func() { w.check(w.kernel.CloseFD(fd)) })
				w.await(fd, loop.Writable)
				w.check(w.kernel.SocketError(fd))
				w.await(listener, loop.Readable)
				other, peer, err := w.kernel.Accept(listener)
				w.check(err)
				w.bound(other)
				if from, err := w.kernel.LocalAddr(fd); from != peer || err != nil {
					w.Errorf("bound to %v, %v; the other end sees %v", from, err, peer)
				}
			})
		})
	}
}

func TestConnectionRefused(t *testing.T) {
	onBoth(t, func(w *world) {
		listener, at := w.listen(loopback)
		w.check(w.kernel.CloseFD(listener))
		fd, err := w.kernel.ConnectTCP(at)
		if err != nil { // a kernel may know at once
			w.wantErr(err, unix.ECONNREFUSED)
			return
		}
		w.bound(fd)
		w.await(fd, loop.Writable|loop.Failed|loop.HungUp)
		if err := w.kernel.SocketError(fd); err != unix.ECONNREFUSED {
			w.Errorf("SocketError %v, want the bare ECONNREFUSED", err)
		}
		w.check(w.kernel.SocketError(fd)) // it was cleared
	})
}

func TestFullStream(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		block := make([]byte, 100_000)
		for i := range block {
			block[i] = byte(i % 251)
		}
		var sent, received []byte
		partial := false
		for {
			n, err := w.write(fd, block[:50_000], block[50_000:])
			sent = append(sent, block[:n]...)
			if err != nil {
				w.wantErr(err, unix.EAGAIN)
				break
			}
			partial = partial || n < len(block)
		}
		if !partial {
			w.Error("the last write was taken whole: a buffer's end is never that even")
		}
		writable := false
		r := w.register(fd, loop.Writable, func(loop.Interest) { writable = true })
		w.until(func(int) bool { // as long as the client does not read, it is silent
			received = append(received, c.read()...)
			return writable && len(received) == len(sent)
		})
		w.check(r.Unregister())
		if !bytes.Equal(sent, received) {
			w.Error("the client got other bytes")
		}
		if n, err := w.write(fd, []byte("more")); n != 4 || err != nil {
			w.Errorf("then wrote %d, %v", n, err)
		}
	})
}

func TestEndOfStream(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		c.write([]byte("last words"))
		c.closeWrite()
		var all []byte
		r := w.register(fd, loop.Readable, func(loop.Interest) {})
		w.until(func(int) bool {
			more, err := w.readAll(fd)
			all = append(all, more...)
			return err == nil
		})
		w.check(r.Unregister())
		if string(all) != "last words" {
			w.Errorf("read %q", all)
		}
		if now := w.conditionsOf(fd); now != loop.Readable|loop.Writable {
			w.Errorf("a half-closed connection: %#x, want Readable and Writable, not HungUp", now)
		}
		// The other half is open.
		if n, err := w.write(fd, []byte("bye")); n != 3 || err != nil {
			w.Errorf("wrote %d, %v", n, err)
		}
		var got []byte
		w.until(func(int) bool { got = append(got, c.read()...); return len(got) == 3 })
	})
}

func TestReset(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		c.write([]byte("unread"))
		w.await(fd, loop.Readable)
		c.reset()
		w.await(fd, loop.Readable|loop.Writable|loop.Failed|loop.HungUp)
		if _, err := w.readAll(fd); err != unix.ECONNRESET {
			w.Errorf("read: %v, want the bare ECONNRESET", err)
		}
		if n, err := w.kernel.Read(fd, make([]byte, 1)); n != 0 || err != nil {
			w.Errorf("once told, read %d, %v; want the end", n, err)
		}
		if _, err := w.write(fd, []byte("x")); err != unix.EPIPE {
			w.Errorf("write: %v, want the bare EPIPE", err)
		}
	})
}

func TestResetIsToldToTheWriter(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		c.reset()
		w.await(fd, loop.Failed)
		if _, err := w.write(fd, []byte("x")); err != unix.ECONNRESET {
			w.Errorf("write: %v, want ECONNRESET", err)
		}
		if _, err := w.write(fd, []byte("x")); err != unix.EPIPE {
			w.Errorf("then: %v, want EPIPE", err)
		}
	})
}

// A peer that has closed answers what is written to it with a reset.
func TestWritingToWhoHasClosed(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, c := w.connection()
		c.close()
		w.await(fd, loop.Readable)
		if n, err := w.write(fd, []byte("hello?")); n != 6 || err != nil {
			w.Errorf("the first write: %d, %v; it cannot know yet", n, err)
		}
		w.await(fd, loop.HungUp|loop.Failed)
		if _, err := w.write(fd, []byte("x")); err != unix.EPIPE {
			w.Errorf("the second: %v, want EPIPE", err)
		}
		if n, err := w.kernel.Read(fd, make([]byte, 1)); n != 0 || err != nil {
			w.Errorf("read %d, %v; want the end", n, err)
		}
	})
}

// Closing with unread input resets; without, it ends the stream in order.
func TestClosing(t *testing.T) {
	for name, unread := range map[string]bool{"with unread input": true, "in order": false} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				listener, at := w.listen(loopback)
				fd, err := w.kernel.ConnectTCP(at)
				w.check(err)
				w.bound(fd)
				w.await(listener, loop.Readable)
				server, _, err := w.kernel.Accept(listener)
				w.check(err)
				if unread {
					_, err := w.write(fd, []byte("unread"))
					w.check(err)
					w.await(server, loop.Readable)
				}
				w.check(w.kernel.CloseFD(server))
				w.await(fd, loop.Readable)
				_, err = w.readAll(fd)
				if unread != errors.Is(err, unix.ECONNRESET) || !unread && err != nil {
					w.Errorf("the other end reads %v", err)
				}
			})
		})
	}
}

func TestClosingTheListener(t *testing.T) {
	onBoth(t, func(w *world) {
		listener, at := w.listen(loopback)
		fd, err := w.kernel.ConnectTCP(at)
		w.check(err)
		w.bound(fd)
		w.await(fd, loop.Writable)
		w.check(w.kernel.CloseFD(listener)) // nobody has accepted
		w.await(fd, loop.Failed|loop.HungUp)
		w.wantErr(w.kernel.SocketError(fd), unix.ECONNRESET)
	})
}

func TestTCPAddresses(t *testing.T) {
	onBoth(t, func(w *world) {
		listener, at := w.listen(loopback)
		_, err := w.kernel.ListenTCP(at)
		w.wantErr(err, unix.EADDRINUSE)
		_, err = w.kernel.ListenTCP(netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()))
		w.wantErr(err, unix.EADDRINUSE)
		_, err = w.kernel.ListenTCP(netip.MustParseAddrPort("203.0.113.9:0"))
		w.wantErr(err, unix.EADDRNOTAVAIL)
		w.check(w.kernel.CloseFD(listener))
		w.listen(at) // SO_REUSEADDR: at once
		// A wildcard listener takes what is for any address, and says which.
		all, everywhere := w.listen(netip.MustParseAddrPort("0.0.0.0:0"))
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.5"), everywhere.Port())
		fd, err := w.kernel.ConnectTCP(to)
		w.check(err)
		w.bound(fd)
		w.await(all, loop.Readable)
		conn, _, err := w.kernel.Accept(all)
		w.check(err)
		if local := w.bound(conn); local != to {
			w.Errorf("accepted at %v, want %v", local, to)
		}
	})
}

// TestLittleWaitsForASlowPeer writes to a peer that does not read, as long as the kernel
// takes something: that is what would be old when the peer reads again.
func TestLittleWaitsForASlowPeer(t *testing.T) {
	onBoth(t, func(w *world) {
		const most = 512 << 10 // what may wait for the first sending, and the peer's buffer
		fd, _ := w.connection()
		frame, taken := bytes.Repeat([]byte{7}, 42<<10), 0
		ready := make([]loop.Ready, 1)
		w.check(w.kernel.Watch(fd, loop.Writable, 1))
		for {
			n, err := w.write(fd, frame)
			if taken += n; taken > most {
				w.Fatalf("%d bytes wait for a peer that does not read, want at most %d", taken, most)
			}
			if err == nil {
				continue
			}
			w.wantErr(err, unix.EAGAIN)
			// What is in flight may be acknowledged in a moment.
			if n, err := w.kernel.Wait(ready, 100*time.Millisecond); err != nil || n == 0 {
				w.check(err)
				break
			}
		}
		w.check(w.kernel.Unwatch(fd))
	})
}
