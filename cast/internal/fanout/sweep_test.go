package fanout

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// TestPutBack has a frame become too old while the socket is full. Nobody has any of it, and so
// nobody gets it: the readers go on with the newest. One who has left meanwhile gets nothing, and
// one who has come meanwhile is counted what it gets. Nothing that was not sent is in the ledger.
func TestPutBack(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	stays, leaves := h.enters("stays"), h.enters("leaves")
	h.frames("K")
	h.fill()
	h.frame(true)
	leaves.Leave()
	comes := h.enters("comes")
	h.frames("KKKKKKKKK")
	if stays.group.sweep.Hand == nil || h.ring.Get(2) != nil {
		t.Fatal("frame 2 is not stuck, or still recent")
	}
	h.run(time.Second)
	h.frames("KK")
	stays.counts(4, 9)
	comes.counts(3, 8)
	if len(leaves.whole) != 1 {
		t.Errorf("the reader that has left has frames %v", leaves.whole)
	}
	l := &stays.group.sweep.ledger
	if sent, known := l.upTo(2*13 - 1); !known || sent != 8 || l.sent != 8 {
		t.Errorf("the ledger knows of %d packets, %d up to the newest; want 8", l.sent, sent)
	}
	if f := h.fanout.config.Figures; f.Delivered != 2+3*2 {
		t.Errorf("%d delivered", f.Delivered)
	}
}

// TestComingInTheMiddleOfAFrame has readers come while a frame is in hand that is not brought to
// its end: as the socket breaks, or as all is over.
func TestComingInTheMiddleOfAFrame(t *testing.T) {
	for name, end := range map[string]func(h *simHall){
		"broken": func(h *simHall) {
			h.kernel.Inject(func(c sim.Call) error {
				if c.Name == "Sendmmsg" && h.ring.Newest() == 2 {
					return unix.EBADF
				}
				return nil
			})
			h.run(time.Second)
		},
		"stopped": func(h *simHall) { h.fanout.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newSimHall(t, 1, media.JPEG)
			there := h.enters("there")
			h.frames("K")
			h.fill()
			h.frame(true)
			comes := h.enters("comes")
			end(h)
			lags := uint64(0)
			if name == "broken" {
				h.frames("KK")
				lags = 1
				there.counts(3, lags)
				comes.counts(2, 0)
			} else {
				there.counts(1, 0)
				comes.counts(0, 0)
			}
			if f := h.fanout.config.Figures; f.Lags != lags {
				t.Errorf("%d lags, want %d", f.Lags, lags)
			}
		})
	}
}

// TestEndInTheMiddleOfAFrame has the last reader of a frame not be sent it, as all is over or the socket
// breaks: it is counted for those who have it whole, and missed by none of them.
func TestEndInTheMiddleOfAFrame(t *testing.T) {
	for name, refusal := range map[string]error{"stopped": unix.ENOBUFS, "broken": unix.EBADF} {
		t.Run(name, func(t *testing.T) {
			h := newSimHall(t, 1, media.JPEG)
			readers := []*visitor{h.enters("one"), h.enters("two"), h.enters("three")}
			h.frames("KK")
			sends := 0
			h.kernel.Inject(func(c sim.Call) error {
				if c.Name == "Sendmmsg" && h.ring.Newest() == 3 {
					if sends++; sends >= 3 {
						return refusal
					}
				}
				return nil
			})
			h.frames("K")
			h.fanout.Stop()
			missed := 0
			for _, v := range readers {
				lags := uint64(0)
				if len(v.whole) == 2 {
					if missed++; name == "broken" {
						lags = 1
					}
				}
				v.counts(uint64(len(v.whole)), lags)
			}
			f := h.fanout.config.Figures
			if missed != 1 || f.Delivered != 3+3+2 || name == "broken" && f.Lags != 1 {
				t.Errorf("%d readers miss the last frame, %d frames are delivered, and %d lags", missed, f.Delivered, f.Lags)
			}
		})
	}
}

// TestRefusalBeforeTheSocketBreaks has one reader be refused a frame that then nobody gets: that
// is a frame that it has missed, and not one less of those it has had.
func TestRefusalBeforeTheSocketBreaks(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	readers := []*visitor{h.enters("one"), h.enters("two")}
	h.frames("KK")
	sends := 0
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && h.ring.Newest() == 3 {
			if sends++; sends == 1 {
				return unix.EHOSTUNREACH
			}
			return unix.EBADF
		}
		return nil
	})
	h.frames("KK")
	for _, v := range readers {
		v.counts(3, 1)
	}
}

// TestSocketThatCannotBeWaitedFor has the kernel refuse once to tell when the socket is writable:
// it is tried again after a pause.
func TestSocketThatCannotBeWaitedFor(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	v := h.enters("reader")
	h.frames("K")
	h.fill()
	refusals := 0
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Rewatch" && refusals == 0 {
			refusals++
			return unix.ENOMEM
		}
		return nil
	})
	h.frame(true)
	h.run(time.Second)
	if refusals != 1 {
		t.Errorf("refused %d times", refusals)
	}
	v.counts(2, 0)
}

// TestRefusalInTheMiddleOfARun has the kernel refuse the second packet of a frame that is sent
// packet by packet: that reader misses the rest of this frame, and nobody anything else.
func TestRefusalInTheMiddleOfARun(t *testing.T) {
	h := newSimHallOn(t, sim.New(1), media.JPEG, udp.Options{NoSegmentation: true})
	before, refused, after := h.enters("before"), h.enters("refused"), h.enters("after")
	h.frames("K")
	at := refused.RTPAddress()
	packets := 0
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && c.Peer == at {
			if packets++; packets == 2 || packets == 3 { // a batch may end before it, so it is tried once more
				return unix.EHOSTUNREACH
			}
		}
		return nil
	})
	h.frame(true)
	if packets != 3 || refused.half != 2 {
		t.Fatalf("%d packets were tried, and of frame %d the first came", packets, refused.half)
	}
	refused.half = 0
	h.frames("KK")
	before.counts(4, 0)
	after.counts(4, 0)
	refused.counts(3, 0)
	if f := h.fanout.config.Figures; f.Delivered != 11 || f.Unreachable != 1 {
		t.Errorf("%d delivered, %d refused; want 11 and 1", f.Delivered, f.Unreachable)
	}
}

// TestLostReaderEndsEverything has the observer of a reader that cannot be reached end all there
// is: nothing more is sent.
func TestLostReaderEndsEverything(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	before, lost, after := h.enters("before"), h.enters("lost"), h.enters("after")
	thinned := h.enters("thinned")
	thinned.moveTo(1)
	h.frames("K")
	h.kernel.Inject(sim.FailTo(netip.PrefixFrom(h.socket.Local().Addr(), 32), unix.EHOSTUNREACH))
	told := false
	lost.lost = func() {
		told = true
		h.fanout.Stop()
		for _, v := range []*visitor{before, lost, after, thinned} {
			v.Leave()
		}
		h.fanout.Forget(h.socket)
		if err := h.socket.Close(); err != nil {
			t.Error(err)
		}
	}
	sent := uint64(0)
	for range 70 {
		h.frame(true)
		if told && sent == 0 {
			sent = h.kernel.Calls("Sendmmsg")
		}
		h.run(100 * time.Millisecond)
	}
	if n := h.kernel.Calls("Sendmmsg"); !told || n != sent || h.fanout.Readers() != 0 {
		t.Errorf("told: %v; %d sends afterwards, %d readers", told, n-sent, h.fanout.Readers())
	}
}
