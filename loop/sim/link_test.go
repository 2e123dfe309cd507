package sim_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestLossAndDuplicates(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{Loss: 0.2, Duplicate: 0.1})
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	const sent = 10_000
	run := make([]byte, 10*100)
	for range sent / 10 {
		w.check(w.send(fd, viewer, run, 100)) // lost datagram by datagram
	}
	c := w.Counters()
	if c.Sent != sent || c.Lost < 1800 || c.Lost > 2200 || c.Duplicated < 650 || c.Duplicated > 950 {
		t.Errorf("%+v: want 20 %% lost and 10 %% of the rest twice", c)
	}
	if c.Delivered != c.Sent-c.Lost+c.Duplicated || p.Pending() != int(c.Delivered) {
		t.Errorf("%+v and %d at the peer do not add up", c, p.Pending())
	}
}

func TestDelayAndJitterKeepOrder(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond})
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	w.sendNumbered(fd, viewer, 100, 100)
	w.Advance(10*time.Millisecond - 1)
	if p.Pending() != 0 {
		t.Error("arrived before the delay")
	}
	w.Advance(5*time.Millisecond + 1)
	if all := numbers(p); len(all) != 100 || !slices.IsSorted(all) {
		t.Errorf("%d arrived within delay and jitter, in order: %v", len(all), slices.IsSorted(all))
	}
}

func TestReordering(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{Delay: time.Millisecond, Reorder: 0.1})
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	w.sendNumbered(fd, viewer, 1000, 10)
	w.Advance(time.Second)
	all := numbers(p)
	overtaken := 0
	for i := 1; i < len(all); i++ {
		if all[i] < all[i-1] {
			overtaken++
		}
	}
	if len(all) != 1000 || overtaken == 0 {
		t.Errorf("%d arrived, %d out of order", len(all), overtaken)
	}
	slices.Sort(all)
	for i, n := range all {
		if i != n {
			t.Fatalf("datagram %d is missing", i)
		}
	}
}

func TestBandwidth(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{BytesPerSecond: 100_000, QueueBytes: 1 << 20})
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	w.sendNumbered(fd, viewer, 100, 1000)
	w.Advance(500*time.Millisecond - 1)
	if n := p.Pending(); n != 49 {
		t.Errorf("%d datagrams of 1 kB within half a second at 100 kB/s, want 49", n)
	}
	w.Advance(500*time.Millisecond + 1)
	if n := p.Pending(); n != 100 {
		t.Errorf("%d within a second, want all 100", n)
	}
}

func TestAFullQueueDrops(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{BytesPerSecond: 100_000, QueueBytes: 10_000})
	fd, p := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	w.sendNumbered(fd, viewer, 100, 1000)
	w.Advance(time.Minute)
	if all := numbers(p); len(all) != 10 || all[9] != 9 || w.Counters().Throttled != 90 {
		t.Errorf("%v passed a queue of ten, %+v", all, w.Counters())
	}
}

// Without a queue of its own, what waits fills the sender's socket, which then waits.
func TestBackPressure(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{BytesPerSecond: 100_000})
	fd, p := w.socket(server, loop.UDPOptions{SendBufferBytes: 10_000}), w.peer(viewer)
	sent := 0
	var writableAt time.Duration
	fill := func() {
		for {
			if err := w.send(fd, viewer, make([]byte, 1000), 0); err != nil {
				w.wantErr(err, unix.EAGAIN)
				return
			}
			sent++
		}
	}
	fill()
	if sent != 10 {
		t.Errorf("the socket took %d datagrams of 1 kB in 10 kB", sent)
	}
	r, err := w.loop.Register(fd, loop.Writable, func(loop.Interest) {
		if writableAt == 0 {
			writableAt = w.since()
		}
		fill()
	})
	w.check(err)
	w.check(sim.RunFor(w.loop, 2*time.Second))
	w.check(r.Unregister())
	// Writable again when less than half of the buffer is taken.
	if writableAt != 60*time.Millisecond {
		t.Errorf("writable after %v, want 60ms", writableAt)
	}
	w.Advance(time.Second)
	if n := p.Pending(); n != sent || sent < 200 || sent > 210 || w.Counters().Throttled != 0 {
		t.Errorf("%d of %d arrived in 2 s at 100 kB/s, %+v", n, sent, w.Counters())
	}
}

func TestSharedLinks(t *testing.T) {
	for _, shared := range []bool{true, false} {
		w := newWorld(t)
		w.SetLink(remote, sim.Link{BytesPerSecond: 100_000, QueueBytes: 1 << 20, Shared: shared})
		fd := w.socket(server, loop.UDPOptions{})
		one, other := w.peer(viewer), w.peer(netip.MustParseAddrPort("10.0.0.8:6000"))
		w.sendNumbered(fd, one.Addr(), 50, 1000)
		w.sendNumbered(fd, other.Addr(), 50, 1000)
		w.Advance(time.Second / 2)
		want := 50
		if shared {
			want = 0
		}
		if one.Pending() != 50 || other.Pending() != want {
			t.Errorf("shared %v: %d and %d arrived in time, want 50 and %d", shared, one.Pending(), other.Pending(), want)
		}
	}
}

