package loop_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestNoNews holds both kernels to what an fd does that there is no news for.
func TestNoNews(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, err := w.kernel.OpenNeighbours()
		w.check(err)
		var news [16]loop.Neighbour
		for err == nil { // a real machine may have neighbours of its own
			_, err = w.kernel.ReadNeighbours(fd, news[:])
		}
		w.wantErr(err, unix.EAGAIN)
		w.check(w.kernel.CloseFD(fd))
		if _, err := w.kernel.ReadNeighbours(fd, news[:]); err == nil {
			t.Error("a closed fd has news")
		}
	})
}

// TestSilentMachine has what is sent to a silent machine fill the sender's buffer for three
// seconds, and no longer than it is silent.
func TestSilentMachine(t *testing.T) {
	machine := netip.MustParseAddrPort("198.51.100.7:9")
	w := newWorld(t, sim.New(1))
	socket, err := w.sim.OpenUDP(netip.MustParseAddrPort("0.0.0.0:0"), loop.UDPOptions{SendBufferBytes: 3000})
	w.check(err)
	fd, err := w.sim.OpenNeighbours()
	w.check(err)
	fill := func() (sent int) {
		for {
			if _, err := w.sendTo(socket, letter{to: machine, payload: make([]byte, 1000)}); err != nil {
				w.wantErr(err, unix.EAGAIN)
				return sent
			}
			sent++
		}
	}
	wantNews := func(answers bool) {
		t.Helper()
		var news [16]loop.Neighbour
		n, err := w.sim.ReadNeighbours(fd, news[:])
		w.check(err)
		if want := (loop.Neighbour{Addr: machine.Addr(), Answers: answers}); n != 1 || news[0] != want {
			t.Errorf("news %v, want %v", news[:n], want)
		}
	}
	w.sim.SetSilent(machine.Addr(), true)
	wantNews(false)
	if n := fill(); n != 3 {
		t.Errorf("%d messages fill the buffer, want 3", n)
	}
	w.sim.Advance(2999 * time.Millisecond)
	if n := fill(); n != 0 {
		t.Errorf("%d more after less than three seconds", n)
	}
	w.sim.Advance(time.Millisecond)
	wantNews(false)
	if n := fill(); n != 3 {
		t.Errorf("%d messages fill the buffer after three seconds, want 3", n)
	}
	w.sim.SetSilent(machine.Addr(), false)
	wantNews(true)
	w.mustSend(socket, letter{to: machine, payload: make([]byte, 1000)})
	w.check(w.sim.CloseFD(fd))
	w.check(w.sim.CloseFD(socket))
}
