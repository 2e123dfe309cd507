package loop_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// closedPort is an address of this machine whose port nobody listens at.
func (w *world) closedPort(local string) netip.AddrPort {
	w.Helper()
	fd, at := w.udp(local, loop.UDPOptions{})
	w.check(w.kernel.CloseFD(fd))
	if w.sim != nil {
		w.sim.SetRejects(netip.PrefixFrom(at.Addr(), at.Addr().BitLen()), 0)
	}
	return at
}

// TestRejections sends to a closed port: the socket is Failed, its next send fails whoever it is
// for, and the queue says what was rejected. Read, it is in nobody's way.
func TestRejections(t *testing.T) {
	for _, local := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(local, func(t *testing.T) { onBoth(t, func(w *world) { testRejections(w, local) }) })
	}
}

func testRejections(w *world, local string) {
	closed := w.closedPort(local)
	fd, _ := w.udp(local, loop.UDPOptions{Rejections: true, PacketInfo: true})
	_, open := w.udp(local, loop.UDPOptions{})
	var room [8]loop.Rejection
	if n, err := w.kernel.ReadRejections(fd, room[:]); n != 0 || err != unix.EAGAIN {
		w.Fatalf("ReadRejections before anything was sent: %d, %v", n, err)
	}
	payload := bytes.Repeat([]byte("0123456789"), 100)
	w.mustSend(fd, letter{to: closed, payload: payload})
	w.await(fd, loop.Failed)
	if n, err := w.sendTo(fd, letter{to: open, payload: payload}); n != 0 || err != unix.ECONNREFUSED {
		w.Errorf("a send to an open port: %d, %v; want ECONNREFUSED", n, err)
	}
	w.mustSend(fd, letter{to: open, payload: payload}) // as the error was told
	if c := w.conditionsOf(fd); !c.Has(loop.Failed) {
		w.Errorf("conditions %#x with a full error queue", c)
	}
	n, err := w.kernel.ReadRejections(fd, room[:])
	w.check(err)
	if r := room[0]; n != 1 || r.Peer != closed || r.Errno != unix.ECONNREFUSED || !r.PortClosed || !bytes.Equal(r.Quoted, payload[:loop.QuotedBytes]) {
		w.Errorf("%d rejections, the first %+v", n, r)
	}
	if n, err := w.kernel.ReadRejections(fd, room[:]); n != 0 || err != unix.EAGAIN {
		w.Errorf("ReadRejections of an empty queue: %d, %v", n, err)
	}
	if c := w.conditionsOf(fd); c.Has(loop.Failed) {
		w.Errorf("conditions %#x with an empty error queue", c)
	}
}

// TestRejectionsOfSegments sends a segmented message to a closed port: the rejection quotes
// the first one at least. Over a loopback interface it is not cut, and quoted as a whole.
func TestRejectionsOfSegments(t *testing.T) {
	onBoth(t, func(w *world) {
		closed := w.closedPort("127.0.0.1:0")
		fd, _ := w.udp("127.0.0.1:0", loop.UDPOptions{Rejections: true})
		if !w.kernel.CanSegment(fd) {
			return // such a kernel sends whole datagrams alone
		}
		w.mustSend(fd, letter{to: closed, payload: []byte("aabb"), segment: 2})
		w.await(fd, loop.Failed)
		var room [8]loop.Rejection
		if n, err := w.kernel.ReadRejections(fd, room[:]); n != 1 || err != nil || !bytes.HasPrefix(room[0].Quoted, []byte("aa")) {
			w.Errorf("%d rejections, %v, the first quotes %q", n, err, room[0].Quoted)
		}
	})
}

// TestNoRejections sends to a closed port from a socket that has not asked for rejections.
func TestNoRejections(t *testing.T) {
	onBoth(t, func(w *world) {
		closed := w.closedPort("127.0.0.1:0")
		fd, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		for range 2 {
			w.mustSend(fd, letter{to: closed, payload: []byte("x")})
		}
		if c := w.conditionsOf(fd); c.Has(loop.Failed) {
			w.Errorf("conditions %#x", c)
		}
	})
}