func TestTheLongestPrefixCounts(t *testing.T) {
	w := newWorld(t)
	w.SetLink(netip.PrefixFrom(viewer.Addr(), 32), sim.Link{})
	w.SetLink(remote, sim.Link{Down: true})
	fd, near := w.socket(server, loop.UDPOptions{}), w.peer(viewer)
	far := w.peer(netip.MustParseAddrPort("10.0.0.8:6000"))
	send := func() {
		w.check(w.send(fd, near.Addr(), []byte("x"), 0))
		w.check(w.send(fd, far.Addr(), []byte("x"), 0))
	}
	send()
	if near.Pending() != 1 || far.Pending() != 0 {
		t.Errorf("%d and %d arrived, want 1 and 0", near.Pending(), far.Pending())
	}
	w.SetLink(remote, sim.Link{}) // it replaces the one before
	send()
	if near.Pending() != 2 || far.Pending() != 1 {
		t.Errorf("%d and %d arrived, want 2 and 1", near.Pending(), far.Pending())
	}
}

func TestLinksThatDoNotSegment(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	p := w.peer(viewer)
	run := make([]byte, 4000)
	tests := map[string]struct {
		link           sim.Link
		bytes, segment int
		want           error
	}{
		"no checksums":             {sim.Link{NoSegmentation: true}, 4000, 1000, unix.EIO},
		"no checksums, one packet": {sim.Link{NoSegmentation: true}, 1000, 1000, nil},
		"no checksums, whole":      {sim.Link{NoSegmentation: true}, 4000, 0, nil},
		"does not fit":             {sim.Link{MTU: 1027}, 4000, 1000, unix.EMSGSIZE},
		"just fits":                {sim.Link{MTU: 1028}, 4000, 1000, nil},
		"passes in fragments":      {sim.Link{MTU: 1027}, 4000, 0, nil},
	}
	for name, test := range tests {
		w.SetLink(remote, test.link)
		before := p.Pending()
		if err := w.send(fd, viewer, run[:test.bytes], test.segment); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if arrived := p.Pending() > before; arrived != (test.want == nil) {
			t.Errorf("%s: arrived %v", name, arrived)
		}
	}
}

func TestStreamsOverLinks(t *testing.T) {
	w := newWorld(t)
	w.SetLink(remote, sim.Link{Delay: 100 * time.Millisecond, BytesPerSecond: 1_000_000, Loss: 0.5, Reorder: 0.5})
	fd, p := w.accept(viewer)
	began := w.Monotonic()
	block := make([]byte, 100_000)
	for i := range block {
		block[i] = byte(i >> 8)
	}
	n, err := w.write(fd, block)
	w.check(err)
	var all []byte
	p.OnData(func(b []byte) { all = append(all, b...) })
	w.check(sim.RunUntil(w.loop, func() bool { return len(all) == n }, time.Minute))
	if took := w.Monotonic() - began; n != len(block) || took < 200*time.Millisecond || took > 210*time.Millisecond {
		t.Errorf("%d bytes took %v, want 100 kB in 100 ms delay and 100 ms at 1 MB/s", n, took)
	}
	if !bytes.Equal(all, block) {
		t.Error("a stream came out other than it went in")
	}
}

func TestADownLinkHoldsStreamsUp(t *testing.T) {
	w := newWorld(t)
	fd, p := w.accept(viewer)
	w.SetLink(remote, sim.Link{Down: true})
	if _, err := w.write(fd, []byte("patience")); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Hour)
	if p.Pending() != 0 {
		t.Error("it arrived over a link that is down")
	}
	w.SetLink(remote, sim.Link{Delay: time.Millisecond})
	w.Advance(time.Millisecond)
	if got := p.Take(); string(got) != "patience" {
		t.Errorf("after the link came up the peer has %q", got)
	}
	// Nor is a connection made before it is up.
	w.SetLink(netip.PrefixFrom(server.Addr(), 32), sim.Link{Down: true})
	listener, err := w.ListenTCP(server)
	w.check(err)
	q, err := w.DialTCP(netip.MustParseAddrPort("10.0.0.8:0"), server)
	w.check(err)
	w.Advance(time.Hour)
	if q.Connected() || q.Err() != nil {
		t.Errorf("connected %v, %v over a link that is down", q.Connected(), q.Err())
	}
	w.SetLink(netip.PrefixFrom(server.Addr(), 32), sim.Link{})
	w.Advance(time.Second)
	if _, _, err := w.Accept(listener); err != nil || !q.Connected() {
		t.Errorf("accept: %v, connected %v after it came up", err, q.Connected())
	}
}
