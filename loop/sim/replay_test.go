package sim_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// broadcast is a little of everything: a ticker, datagrams to viewers behind bad links,
// their reports, and players who come, read slowly and go, on a kernel with all faults.
// It returns the trace.
func broadcast(t *testing.T, seed uint64) []byte {
	w := seeded(t, seed, sim.WithCosts(sim.Costs{Call: 300, Message: 500, Datagram: 100}))
	var trace bytes.Buffer
	w.Trace(&trace)
	w.SetFaults(sim.Faults{ShuffleEvents: true, SpuriousWakeups: 0.05, SpuriousEvents: 0.05,
		LateWakeups: 100 * time.Microsecond, PartialBatches: 0.1, PartialWrites: 0.3, ShortReads: 0.3})
	w.SetLink(remote, sim.Link{Delay: 3 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.01, Duplicate: 0.01,
		Reorder: 0.01, BytesPerSecond: 2_000_000, QueueBytes: 50_000})
	w.SetLink(netip.MustParsePrefix("192.0.2.0/24"), sim.Link{Delay: 5 * time.Millisecond, Loss: 0.02})
	w.Inject(sim.FailNumber("Sendmmsg", 77, unix.ENOBUFS))

	socket := w.socket(server, loop.UDPOptions{})
	register := func(fd int, want loop.Interest, h loop.Handler) {
		if _, err := w.loop.Register(fd, want, h); err != nil {
			t.Fatal(err)
		}
	}
	receiving := newMessage(server, make([]byte, 2000), 0)
	register(socket, loop.Readable, func(loop.Interest) {
		receiving.list[0].Receive(&receiving.address, &receiving.payload, nil)
		if _, err := w.Recvmmsg(socket, receiving.list[:]); err == nil {
			_ = w.send(socket, receiving.list[0].Peer(), receiving.list[0].Received(), 0) // lost if it is full
		}
	})
	var fan []loop.Message
	for i := range 20 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 6000)
		p := w.peer(at)
		p.OnReceive(func(d sim.Datagram) {
			if len(d.Payload) == 600 { // the end of a frame
				if err := p.Send(server, fmt.Appendf(nil, "%v has it", at)); err != nil {
					t.Error(err)
				}
			}
		})
		payload := make([]byte, 5000)
		w.Random(payload)
		fan = append(fan, newMessage(at, payload, 1100).list[0])
	}
	ticker, err := w.NewTicker(time.Second / 30)
	w.check(err)
	register(ticker, loop.Readable, func(loop.Interest) {
		_, _ = w.ReadTicks(ticker) // it may be a spurious event
		for left := fan; len(left) > 0; {
			n, err := w.Sendmmsg(socket, left)
			if err != nil {
				n = 1
			}
			left = left[n:]
		}
	})
	listener, err := w.ListenTCP(server)
	w.check(err)
	register(listener, loop.Readable, func(loop.Interest) {
		conn, _, err := w.Accept(listener)
		if err != nil {
			return
		}
		var r *loop.Registration
		room := make([]byte, 1000)
		r, err = w.loop.Register(conn, loop.Readable, func(loop.Interest) {
			n, err := w.Read(conn, room)
			if err == nil && n > 0 {
				_, err = w.write(conn, bytes.Repeat(room[:n], 100))
			} else if err == nil {
				err = unix.EPIPE
			}
			if err != nil && err != unix.EAGAIN {
				w.check(r.Unregister())
				w.check(w.CloseFD(conn))
			}
		})
		w.check(err)
	})
	for i := range 10 {
		w.After(time.Duration(i)*100*time.Millisecond, func() {
			p, err := w.DialTCP(netip.AddrPortFrom(viewer.Addr(), 0), server)
			w.check(err)
			if i%2 == 0 {
				p.OnData(func(b []byte) {
					if _, err := p.Write(b[:1]); err != nil {
						t.Error(err)
					}
				})
			}
			if _, err := p.Write([]byte("question")); err != nil {
				t.Error(err)
			}
			w.After(time.Second, func() {
				switch i % 3 {
				case 0:
					p.Reset()
				case 1:
					p.Close()
				default:
					p.OnData(nil)
					p.CloseWrite()
				}
			})
		})
	}
	w.check(sim.RunFor(w.loop, 2*time.Second))
	if w.Counters().Lost == 0 || w.Counters().Delivered < 1000 || w.Calls("Accept") < 10 {
		t.Errorf("little has happened: %+v", w.Counters())
	}
	return trace.Bytes()
}

