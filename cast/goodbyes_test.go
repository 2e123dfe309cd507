//go:build !race

// These crowds are simulated by one goroutine, in which the race detector has nothing to find but
// takes minutes. make test runs them without it.

package cast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestHalfTheHallLeaves has five thousand of ten thousand readers say goodbye in the same
// instant. All of them are gone soon. The others miss nothing by it, and are told how many
// they are now.
func TestHalfTheHallLeaves(t *testing.T) {
	t.Parallel()
	const readers, leavers = 10000, 5000
	const watched = 50 // of the readers that stay; the others are only counted
	w := newWorld(t, 1, func(c *cast.Config) { c.Log = nil })
	w.camera.scan = 600
	var all []*joiner
	for i := range readers {
		all = append(all, w.joins(fmt.Sprintf("10.1.%d.%d:5004", i/250, i%250+1), "cam"))
		if i%40 == 39 { // a request and a cookie each
			w.run(20 * time.Millisecond)
		}
	}
	w.until(func() bool { return w.b.Readers() == readers })
	stays, told := all[readers-1], 0
	stays.peer.OnReceive(func(d sim.Datagram) {
		stays.receive(d)
		_ = rtcp.Parse(d.Payload, rtcp.Visitor{Group: func(_ uint32, n int) { told = n }})
	})
	for _, j := range all[:readers-watched] {
		j.peer.CountOnly()
	}
	watching := all[readers-watched:]
	var had [watched]int
	for i, j := range watching {
		had[i] = j.frames
	}
	left := w.k.Monotonic()
	for i, j := range all[:leavers] {
		j.send(rtcp.AppendReceiverGoodbye(nil, rtcp.ReceptionReport{Reporter: uint32(i), SSRC: j.client.Accepted().SSRC}, "reader"))
	}
	w.until(func() bool { return w.b.Readers() == readers-leavers })
	took := w.k.Monotonic() - left
	t.Logf("%d readers are gone %v after their goodbyes", leavers, took)
	if took > 2*time.Second {
		t.Errorf("goodbyes take %v", took)
	}
	w.run(100 * time.Millisecond)
	before, _ := all[0].peer.Received()
	w.run(10 * time.Second) // past the next sender report
	if after, _ := all[0].peer.Received(); after != before {
		t.Errorf("a reader that has left is sent %d more packets", after-before)
	}
	if told != readers-leavers {
		t.Errorf("a reader that stays is told of %d readers, want %d", told, readers-leavers)
	}
	for i, j := range watching {
		if n := j.frames - had[i]; j.stats.Lost() != 0 || j.depack.Dropped != 0 || n < 300 || n != stays.frames-had[watched-1] {
			t.Errorf("%v: %d frames, %d packets lost, %d frames dropped", j.peer.Addr(), n, j.stats.Lost(), j.depack.Dropped)
		}
	}
}
