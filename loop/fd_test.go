package loop_test

import (
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestReadinessIsLevelTriggered(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		calls := 0
		w.register(p.read, loop.Readable, func(c loop.Interest) {
			if calls++; c != loop.Readable {
				w.Errorf("conditions %#x, want Readable", c)
			}
		})
		w.quiet()
		p.put("x")
		w.turn()
		w.turn() // it was not read
		if got := p.get(); got != "x" {
			w.Errorf("read %q", got)
		}
		w.quiet()
		if calls != 2 {
			w.Errorf("%d calls, want 2", calls)
		}
	})
}

func TestWant(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		calls := 0
		r := w.register(p.write, 0, func(loop.Interest) { calls++ })
		w.quiet()
		w.check(r.Want(loop.Writable))
		w.turn()
		w.check(r.Want(loop.Writable)) // no change, no call
		w.turn()
		w.check(r.Want(0))
		w.quiet()
		w.check(r.Unregister())
		w.check(r.Want(loop.Writable)) // does nothing any more
		w.quiet()
		if calls != 2 || r.FD() != p.write {
			w.Errorf("%d calls on fd %d, want 2 on %d", calls, r.FD(), p.write)
		}
	})
}

func TestWantCostsACallOnlyToChange(t *testing.T) {
	w := newSimWorld(t)
	p := w.pipe()
	r := w.register(p.read, loop.Readable, func(loop.Interest) {})
	w.check(r.Want(loop.Readable))
	w.check(r.Want(loop.Writable))
	w.check(r.Want(loop.Writable))
	if n := w.sim.Calls("Rewatch"); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// A change that the kernel refuses can be tried again.
func TestWantThatFails(t *testing.T) {
	w := newSimWorld(t)
	w.sim.Inject(sim.FailNumber("Rewatch", 1, unix.ENOMEM))
	p := w.pipe()
	p.put("x")
	calls := 0
	r := w.register(p.read, 0, func(loop.Interest) { calls++ })
	w.wantErr(r.Want(loop.Readable), unix.ENOMEM)
	w.quiet()
	w.check(r.Want(0)) // that is what is waited for still: no call
	w.check(r.Want(loop.Readable))
	w.turn()
	if n := w.sim.Calls("Rewatch"); n != 2 || calls != 1 {
		t.Errorf("%d changes asked of the kernel, %d calls; want 2 and 1", n, calls)
	}
}

func TestUnregister(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		p.put("x")
		r := w.register(p.read, loop.Readable, func(loop.Interest) { w.Error("called after Unregister") })
		w.check(r.Unregister())
		w.check(r.Unregister())
		w.quiet()
		again := 0
		w.register(p.read, loop.Readable, func(loop.Interest) { again++ })
		w.check(r.Unregister()) // the old one must not harm the new
		w.turn()
		if again != 1 {
			w.Error("the second registration was not called")
		}
	})
}

// An fd closed by an earlier handler of the same turn must not reach its handler, nor
// the one of whatever has its number now.
func TestStaleEvents(t *testing.T) {
	replace := func(w *world, victim *ends, r *loop.Registration) {
		w.check(r.Unregister())
		victim.closeWrite()
		victim.closeRead()
		fresh := w.pipe()
		if fresh.read != victim.read && fresh.read != victim.write {
			w.Fatalf("fd %d is not one of the numbers just freed, %d and %d: the test is in vain", fresh.read, victim.read, victim.write)
		}
		w.register(fresh.read, loop.Readable, func(loop.Interest) { w.Error("the new fd's handler got the old one's event") })
	}
	removals := map[string]func(w *world, victim *ends, r *loop.Registration){
		"unregistered":      func(w *world, _ *ends, r *loop.Registration) { w.check(r.Unregister()) },
		"closed and reused": replace,
		"slot of another fd": func(w *world, v *ends, r *loop.Registration) {
			w.check(r.Unregister())
			w.register(w.pipe().read, loop.Readable, func(loop.Interest) { w.Error("called with another's event") })
		},
		"registered once more": func(w *world, v *ends, r *loop.Registration) {
			v.get()
			w.check(r.Unregister())
			w.register(v.read, loop.Readable, func(loop.Interest) { w.Error("called with the event before") })
		},
		"reused within unwatch": func(w *world, v *ends, r *loop.Registration) { w.check(r.Want(0)); replace(w, v, r) },
	}
	for name, remove := range removals {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			t.Run(name, func(t *testing.T) {
				onBoth(t, func(w *world) {
					pipes := [2]*ends{w.pipe(), w.pipe()}
					var registrations [2]*loop.Registration
					calls := 0
					for i := range pipes {
						registrations[i] = w.register(pipes[i].read, loop.Readable, func(loop.Interest) {
							if calls++; calls > 1 {
								return
							}
							pipes[i].get()
							remove(w, pipes[1-i], registrations[1-i])
						})
					}
					for _, i := range order {
						pipes[i].put("x")
					}
					w.turn()
					w.quiet()
					if stale := w.loop.Stats().Stale; calls != 1 || stale != 1 {
						w.Errorf("%d calls and %d stale events, want 1 and 1", calls, stale)
					}
				})
			})
		}
	}
}