func TestARunCanBeReplayed(t *testing.T) {
	for seed := range uint64(2) {
		once, again := broadcast(t, seed), broadcast(t, seed)
		if !bytes.Equal(once, again) {
			one, other := bytes.Split(once, []byte("\n")), bytes.Split(again, []byte("\n"))
			for i := range min(len(one), len(other)) {
				if !bytes.Equal(one[i], other[i]) {
					t.Fatalf("seed %d: line %d is %q, then %q", seed, i+1, one[i], other[i])
				}
			}
			t.Fatalf("seed %d: %d lines, then %d", seed, len(one), len(other))
		}
		if other := broadcast(t, seed+100); bytes.Equal(once, other) {
			t.Errorf("seeds %d and %d make the same run", seed, seed+100)
		}
	}
}

// A broadcast of the size the kernel is made for: ten thousand viewers, thirty frames a
// second.
func TestTenThousandViewers(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{SendBufferBytes: 8 << 20})
	const viewers, packets, packet = 10_000, 16, 1200
	fan := make([]loop.Message, viewers)
	addresses := make([]loop.Address, viewers)
	peers := make([]*sim.UDPPeer, viewers)
	var payload loop.Vector
	var cmsg loop.Cmsg
	payload.Set(make([]byte, packets*packet))
	cmsg.Set(packet, netip.Addr{})
	for i := range fan {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 6000)
		peers[i] = w.peer(at)
		peers[i].CountOnly()
		addresses[i].Set(at)
		fan[i].Point(&addresses[i], &payload, &cmsg)
	}
	ticker, err := w.NewTicker(time.Second / 30)
	w.check(err)
	frames := uint64(0)
	_, err = w.loop.Register(ticker, loop.Readable, func(loop.Interest) {
		_, err := w.ReadTicks(ticker)
		w.check(err)
		frames++
		for left := fan; len(left) > 0; {
			n, err := w.Sendmmsg(fd, left[:min(len(left), 64)])
			w.check(err)
			left = left[n:]
		}
	})
	w.check(err)
	w.check(sim.RunFor(w.loop, time.Second))
	if frames != 30 {
		t.Errorf("%d frames in a second, want 30", frames)
	}
	for i, p := range peers {
		if n, b := p.Received(); n != frames*packets || b != frames*packets*packet {
			t.Fatalf("viewer %d has %d datagrams, %d bytes; want %d and %d", i, n, b, frames*packets, frames*packets*packet)
		}
	}
	if at := peers[0].LastArrival(); at != sim.Start+time.Second/30*30 {
		t.Errorf("the last frame arrived at %v", at)
	}
}

// BenchmarkFan is the cost of a segmented message to a peer that counts, over a perfect
// link and over one with a delay.
func BenchmarkFan(b *testing.B) {
	for name, link := range map[string]sim.Link{"at once": {}, "delayed": {Delay: time.Millisecond}} {
		b.Run(name, func(b *testing.B) {
			k := sim.New(1)
			k.SetLink(remote, link)
			fd, err := k.OpenUDP(server, loop.UDPOptions{})
			if err != nil {
				b.Fatal(err)
			}
			fan := make([]loop.Message, 1000)
			for i := range fan {
				at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 6000)
				p, err := k.NewUDPPeer(at)
				if err != nil {
					b.Fatal(err)
				}
				p.CountOnly()
				fan[i] = newMessage(at, make([]byte, 16*1200), 1200).list[0]
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N / len(fan) {
				if _, err := k.Sendmmsg(fd, fan); err != nil {
					b.Fatal(err)
				}
				k.Advance(33 * time.Millisecond)
			}
		})
	}
}
