package sim_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// world is a simulated kernel, a loop on it, and shorthands.
type world struct {
	*testing.T
	*sim.Kernel
	loop *loop.Loop
}

func newWorld(t *testing.T, o ...sim.Option) *world { return seeded(t, 1, o...) }

func seeded(t *testing.T, seed uint64, o ...sim.Option) *world {
	k := sim.New(seed, o...)
	return &world{t, k, loop.NewOn(k)}
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

var (
	server = netip.MustParseAddrPort("192.0.2.1:5004")
	viewer = netip.MustParseAddrPort("10.0.0.7:6000")
	remote = netip.MustParsePrefix("10.0.0.0/8")
)

func (w *world) socket(local netip.AddrPort, o loop.UDPOptions) int {
	w.Helper()
	fd, err := w.OpenUDP(local, o)
	w.check(err)
	return fd
}

func (w *world) peer(at netip.AddrPort) *sim.UDPPeer {
	w.Helper()
	p, err := w.NewUDPPeer(at)
	w.check(err)
	return p
}

// message is a single message, with all that it points at.
type message struct {
	list    [1]loop.Message
	address loop.Address
	payload loop.Vector
	cmsg    loop.Cmsg
}

func newMessage(to netip.AddrPort, payload []byte, segment int) *message {
	m := &message{}
	m.address.Set(to)
	m.payload.Set(payload)
	m.cmsg.Set(segment, netip.Addr{})
	m.list[0].Point(&m.address, &m.payload, &m.cmsg)
	return m
}

func (w *world) send(fd int, to netip.AddrPort, payload []byte, segment int) error {
	_, err := w.Sendmmsg(fd, newMessage(to, payload, segment).list[:])
	return err
}

// sendNumbered sends count datagrams whose payload begins with their number.
func (w *world) sendNumbered(fd int, to netip.AddrPort, count, bytes int) {
	w.Helper()
	for i := range count {
		w.check(w.send(fd, to, fmt.Appendf(make([]byte, 0, bytes), "%-*d", bytes, i), 0))
	}
}

// numbers are what a peer has received, in the order it came.
func numbers(p *sim.UDPPeer) (all []int) {
	for {
		d, ok := p.Receive()
		if !ok {
			return all
		}
		n := 0
		if _, err := fmt.Sscan(string(d.Payload), &n); err != nil {
			n = -1
		}
		all = append(all, n)
	}
}

// since is how much time has passed.
func (w *world) since() time.Duration { return w.Monotonic() - sim.Start }

func (w *world) write(fd int, p []byte) (int, error) {
	var vectors [1]loop.Vector
	vectors[0].Set(p)
	return w.Writev(fd, vectors[:])
}

// accept returns a connection from a peer to a new listener.
func (w *world) accept(from netip.AddrPort) (fd int, p *sim.TCPPeer) {
	w.Helper()
	listener, err := w.ListenTCP(netip.AddrPortFrom(server.Addr(), 0))
	w.check(err)
	at, err := w.LocalAddr(listener)
	w.check(err)
	p, err = w.DialTCP(from, at)
	w.check(err)
	for range 10 {
		if fd, _, err = w.Accept(listener); err != unix.EAGAIN {
			break
		}
		w.Advance(time.Second)
	}
	w.check(err)
	w.Advance(time.Minute) // the other end hears of it
	w.check(w.CloseFD(listener))
	return fd, p
}
