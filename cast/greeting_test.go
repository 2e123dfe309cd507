package cast_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestFirstReport has readers come in each way, some before the first frame: each is sent a
// sender report at once, which tells how many readers there are, and no more than one.
func TestFirstReport(t *testing.T) {
	for _, early := range []bool{true, false} {
		t.Run(fmt.Sprintf("before the first frame: %v", early), func(t *testing.T) {
			w := newWorld(t, 1, nil)
			if !early {
				w.watch("10.0.3.1", false)
				w.run(20 * time.Second)
			}
			readers := w.s.Readers() + 3
			viewers := []*viewer{w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)}
			joined := w.joins("10.0.1.3:7000", "cam")
			w.run(50 * time.Millisecond)
			if joined.reports != 1 {
				t.Errorf("%d sender reports by the way of joining, want 1", joined.reports)
			}
			for _, v := range viewers {
				senders, size := 0, 0
				for _, p := range v.reports {
					if err := rtcp.Parse(p, rtcp.Visitor{
						Sender: func(rtcp.SenderReport, uint64) { senders++ },
						Group:  func(_ uint32, n int) { size = n },
					}); err != nil {
						t.Error(err)
					}
				}
				if senders != 1 || size < readers-2 || size > readers {
					t.Errorf("%v: %d sender reports, of %d readers; want 1, of up to %d", v.conn.Addr(), senders, size, readers)
				}
			}
		})
	}
}

// TestManyComeAndGo has more readers come in one turn than are sent a report in one, and
// some leave before it. (As they are so many, all are sent one soon.)
func TestManyComeAndGo(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.watch("10.0.3.1", false)
	w.run(time.Second)
	var readers []*cast.UDPReader
	var reports [600]int
	for i := range reports {
		control := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 5005)
		peer, err := w.k.NewUDPPeer(control)
		if err != nil {
			t.Fatal(err)
		}
		peer.OnReceive(func(sim.Datagram) { reports[i]++ })
		r, err := w.s.Join(cast.Address{RTP: netip.AddrPortFrom(control.Addr(), 5004), RTCP: control}, nil)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	const gone = 100
	for _, r := range readers[:gone] {
		r.Leave()
	}
	w.run(20 * time.Millisecond)
	for i, n := range reports {
		if i < gone && n > 0 || i >= gone && n == 0 {
			t.Fatalf("reader %d has %d sender reports; of %d the first %d have left", i, n, len(reports), gone)
		}
	}
}