func TestHangUpAndFailureAreAlwaysReported(t *testing.T) {
	onBoth(t, func(w *world) {
		p, q := w.pipe(), w.pipe()
		var read, write loop.Interest
		w.register(p.read, 0, func(c loop.Interest) { read = c })
		w.register(q.write, 0, func(c loop.Interest) { write = c })
		p.closeWrite()
		q.closeRead()
		w.turn()
		if read != loop.HungUp {
			w.Errorf("reading end: %#x, want HungUp", read)
		}
		if write != loop.Failed {
			w.Errorf("writing end: %#x, want Failed", write)
		}
		if n, err := w.kernel.Read(p.read, make([]byte, 1)); n != 0 || err != nil {
			w.Errorf("read: %d, %v; want the end", n, err)
		}
		_, err := w.write(q.write, []byte("x"))
		w.wantErr(err, unix.EPIPE)
	})
}

func TestFullPipe(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		block := make([]byte, 16<<10)
		total := 0
		for {
			n, err := w.write(p.write, block)
			if total += n; err != nil {
				w.wantErr(err, unix.EAGAIN)
				break
			}
		}
		if total != 64<<10 {
			w.Errorf("a pipe takes %d bytes, want 64 KiB", total)
		}
		if c := w.conditionsOf(p.write); c != 0 {
			w.Errorf("full: conditions %#x", c)
		}
		n, err := w.kernel.Read(p.read, make([]byte, total))
		if n != total || err != nil {
			w.Fatal(n, err)
		}
		if c := w.conditionsOf(p.write); c != loop.Writable {
			w.Errorf("empty: conditions %#x, want Writable", c)
		}
	})
}

// More fds than one turn collects: all have their turn, though all stay ready.
func TestManyReady(t *testing.T) {
	onBoth(t, func(w *world) {
		const pipes = 300
		calls := make([]int, pipes)
		for i := range calls {
			p := w.pipe()
			p.put("x")
			w.register(p.read, loop.Readable, func(loop.Interest) { calls[i]++ })
		}
		w.turn()
		w.turn()
		for i, n := range calls {
			if n == 0 {
				w.Errorf("fd %d of %d was not served in two turns", i, pipes)
			}
		}
		if most := w.loop.Stats().MaxEvents; most != 256 {
			w.Errorf("MaxEvents %d, want 256", most)
		}
	})
}

func TestHandlersMayRegister(t *testing.T) {
	onBoth(t, func(w *world) {
		p, q := w.pipe(), w.pipe()
		q.put("x")
		second := 0
		var r *loop.Registration
		r = w.register(p.read, loop.Readable, func(loop.Interest) {
			w.check(r.Unregister())
			w.register(q.read, loop.Readable, func(loop.Interest) { second++; q.get() })
		})
		p.put("x")
		w.turn()
		w.turn()
		w.quiet()
		if second != 1 {
			w.Errorf("%d calls of the handler registered by a handler, want 1", second)
		}
	})
}

func TestBadFDs(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		k := w.kernel
		var messages [1]loop.Message
		_, err := k.Read(999, make([]byte, 1))
		w.wantErr(err, unix.EBADF)
		_, err = w.write(999, []byte("x"))
		w.wantErr(err, unix.EBADF)
		_, err = k.Sendmmsg(999, messages[:])
		w.wantErr(err, unix.EBADF)
		_, err = k.Recvmmsg(p.read, messages[:])
		w.wantErr(err, unix.ENOTSOCK)
		_, _, err = k.Accept(999)
		w.wantErr(err, unix.EBADF)
		_, _, err = k.Accept(p.read)
		w.wantErr(err, unix.ENOTSOCK)
		w.wantErr(k.SocketError(p.read), unix.ENOTSOCK)
		_, err = k.LocalAddr(p.read)
		w.wantErr(err, unix.ENOTSOCK)
		w.wantErr(k.CloseFD(999), unix.EBADF)
		w.wantErr(k.Unwatch(p.read), unix.ENOENT)
		w.wantErr(k.Rewatch(p.read, loop.Readable, 1), unix.ENOENT)
		if k.CanSegment(p.read) || k.CanSegment(999) {
			w.Error("CanSegment of what is no UDP socket")
		}
	})
}
