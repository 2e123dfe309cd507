package loop_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// The tests of this package run on both kernels, Linux and package sim, so that what
// is tested on the second is true of the first.

// world is a loop on one of the kernels, and what tests need besides.
type world struct {
	*testing.T
	loop   *loop.Loop
	kernel loop.Kernel
	sim    *sim.Kernel // nil on Linux
}

// onBoth runs a test on both kernels.
func onBoth(t *testing.T, test func(w *world)) {
	t.Run("linux", func(t *testing.T) { test(newWorld(t, nil)) })
	t.Run("sim", func(t *testing.T) {
		test(newWorld(t, sim.New(1, sim.WithIdleLimit(0), sim.WithRealWakeups())))
	})
}

func newWorld(t *testing.T, simulated *sim.Kernel) *world {
	w := &world{T: t, sim: simulated, kernel: simulated}
	if simulated == nil {
		kernel, err := loop.NewKernel()
		if err != nil {
			t.Fatal(err)
		}
		w.kernel = kernel
	}
	w.loop = loop.NewOn(w.kernel)
	t.Cleanup(func() {
		if err := w.loop.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// patience is how long a real kernel may take for what it does at once.
const patience = 5 * time.Second

// turn turns once and fails the test if nothing has happened.
func (w *world) turn() {
	w.Helper()
	w.until(func(ran int) bool { return ran > 0 })
}

// until turns until done, which gets how much the last turn has run. A turn is short,
// as done may look at what the loop does not: a client's end of a connection.
func (w *world) until(done func(ran int) bool) {
	w.Helper()
	end := w.kernel.Monotonic() + patience
	for ran, turns := 0, 0; !done(ran); turns++ {
		if w.kernel.Monotonic() >= end || turns == 1_000_000 { // in which no simulated time need have passed
			w.Fatalf("not done after %v or %d turns", patience, turns)
		}
		var err error
		ran, err = w.loop.Turn(10 * time.Millisecond)
		w.check(err)
	}
}

// quiet checks that nothing is ready.
func (w *world) quiet() {
	w.Helper()
	if ran, err := w.loop.Turn(0); ran != 0 || err != nil {
		w.Fatalf("Turn(0) ran %d, %v; want nothing", ran, err)
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wantErr(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("error %v, want %v", err, want)
	}
}

func (w *world) register(fd int, want loop.Interest, h loop.Handler) *loop.Registration {
	w.Helper()
	r, err := w.loop.Register(fd, want, h)
	w.check(err)
	return r
}

// ends is a pipe. Closing one end twice is no error.
type ends struct {
	w           *world
	read, write int
	closed      [2]bool
}

func (w *world) pipe() *ends {
	w.Helper()
	e := &ends{w: w}
	var err error
	if w.sim != nil {
		e.read, e.write, err = w.sim.NewPipe()
	} else {
		var fds [2]int
		err = unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC)
		e.read, e.write = fds[0], fds[1]
	}
	w.check(err)
	w.Cleanup(func() { e.closeRead(); e.closeWrite() })
	return e
}

func (e *ends) put(s string) {
	e.w.Helper()
	if n, err := e.w.write(e.write, []byte(s)); n != len(s) || err != nil {
		e.w.Fatalf("write: %d, %v", n, err)
	}
}

func (e *ends) get() string {
	var p [64]byte
	n, err := e.w.kernel.Read(e.read, p[:])
	if err != nil {
		return err.Error()
	}
	return string(p[:n])
}

func (e *ends) closeRead()  { e.close(0, e.read) }
func (e *ends) closeWrite() { e.close(1, e.write) }

func (e *ends) close(end, fd int) {
	if !e.closed[end] {
		e.closed[end] = true
		// The simulated kernel complains of what is still registered at the end.
		_ = e.w.kernel.CloseFD(fd)
	}
}

func (w *world) write(fd int, parts ...[]byte) (int, error) {
	vectors := make([]loop.Vector, len(parts))
	for i := range parts {
		vectors[i].Set(parts[i])
	}
	return w.kernel.Writev(fd, vectors)
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func (w *world) udp(local string, o loop.UDPOptions) (fd int, at netip.AddrPort) {
	w.Helper()
	fd, err := w.kernel.OpenUDP(netip.MustParseAddrPort(local), o)
	w.check(err)
	return fd, w.bound(fd)
}

// bound has fd closed when the test ends and returns where it is bound.
func (w *world) bound(fd int) netip.AddrPort {
	w.Helper()
	w.Cleanup(func() { _ = w.kernel.CloseFD(fd) }) // some tests have closed it already
	at, err := w.kernel.LocalAddr(fd)
	w.check(err)
	return at
}

// await turns until fd meets the conditions.
func (w *world) await(fd int, conditions loop.Interest) {
	w.Helper()
	met := loop.Interest(0)
	r := w.register(fd, conditions, func(c loop.Interest) { met |= c })
	w.until(func(int) bool { return met.Has(conditions) })
	w.check(r.Unregister())
}

// conditionsOf are those that hold now.
func (w *world) conditionsOf(fd int) (now loop.Interest) {
	w.Helper()
	r := w.register(fd, loop.Readable|loop.Writable|loop.Urgent, func(c loop.Interest) { now = c })
	_, err := w.loop.Turn(0)
	w.check(err)
	w.check(r.Unregister())
	return now
}
