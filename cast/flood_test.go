package cast_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
)

// datagramCost has a datagram take so long that ten thousand are read in a second.
var datagramCost = sim.Costs{Message: 100 * time.Microsecond}

// TestFloodOfReports has others send several times as much RTCP as can be read, beside readers
// who report rarely and have no other sign of life. They must stay; one that has vanished
// must go when the flood is over.
func TestFloodOfReports(t *testing.T) {
	const (
		timeout   = 10 * time.Second
		every     = 2 * time.Second
		step      = 10 * time.Millisecond
		perSecond = 25000
		reporting = 10
		flood     = 35 * time.Second
	)
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = timeout })
	var readers []*viewer
	var next []time.Duration
	random := rand.New(rand.NewPCG(1, 1))
	for i := range reporting + 1 {
		v := w.watch(fmt.Sprintf("10.0.1.%d", i+1), false)
		v.conn.Close()
		v.rtp.CountOnly()
		readers, next = append(readers, v), append(next, w.k.Monotonic()+time.Duration(random.Int64N(int64(every))))
	}
	vanished := readers[reporting]
	crowd, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.2.1:5005"))
	if err != nil {
		t.Fatal(err)
	}
	w.k.SetCosts(datagramCost)
	server := netip.AddrPortFrom(serverAddr, 5005)
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "reader")
	send := func(from interface {
		Send(netip.AddrPort, []byte) error
	}) {
		if err := from.Send(server, report); err != nil {
			t.Fatal(err)
		}
	}
	pass := func(d time.Duration, flooding int) {
		for end := w.k.Monotonic() + d; w.k.Monotonic() < end; w.run(step) {
			reporter := random.IntN(flooding + 1) // when in the flood the others' come
			for i := range flooding + 1 {
				if i < flooding {
					send(crowd)
				}
				for n, v := range readers[:reporting] {
					if i == reporter && next[n] <= w.k.Monotonic() {
						send(v.rtcp)
						next[n] += every/2 + time.Duration(random.Int64N(int64(every)))
					}
				}
			}
		}
	}
	pass(flood, int(perSecond*int64(step)/int64(time.Second)))
	if got := w.b.Readers(); got != reporting+1 {
		t.Errorf("%d readers by the end of the flood, want %d", got, reporting+1)
	}
	if s, read := w.l.Stats(), w.b.RTCPSockets().Received; read < 7000*uint64(flood/time.Second) || w.b.PutOff().Datagrams == 0 || s.TurnCPU.Max > 8*time.Millisecond {
		t.Errorf("%d datagrams were read in %v, put off %d times, in turns of up to %v", read, flood, w.b.PutOff().Datagrams, s.TurnCPU.Max)
	}
	if f := w.s.Figures(); f.Late > 0 || f.Lags > 0 || f.FirstAge.Max > 10*time.Millisecond {
		t.Errorf("beside the flood %d frames were late and %d missed, the oldest %v", f.Late, f.Lags, f.FirstAge.Max)
	}
	w.k.SetCosts(sim.Costs{})
	pass(3*timeout, 0)
	if got := w.b.Readers(); got != reporting {
		t.Errorf("%d readers after the flood, want %d", got, reporting)
	}
	if n, _ := vanished.rtp.Received(); n == 0 {
		t.Error("the vanished reader was never sent anything")
	}
}

// TestShortFlood has a reader vanish, and others send too much RTCP for a second at the time when
// that is noticed. It is soon over, and so is the patience. Time in which the process is stopped
// does not count.
func TestShortFlood(t *testing.T) {
	t.Run("running", func(t *testing.T) { testShortFlood(t, time.Second, 0) })
	t.Run("stopped", func(t *testing.T) { testShortFlood(t, 2*time.Second, time.Minute) })
}

// testShortFlood begins the flood some time before the reader is ended.
func testShortFlood(t *testing.T, before, standstill time.Duration) {
	const timeout = 10 * time.Second
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = timeout })
	v := w.watch("10.0.1.1", false)
	v.conn.Close()
	v.rtp.CountOnly()
	crowd, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.2.1:5005"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(timeout - before)
	w.k.SetCosts(datagramCost)
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "reader")
	for range 100 {
		for range 250 {
			if err := crowd.Send(netip.AddrPortFrom(serverAddr, 5005), report); err != nil {
				t.Fatal(err)
			}
		}
		w.run(10 * time.Millisecond)
	}
	w.k.SetCosts(sim.Costs{})
	w.run(500 * time.Millisecond)
	w.k.Advance(standstill)
	w.run(timeout / 2)
	if n := w.b.Readers(); n != 1 {
		t.Errorf("%d readers half a timeout after the flood, want 1", n)
	}
	w.run(timeout * 3 / 2)
	if n := w.b.Readers(); n != 0 {
		t.Errorf("%d readers two timeouts after the flood, want 0", n)
	}
}
