package cast_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestJoinAtAnyAddress has readers join at each address of a machine, over both families.
// joiner.receive checks that all they receive comes from there.
func TestJoinAtAnyAddress(t *testing.T) {
	second, third := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::1")
	w := newWorldAt(t, 1, []netip.Addr{serverAddr, second, third}, func(c *cast.Config) {
		c.RTP = netip.MustParseAddrPort("[::]:5004")
	})
	readers := []*joiner{
		w.joins("10.0.1.1:7000", "cam"),
		w.joinsAt("10.0.1.2:7000", netip.AddrPortFrom(second, 5004), "cam"),
		w.joinsAt("[2001:db8::99]:7000", netip.AddrPortFrom(third, 5004), "cam"),
	}
	w.run(4 * time.Second)
	for _, j := range readers {
		if j.client.Accepted() == nil || j.frames < 110 || j.depack.Dropped > 0 || j.stats.Lost() != 0 || j.reports == 0 {
			t.Errorf("%v: accepted is %v, %d frames, %d dropped, %d packets lost, %d sender reports",
				j.server, j.client.Accepted(), j.frames, j.depack.Dropped, j.stats.Lost(), j.reports)
		}
		j.goodbye()
	}
	w.run(100 * time.Millisecond)
	if w.b.Readers() != 0 {
		t.Errorf("%d readers, want none: all have left", w.b.Readers())
	}
}

func (j *joiner) goodbye() {
	j.send(rtcp.AppendReceiverGoodbye(nil, j.stats.Report(j.w.k.Monotonic(), 5, 9), "reader"))
}

// TestGoodbyeFromElsewhere has somebody else say goodbye for a reader.
func TestGoodbyeFromElsewhere(t *testing.T) {
	w := newWorld(t, 1, nil)
	j := w.joins("10.0.1.1:7000", "cam")
	w.run(time.Second)
	for _, elsewhere := range []string{"10.0.1.1:7001", "10.0.1.2:7000"} {
		other, err := w.k.NewUDPPeer(netip.MustParseAddrPort(elsewhere))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []netip.AddrPort{rtpAddr, netip.AddrPortFrom(serverAddr, 5005)} {
			if err := other.Send(to, rtcp.AppendReceiverGoodbye(nil, j.stats.Report(0, 5, j.client.Accepted().SSRC), "reader")); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.run(time.Second)
	if w.b.Readers() != 1 || j.frames < 55 {
		t.Errorf("%d readers, %d frames", w.b.Readers(), j.frames)
	}
}

// TestLeaveAndJoinInTheMiddleOfAFrame has a reader change its mind while a frame is being
// sent: it is one reader, and gets whole frames.
func TestLeaveAndJoinInTheMiddleOfAFrame(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, func(c *cast.Config) { c.Burst = 2 }) // a frame takes half its interval
		j, other := w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "cam")
		for i := range 40 {
			w.run(103*time.Millisecond + time.Duration(seed)*time.Millisecond)
			j.goodbye()
			j.client = join.NewClient("cam", 5, join.Nonce{byte(i)})
			j.send(j.client.Start(w.l.Now(), nil))
		}
		w.run(time.Second)
		if w.b.Readers() != 2 || w.s.Readers() != 2 || j.client.Accepted() == nil {
			t.Errorf("seed %d: %d readers, %d sent to, want 2", seed, w.b.Readers(), w.s.Readers())
		}
		if j.frames < 100 || j.depack.Dropped > 40 || other.depack.Dropped > 0 || other.stats.Lost() != 0 {
			t.Errorf("seed %d: %d frames, %d broken off; the other reader: %d broken off, %d packets lost",
				seed, j.frames, j.depack.Dropped, other.depack.Dropped, other.stats.Lost())
		}
	}
}

// TestAskingAgainIsASignOfLife has a reader say nothing but that it wants to join.
func TestAskingAgainIsASignOfLife(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 4 * time.Second })
	j := w.joins("10.0.1.1:7000", "cam")
	for range 12 {
		w.run(time.Second)
		j.client = join.NewClient("cam", 5, join.Nonce{8})
		j.send(j.client.Start(w.l.Now(), nil))
	}
	if w.b.Readers() != 1 || j.depack.Dropped > 0 || j.stats.Lost() != 0 || j.frames < 11*framesPerSecond {
		t.Errorf("%d readers, %d frames, %d broken off, %d packets lost", w.b.Readers(), j.frames, j.depack.Dropped, j.stats.Lost())
	}
}

// ending is a source whose pictures have come to an end.
type ending struct{ *camera }

func (e ending) Open(h capture.Host) {
	h.Live()
	h.Ended()
}

// TestEndedStreamsAreNotListed has one of two streams end.
func TestEndedStreamsAreNotListed(t *testing.T) {
	w := newWorld(t, 1, nil)
	if _, err := w.b.AddStream("short", ending{newCamera(t, w.k)}, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	j := w.joins("10.0.1.1:7000", "short")
	w.run(100 * time.Millisecond)
	if j.err == nil || !strings.Contains(j.err.Error(), join.Unavailable.String()) {
		t.Errorf("a stream that has ended: %v", j.err)
	}
	j.err, j.client = nil, join.NewListClient(5, join.Nonce{3})
	j.send(j.client.Start(0, nil))
	w.run(100 * time.Millisecond)
	if streams, complete := j.client.Streams(); !complete || len(streams) != 1 || streams[0].Name != "cam" {
		t.Errorf("%+v, complete is %v; want cam alone", streams, complete)
	}
}

// TestRefusalsDoNotFillTheLog has many be refused at once.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 1 })
	w.joins("10.0.1.1:7000", "cam")
	for i := range 200 {
		if j := w.joins(fmt.Sprintf("10.0.2.%d:7000", i), "cam"); i == 0 {
			w.until(func() bool { return j.err != nil })
		}
	}
	w.run(500 * time.Millisecond)
	if n := strings.Count(w.log.String(), "reader refused"); n != 1 {
		t.Errorf("%d lines of log for 200 refusals within a second, want 1", n)
	}
	w.joins("10.0.1.2:7000", "cam")
	w.run(time.Second)
	w.joins("10.0.1.3:7000", "cam")
	w.run(time.Second)
	if n := strings.Count(w.log.String(), "reader refused"); n != 2 && n != 3 {
		t.Errorf("%d lines of log after two more seconds, want one each", n)
	}
}
