package sim_test

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestFDs(t *testing.T) {
	w := newWorld(t, sim.WithFDLimit(3))
	var fds []int
	for range 3 {
		fds = append(fds, w.socket(netip.AddrPortFrom(server.Addr(), 0), loop.UDPOptions{}))
	}
	if fds[1] != fds[0]+1 || fds[2] != fds[0]+2 {
		t.Errorf("fds %v, want one after the other", fds)
	}
	opens := map[string]func() error{
		"OpenUDP":    func() error { _, err := w.OpenUDP(server, loop.UDPOptions{}); return err },
		"ListenTCP":  func() error { _, err := w.ListenTCP(server); return err },
		"ConnectTCP": func() error { _, err := w.ConnectTCP(server); return err },
		"NewPipe":    func() error { _, _, err := w.NewPipe(); return err },
		"NewTicker":  func() error { _, err := w.NewTicker(1); return err },
		"NewDevice":  func() error { _, err := w.NewDevice(); return err },
	}
	for name, open := range opens {
		if err := open(); err == nil {
			t.Errorf("%s opened an fd beyond the limit", name)
		}
	}
	w.check(w.CloseFD(fds[1]))
	if fd := w.socket(server, loop.UDPOptions{}); fd != fds[1] {
		t.Errorf("fd %d, want the lowest that is free, %d", fd, fds[1])
	}
	if !slices.Equal(w.OpenFDs(), fds) {
		t.Errorf("open: %v, want %v", w.OpenFDs(), fds)
	}
	_, err := w.loop.Register(fds[1], loop.Readable, func(loop.Interest) { t.Error("called") })
	w.check(err)
	if err := w.CloseFD(fds[1]); err == nil {
		t.Error("no complaint about an fd that is closed while it is watched")
	}
	w.wantErr(w.CloseFD(fds[1]), unix.EBADF)
	for _, fd := range []int{-1, 0, 3, fds[0] - 1, fds[2] + 1, math.MaxInt32} {
		w.wantErr(w.CloseFD(fd), unix.EBADF)
	}
}

// A real system call on a simulated fd must not reach a file of the test process.
func TestFDsAreNotTheProcess(t *testing.T) {
	w := newWorld(t)
	read, write, err := w.NewPipe()
	w.check(err)
	var limit unix.Rlimit
	w.check(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	fds := []int{read, write, w.socket(server, loop.UDPOptions{})}
	for _, fd := range fds {
		if uint64(fd) < limit.Max {
			t.Errorf("a real file may have fd %d: RLIMIT_NOFILE is %d", fd, limit.Max)
		}
		_, err := unix.Write(fd, []byte("x"))
		w.wantErr(err, unix.EBADF)
		w.wantErr(unix.Close(fd), unix.EBADF)
	}
	if !slices.Equal(w.OpenFDs(), fds) {
		t.Errorf("open: %v, want %v", w.OpenFDs(), fds)
	}
}

func TestAcceptWithoutFDs(t *testing.T) {
	w := newWorld(t, sim.WithFDLimit(1))
	listener, err := w.ListenTCP(server)
	w.check(err)
	p, err := w.DialTCP(viewer, server)
	w.check(err)
	_, _, err = w.Accept(listener)
	if err != unix.EMFILE {
		t.Errorf("accept: %v, want the bare EMFILE", err)
	}
	if !p.Connected() {
		t.Error("the connection does not wait")
	}
}
