package cast

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// A goodbye is said once, and a player that misses it hangs. So what a full socket does not take is
// sent when it does, within leaveTime.

// farewell is a goodbye that a full socket has not taken for all readers yet.
type farewell struct {
	broadcaster *Broadcaster
	socket      *udp.Socket
	packet      []byte
	to          []fanout.Target // those that are left
	until       time.Duration
	again       *loop.Timer // nil until the first try has failed
	index       int         // among the broadcaster's
	over        bool
}

const (
	// farewellPause is the wait after a queue behind the socket was full, which no readiness ends.
	farewellPause = 5 * time.Millisecond
	// farewellSkips is how many readers are skipped in one turn, whose queue is full.
	farewellSkips = 64
)

// bidFarewell sends a goodbye to readers behind a socket, now or when it takes more.
func (b *Broadcaster) bidFarewell(socket *udp.Socket, packet []byte, to []fanout.Target) {
	f := &farewell{broadcaster: b, socket: socket, packet: packet, to: to, until: b.loop.Now() + leaveTime}
	err := f.send()
	if len(f.to) == 0 {
		return
	}
	f.packet = bytes.Clone(packet)
	f.again = b.loop.NewTimer(f.goOn)
	f.index = len(b.farewells)
	b.farewells = append(b.farewells, f)
	f.wait(err)
}

// send sends to those that are left, as far as the socket takes it. A broken one leaves nobody. A
// queue behind the socket may be full for some of them alone: they come last then.
func (f *farewell) send() (err error) {
	var last []fanout.Target
	for len(f.to) > 0 && len(last) <= farewellSkips {
		var next int
		next, err = f.socket.SendEach(f.packet, len(f.to), f.target)
		if f.to = f.to[next:]; len(f.to) == 0 || err == unix.EAGAIN {
			break
		}
		if !udp.IsFull(err) {
			f.to = nil
			return err
		}
		last, f.to = append(last, f.to[0]), f.to[1:]
	}
	f.to = append(f.to, last...)
	return err
}

// target is the reader with index i among those that are left. One that has come to the address of
// another meanwhile is skipped.
func (f *farewell) target(i int) (netip.AddrPort, netip.Addr) {
	to := f.to[i]
	if f.again != nil && f.broadcaster.watches(to.RTCP) {
		return netip.AddrPort{}, netip.Addr{}
	}
	return to.RTCP, to.Source
}

// watches reports whether a reader at an address watches a stream that goes on. It would take
// another's goodbye for its own.
func (b *Broadcaster) watches(rtcp netip.AddrPort) bool {
	r := b.rtcpIndex.find(rtcp)
	return r != nil && streamOf(r).over() == nil
}

// wait has the farewell go on when the socket takes more. Where a queue behind it was full, no
// readiness tells when that is.
func (f *farewell) wait(err error) {
	f.again.Set(f.until)
	if err != unix.EAGAIN || f.socket.WhenWritable(f.goOn) != nil {
		f.again.SetAfter(farewellPause)
	}
}

// goOn sends what is left, unless the time for it is over.
func (f *farewell) goOn() {
	if f.over {
		return
	}
	var err error
	if f.broadcaster.loop.Now() < f.until {
		if err = f.send(); len(f.to) > 0 {
			f.wait(err)
			return
		}
	}
	f.end()
	f.broadcaster.hungUp()
}

// end forgets the farewell, whether or not somebody is left.
func (f *farewell) end() {
	f.over = true
	f.again.Stop()
	b := f.broadcaster
	last := len(b.farewells) - 1
	b.farewells[f.index] = b.farewells[last]
	b.farewells[f.index].index = f.index
	b.farewells[last] = nil
	b.farewells = b.farewells[:last]
}

// endFarewells forgets those of a pair of sockets that is about to be closed.
func (b *Broadcaster) endFarewells(p *socketPair) {
	for _, f := range slices.Clone(b.farewells) {
		if f.socket == p.rtcp || slices.Contains(slices.Collect(p.rtpSockets()), f.socket) {
			f.end()
		}
	}
}
