//go:build !race

// These crowds are simulated by one goroutine, in which the race detector has nothing to find but
// takes minutes. make test runs them without it.

package cast_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
)

// member is a reader that keeps to the interval of RFC 3550.
type member struct {
	peer     *sim.UDPPeer
	interval *rtcp.Interval
	reported bool
}

const memberBytes = 100 // of a report, IP and UDP headers included

// TestReportsOfTenThousand has ten thousand readers come within a second, and counts what
// they report: all together within RTCP's share of the bandwidth, and not in one burst.
func TestReportsOfTenThousand(t *testing.T) {
	t.Parallel()
	const readers, seconds = 10000, 90
	const bandwidth = rtcp.BandwidthShare * 10e6 / 8          // a stream of 10 Mbit/s
	const interval = int(readers*memberBytes*4/bandwidth) / 3 // seconds; three quarters are the receivers'
	w := newWorld(t, 1, func(c *cast.Config) { c.Adapt = cast.AdaptOff })
	w.camera.scan = 1200
	w.run(500 * time.Millisecond)
	random := rand.New(rand.NewPCG(1, 1))
	var members []*member
	join := func(i int) {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 5004)
		control := netip.AddrPortFrom(at.Addr(), at.Port()+1)
		media, err := w.k.NewUDPPeer(at)
		if err != nil {
			t.Fatal(err)
		}
		media.CountOnly()
		m := &member{interval: rtcp.NewInterval(w.k.Monotonic(), rtcp.IntervalConfig{Bandwidth: bandwidth, PacketBytes: memberBytes, Random: random.Float64})}
		if m.peer, err = w.k.NewUDPPeer(control); err != nil {
			t.Fatal(err)
		}
		m.peer.OnReceive(func(d sim.Datagram) {
			_ = rtcp.Parse(d.Payload, rtcp.Visitor{Group: func(_ uint32, n int) { m.interval.SetMembers(w.k.Monotonic(), n+1, 1) }})
		})
		if _, err := w.s.Join(cast.Address{RTP: at, RTCP: control}, nil); err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	for i := range readers {
		join(i)
		if i%200 == 199 {
			w.run(20 * time.Millisecond)
		}
	}
	w.camera.silent = true // from now on only reports count
	packet := report(5, 6, 0, 0, 0, 0)
	var sent, first [seconds]int
	began := w.k.Monotonic()
	for second := range seconds {
		for range 10 {
			w.run(100 * time.Millisecond)
			now := w.k.Monotonic()
			for _, m := range members {
				if m.interval.Next() > now || !m.interval.Expire(now) {
					continue
				}
				if sent[second]++; !m.reported {
					m.reported = true
					first[second]++
				}
				m.interval.Sent(now, memberBytes)
				if err := m.peer.Send(netip.AddrPortFrom(serverAddr, 5005), packet); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("first reports in each of the first %d seconds after %v:%s", 40, began.Round(time.Second), bars(first[:40]))
	window, most, burst, reported := 0, 0, 0, 0
	for second, n := range sent {
		window += n
		if gone := second - interval; gone >= 0 {
			window -= sent[gone]
		}
		most, burst, reported = max(most, window), max(burst, first[second]), reported+first[second]
	}
	t.Logf("%.0f %% of RTCP's bandwidth in the busiest %d s; %d of %d first reports in the busiest second",
		100*float64(most*memberBytes)/float64(interval)/bandwidth, interval, burst, readers)
	if float64(most*memberBytes) > float64(interval)*bandwidth {
		t.Errorf("%d reports in %d s are more than RTCP may have", most, interval)
	}
	if burst > readers/5 || reported != readers {
		t.Errorf("%d of %d first reports, %d in one second", reported, readers, burst)
	}
}

// bars draws numbers.
func bars(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		fmt.Fprintf(&b, "\n%4d s %5d %s", i+1, n, strings.Repeat("#", n/25))
	}
	return b.String()
}
