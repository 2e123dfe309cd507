package tcpfan

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
)

// deafen has a reader's other end read nothing from now on.
func (v *visitor) deafen() {
	v.peer.SetReceiveBuffer(1)
	v.peer.OnData(nil)
}

// pass publishes frames, 20 in a second, for a while.
func (h *hall) pass(d time.Duration) {
	for end := h.loop.Now() + d; h.loop.Now() < end; h.run(50 * time.Millisecond) {
		h.frame()
	}
}

// TestBacklogEndsTheOldest has readers read nothing, one after the other, until the kernel holds more
// than it may: the first of them are ended, no more than need be, and those who read get every
// frame.
func TestBacklogEndsTheOldest(t *testing.T) {
	h := newHall(t, 10)
	h.bytes = 60_000
	closed := h.kernel.Calls("ResetOnClose")
	for _, v := range h.readers[:8] { // each holds 208 KiB, of 1 MiB
		v.deafen()
		h.pass(300 * time.Millisecond)
	}
	h.pass(3 * time.Second)
	f := h.backlog.Figures()
	if f.Bytes > 1<<20 || f.Bytes < 1<<19 || f.Ended != 4 || f.Readers != 4 {
		t.Errorf("figures %+v, want 4 readers who stand still, and 4 ended", f)
	}
	for i, v := range h.readers {
		if ended := v.lost != nil; ended != (i < 4) || ended && !errors.Is(v.lost, errBacklog) {
			t.Errorf("reader %d: %v", i, v.lost)
		}
	}
	if n := h.kernel.Calls("ResetOnClose") - closed; n != 4 {
		t.Errorf("%d connections are to be reset", n)
	}
	for _, v := range h.readers[8:] {
		if n := uint64(len(v.numbers)); n != h.ring.Newest() {
			t.Errorf("one who reads has %d frames of %d", n, h.ring.Newest())
		}
	}
	// One that reads again is no longer counted, and one that leaves neither.
	h.readers[4].peer.SetReceiveBuffer(1 << 20)
	h.readers[4].peer.OnData(h.readers[4].data)
	h.readers[5].Leave()
	h.pass(time.Second)
	if f := h.backlog.Figures(); f.Readers != 2 || f.Ended != 4 {
		t.Errorf("figures %+v, want 2 readers who stand still", f)
	}
	for _, v := range h.readers {
		v.Leave()
	}
	if f := h.backlog.Figures(); f.Readers != 0 || f.Bytes != 0 || h.backlog.first != nil || h.backlog.last != nil {
		t.Errorf("all have left: %+v", f)
	}
}

// TestStandstillEndsNobody stops the process just after a reader's connection took no more, while
// the kernel holds more than it may: the reader has its second to take something when the process
// goes on.
func TestStandstillEndsNobody(t *testing.T) {
	h := newHall(t, 2)
	h.bytes, h.backlog.limit = 60_000, 1
	h.readers[0].deafen()
	for h.backlog.first == nil {
		h.pass(50 * time.Millisecond)
	}
	h.kernel.Advance(time.Minute)
	h.run(endAfter / 2)
	if f := h.backlog.Figures(); f.Ended != 0 || f.Readers != 1 {
		t.Errorf("figures %+v after a standstill, want a reader who stands still", f)
	}
	h.run(endAfter)
	if f := h.backlog.Figures(); f.Ended != 1 {
		t.Errorf("figures %+v, want it ended", f)
	}
}

// TestSlowReadersStay has readers take something again and again, and together be far above the
// limit: none of them is ended.
func TestSlowReadersStay(t *testing.T) {
	h := newHall(t, 10)
	h.bytes = 60_000
	for _, v := range h.readers {
		v.deafen()
	}
	for range 20 {
		h.pass(700 * time.Millisecond)
		for _, v := range h.readers { // take what there is
			v.peer.SetReceiveBuffer(1 << 20)
			v.peer.OnData(v.data)
		}
		h.run(50 * time.Millisecond)
		for _, v := range h.readers {
			v.deafen()
		}
	}
	if f := h.backlog.Figures(); f.Ended != 0 || h.fan.Readers() != 10 {
		t.Errorf("figures %+v, %d readers", f, h.fan.Readers())
	}
}

// TestPoorLinkStays has a reader behind a link that takes longer than a second until a third of the
// buffer is free, while the kernel holds more than it may: it stays as long as it takes something.
func TestPoorLinkStays(t *testing.T) {
	h := newHall(t, 1)
	h.bytes, h.backlog.limit = 20_000, 1
	h.kernel.SetLink(netip.MustParsePrefix("198.51.100.0/24"), sim.Link{BytesPerSecond: 40_000})
	h.pass(30 * time.Second)
	v := h.readers[0]
	if f := h.backlog.Figures(); f.Ended > 0 || v.lost != nil || len(v.numbers) < 50 {
		t.Errorf("figures %+v, %v; it has %d frames", f, v.lost, len(v.numbers))
	}
	v.deafen()
	h.pass(10 * time.Second)
	if f := h.backlog.Figures(); f.Ended != 1 || f.Readers != 0 || f.Bytes != 0 {
		t.Errorf("when it reads nothing: figures %+v", f)
	}
}

// TestLongWay has a reader be 50 ms away, there and back: it gets every frame, and does not stand
// still.
func TestLongWay(t *testing.T) {
	h := newHall(t, 2)
	h.bytes = 60_000
	h.kernel.SetLink(netip.MustParsePrefix("198.51.100.0/24"), sim.Link{Delay: 50 * time.Millisecond})
	h.pass(10 * time.Second)
	h.run(time.Second)
	for _, v := range h.readers {
		if n := uint64(len(v.numbers)); n != h.ring.Newest() || v.Lags() > 0 {
			t.Errorf("%d frames of %d, %d lags", n, h.ring.Newest(), v.Lags())
		}
	}
	if f := h.backlog.Figures(); f != (BacklogFigures{}) || h.kernel.Calls("Unacknowledged") > 0 {
		t.Errorf("figures %+v", f)
	}
}

// TestRoomFollowsTheFrames has frames grow: the kernel is asked for more room seldom, and for no
// frame of the same size.
func TestRoomFollowsTheFrames(t *testing.T) {
	h := newHall(t, 1)
	var asked []int
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "LimitSendBuffer" {
			asked = append(asked, c.Bytes)
		}
		if c.Name == "Unacknowledged" {
			t.Error("a reader that reads is asked about")
		}
		return nil
	})
	for h.bytes = 10_000; h.bytes < 60_000; h.bytes += 100 {
		h.pass(50 * time.Millisecond)
	}
	for _, bytes := range []int{60_000, 66_000, 70_000, 130_000, 140_000, 10_000, 600_000, 2_000_000} {
		h.readers[0].makeRoom(bytes)
	}
	if want := []int{leastRoom, 528_000, 1_120_000, mostRoom}; !slices.Equal(asked, want) {
		t.Errorf("the kernel was asked for %v, want %v", asked, want)
	}
}
