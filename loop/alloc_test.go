package loop_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// mustNotAllocate runs f often and counts.
func (w *world) mustNotAllocate(what string, f func()) {
	w.Helper()
	for range 100 { // heaps and queues grow to their size first
		f()
	}
	if n := testing.AllocsPerRun(200, f); n != 0 {
		w.Errorf("%s: %v allocations, want none", what, n)
	}
}

func TestTurnsAllocateNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		var vectors [1]loop.Vector
		var room [8]byte
		vectors[0].Set([]byte("x"))
		w.register(p.read, loop.Readable, func(loop.Interest) {
			if n, err := w.kernel.Read(p.read, room[:]); n != 1 || err != nil {
				w.Errorf("read %d, %v", n, err)
			}
		})
		turn := func(want int) {
			if ran, err := w.loop.Turn(time.Millisecond); ran != want || err != nil {
				w.Errorf("ran %d, %v; want %d", ran, err, want)
			}
		}
		w.mustNotAllocate("an event", func() {
			if _, err := w.kernel.Writev(p.write, vectors[:]); err != nil {
				w.Error(err)
			}
			turn(1)
		})
		first, second := w.loop.NewTimer(func() {}), w.loop.NewTimer(func() {})
		w.mustNotAllocate("a timer", func() {
			second.SetAfter(time.Hour)
			first.Set(w.loop.Now())
			second.Stop()
			turn(1)
		})
		posted := func() {}
		w.mustNotAllocate("a post", func() {
			if err := w.loop.Post(posted); err != nil {
				w.Error(err)
			}
			turn(1)
		})
		r := w.register(p.write, 0, func(loop.Interest) {})
		w.mustNotAllocate("a change of interest", func() {
			if r.Want(loop.Writable) != nil || r.Want(0) != nil {
				w.Error("change failed")
			}
		})
	})
}

func TestDatagramsAllocateNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		b, to := w.udp("127.0.0.1:0", loop.UDPOptions{PacketInfo: true, ReceiveBufferBytes: 1 << 20})
		run := make([]byte, 3000)
		out := pack(letter{to: to, payload: run, segment: 1000, source: to.Addr()}, letter{to: to, payload: run[:100]})
		var messages [8]loop.Message
		var addresses [8]loop.Address
		var payloads [8]loop.Vector
		var cmsgs [8]loop.Cmsg
		for i := range payloads {
			payloads[i].Set(make([]byte, 2000))
		}
		total := 0
		w.mustNotAllocate("sending and receiving", func() {
			if n, err := w.kernel.Sendmmsg(a, out.messages); n != 2 || err != nil {
				w.Errorf("sent %d, %v", n, err)
			}
			for i := range messages {
				messages[i].Receive(&addresses[i], &payloads[i], &cmsgs[i])
			}
			n, err := w.kernel.Recvmmsg(b, messages[:])
			if n != 4 || err != nil {
				w.Errorf("received %d, %v", n, err)
			}
			for i := range messages[:n] {
				total += len(messages[i].Received())
				if messages[i].LocalAddress() != to.Addr() || !messages[i].Peer().IsValid() {
					w.Error("addresses are lost")
				}
			}
		})
		if total == 0 || total%3100 != 0 {
			w.Errorf("%d bytes received, want a multiple of 3100", total)
		}
	})
}

func TestStreamsAllocateNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		listener, at := w.listen(loopback)
		fd, err := w.kernel.ConnectTCP(at)
		w.check(err)
		w.bound(fd)
		w.await(listener, loop.Readable)
		server, _, err := w.kernel.Accept(listener)
		w.check(err)
		w.bound(server)
		var vectors [2]loop.Vector
		vectors[0].Set([]byte("header"))
		vectors[1].Set(make([]byte, 3000))
		room := make([]byte, 8000)
		w.mustNotAllocate("writing and reading", func() {
			n, err := w.kernel.Writev(server, vectors[:])
			if n != 3006 || err != nil {
				w.Errorf("wrote %d, %v", n, err)
			}
			if n, err = w.kernel.Read(fd, room); n != 3006 || err != nil {
				w.Errorf("read %d, %v", n, err)
			}
		})
	})
}

// eachKernel runs a benchmark on both kernels.
func eachKernel(b *testing.B, bench func(b *testing.B, l *loop.Loop)) {
	b.Run("linux", func(b *testing.B) {
		l, err := loop.New()
		if err != nil {
			b.Fatal(err)
		}
		bench(b, l)
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	b.Run("sim", func(b *testing.B) { bench(b, loop.NewOn(sim.New(1, sim.WithIdleLimit(0)))) })
}

// BenchmarkEvents is the cost of one event's way from the kernel to its handler, with
// ever more of them per turn: sockets that stay writable.
func BenchmarkEvents(b *testing.B) {
	for name, fds := range map[string]int{"1 per turn": 1, "64 per turn": 64, "256 per turn": 256} {
		b.Run(name, func(b *testing.B) {
			eachKernel(b, func(b *testing.B, l *loop.Loop) {
				events := 0
				for range fds {
					fd, err := l.Kernel().OpenUDP(loopback, loop.UDPOptions{})
					if err != nil {
						b.Fatal(err)
					}
					r, err := l.Register(fd, loop.Writable, func(loop.Interest) { events++ })
					if err != nil {
						b.Fatal(err)
					}
					defer func() { _ = r.Unregister(); _ = l.Kernel().CloseFD(fd) }()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for events < b.N {
					if _, err := l.Turn(0); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkTimers is the cost to set a timer among ten thousand others, and to let one
// fire.
func BenchmarkTimers(b *testing.B) {
	l := loop.NewOn(sim.New(1))
	others := make([]*loop.Timer, 10_000)
	for i := range others {
		others[i] = l.NewTimer(func() {})
		others[i].SetAfter(time.Hour + time.Duration(i*7919%10_000)*time.Second)
	}
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			others[i%len(others)].SetAfter(time.Hour + time.Duration(i*7919%10_000)*time.Second)
		}
	})
	b.Run("fire", func(b *testing.B) {
		b.ReportAllocs()
		fired := 0
		var timer *loop.Timer
		timer = l.NewTimer(func() { fired++; timer.SetAfter(1) })
		timer.SetAfter(1)
		for fired < b.N {
			if _, err := l.Turn(loop.Forever); err != nil {
				b.Fatal(err)
			}
		}
		timer.Stop()
	})
}

// BenchmarkSendmmsg is what the kernels' side of a broadcast costs per reader: one
// message of sixteen packets to each of 64.
func BenchmarkSendmmsg(b *testing.B) {
	eachKernel(b, func(b *testing.B, l *loop.Loop) {
		fd, err := l.Kernel().OpenUDP(loopback, loop.UDPOptions{SendBufferBytes: 8 << 20})
		if err != nil {
			b.Fatal(err)
		}
		run := make([]byte, 16*1200)
		letters := make([]letter, 64)
		for i := range letters { // nobody listens there
			letters[i] = letter{to: netip.AddrPortFrom(loopback.Addr(), uint16(20_000+i)), payload: run, segment: 1200}
		}
		out := pack(letters...)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N / len(letters) {
			if _, err := l.Kernel().Sendmmsg(fd, out.messages); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		if err := l.Kernel().CloseFD(fd); err != nil {
			b.Error(err)
		}
	})
}
