package sealfan

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
	"golang.org/x/sys/unix"
)

var (
	plainForm = Form{PayloadType: 102}
	atOnce    = Form{PayloadType: 120, PlayoutDelayID: 5}
	later     = Form{PayloadType: 120, PlayoutDelayID: 14, DelayMin: 3, DelayMax: MaxDelay}
)

const gcm, cm = srtp.AEADAES128GCM, srtp.AES128CMHMACSHA1

// TestReaders has many readers, by both profiles and in several forms, whose sequence numbers wrap. When the last reader
// of a form has left nothing is laid out in it.
func TestReaders(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20 // three runs
	var guests []*guest
	for i := range 60 {
		profile := []srtp.Profile{gcm, cm}[i/3%2]
		guests = append(guests, h.enters(fmt.Sprint("guest ", i), profile, []Form{plainForm, atOnce, later}[i%3], 1<<16-1-uint64(i)))
	}
	for range 5 {
		h.frames("Kddddxdxdx")
	}
	guests[0].Leave()
	h.frames("Kd")
	h.run(time.Second)
	for i, g := range guests {
		if left := g.missing(); len(left) > 0 || g.came.again > 0 || g.came.highest < 1<<16 {
			t.Fatalf("%s: %d missing, %d twice, the highest index is %d", g.name, len(left), g.came.again, g.came.highest)
		}
		if packets, octets := g.Sent(); packets != uint32(len(g.came.packets)) || octets < packets*100 {
			t.Errorf("%s: %d packets and %d octets are counted of %d", g.name, packets, octets, len(g.came.packets))
		}
		if i == 0 {
			g.has(numbers(1, 50)...)
			continue
		}
		g.has(numbers(1, 52)...)
	}
	if f := h.figures; f.Delivered != 50+59*52 || f.Lags+f.Unreachable > 0 || f.Swept != 52 || h.fan.Readers() != 59 {
		t.Errorf("%+v", f)
	}
	for _, g := range guests {
		g.Leave()
		g.Leave()
	}
	if h.fan.Readers() != 0 || len(h.fan.groups)+len(h.fan.layouts) > 0 || h.ring.InUse() {
		t.Error("something is left of readers who have left")
	}
}

// TestForms has readers want more forms than a stream is laid out in, and one that makes no sense.
func TestForms(t *testing.T) {
	h := newSimHall(t, 1)
	join := func(kind Form) error {
		keys, err := srtp.NewPrivate(gcm, keysOf(gcm, 1), keysOf(gcm, 2), testSSRC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return h.fan.Join(new(Reader), Address{Socket: h.socket, Peer: netip.MustParseAddrPort("10.0.0.9:9999")}, kind, gcm, keys, nil)
	}
	for i := range maxForms {
		if err := join(Form{PayloadType: uint8(96 + i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := join(Form{PayloadType: 96}); err != nil {
		t.Error(err)
	}
	if err := join(Form{PayloadType: 127}); !errors.Is(err, ErrForms) {
		t.Error(err)
	}
	for _, bad := range []Form{{PayloadType: 128}, {PlayoutDelayID: 15}, {DelayMin: 2, DelayMax: 1}, {DelayMax: MaxDelay + 1}} {
		if err := join(bad); err == nil || errors.Is(err, ErrForms) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	h.frames("Kd")
	h.fan.Stop()
}

// TestBeginning has readers come in the middle of a group of pictures. One waits for a key frame, the other is caught up
// from the newest one: it has all frames since, and then goes on with the others.
func TestBeginning(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	first := h.enters("first", gcm, plainForm, 7)
	h.frames("Kdddddddddddddddddddd")
	waits, caught := h.enters("waits", gcm, plainForm, 0), h.enters("caught up", cm, plainForm, 1<<15-1)
	alone := h.enters("alone", gcm, atOnce, 0)
	for _, g := range []*guest{caught, alone} {
		if _, ok := g.CatchUp(); !ok {
			t.Fatal("nobody is caught up")
		}
		if _, ok := g.CatchUp(); ok {
			t.Error("it is caught up twice")
		}
	}
	h.frames("dddddddddddddddddddd")
	if caught.catching || alone.catching {
		t.Error("it is still being caught up")
	}
	h.frames("Kdd")
	first.has(numbers(1, 44)...)
	caught.has(numbers(1, 44)...)
	alone.has(numbers(1, 44)...)
	waits.has(42, 43, 44)
	whole, true_ := caught.whole(), first.whole()
	if late := true_[40].timestamp - whole[0].timestamp; late > 41*900 || whole[0].timestamp == true_[0].timestamp || whole[43].timestamp != true_[43].timestamp {
		t.Errorf("frames were caught up with timestamps from %v on", whole[0])
	}
	if _, ok := first.CatchUp(); ok {
		t.Error("one who has begun is caught up")
	}
}

// TestResend has a third of all packets be lost, of readers some of whom are caught up: those that they ask for come
// again, as they were.
func TestResend(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 10
	first := h.enters("first", gcm, plainForm, 7)
	h.frames("Kdddd")
	h.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{Loss: 0.3})
	caught := h.enters("caught up", cm, plainForm, 1<<15-1)
	caught.CatchUp()
	for range 30 {
		h.frames("d")
		for _, g := range []*guest{first, caught} {
			for _, sequence := range g.missing() {
				g.Resend(sequence)
			}
		}
	}
	h.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{})
	h.run(2 * time.Second)
	h.frames("dd")
	for _, g := range []*guest{first, caught} {
		for _, sequence := range g.missing() {
			if !g.Resend(sequence) {
				t.Errorf("%s does not get %d again", g.name, sequence)
			}
			h.turn()
		}
	}
	h.run(time.Second)
	for _, g := range []*guest{first, caught} {
		from := g.whole()[0].number
		if len(g.missing()) > 0 || from > 6 {
			t.Errorf("%s: %d missing, from frame %d on", g.name, len(g.missing()), from)
		}
		if got := g.decodes(); got[len(got)-1] != 37 || len(got) != int(38-from) {
			t.Errorf("%s: %v", g.name, got)
		}
	}
	h.run(time.Second)
	before, n := h.socket.Counters().Messages, 0
	for range 1000 {
		if first.Resend(uint16(first.came.highest)) {
			n++
			h.turn()
		}
	}
	if sent := h.socket.Counters().Messages - before; n != resentMost || sent != resentMost {
		t.Errorf("of 1000 packets that were asked for again in a second %d were sent, %d messages", n, sent)
	}
	for _, sequence := range []uint16{uint16(first.came.highest) + 1, uint16(first.came.highest) - 2000} {
		h.run(2 * time.Second)
		if first.Resend(sequence) {
			t.Errorf("packet %d was sent again", sequence)
		}
	}
}

// TestFullSocket has the socket be full in the middle of a frame: all go on where they were.
func TestFullSocket(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	var guests []*guest
	for i := range 40 {
		guests = append(guests, h.enters(fmt.Sprint("guest ", i), gcm, plainForm, 1<<15-1))
	}
	h.frames("K")
	h.fill()
	h.publish('d')
	guests[5].Leave()
	h.run(time.Second)
	h.frames("dKdd")
	for i, g := range guests {
		if i != 5 {
			g.has(numbers(1, 6)...)
		}
		if len(g.missing()) > 0 {
			t.Errorf("%s: %d missing", g.name, len(g.missing()))
		}
	}
}

// TestUnreachable has one reader not be reached: it goes on with a key frame, and is lost when that has lasted.
func TestUnreachable(t *testing.T) {
	h := newSimHall(t, 1)
	there, away := h.enters("there", gcm, plainForm, 0), h.enters("away", gcm, plainForm, 0)
	isAway := false
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && c.Peer == away.at && isAway {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	h.frames("Kd")
	isAway = true
	h.frames("xd")
	isAway = false
	h.frames("ddKd")
	there.has(numbers(1, 8)...)
	away.has(1, 2, 7, 8)
	isAway = true
	for range 600 {
		h.frames("K")
	}
	if away.lost == 0 || there.lost > 0 {
		t.Errorf("lost: %d, %d", away.lost, there.lost)
	}
}

// TestResendAcrossTheWrap has a reader ask for all packets of a few frames again, between which and in one of which its
// sequence numbers wrap.
func TestResendAcrossTheWrap(t *testing.T) {
	for _, before := range []uint64{1, 5, 18} {
		h := newSimHall(t, 1)
		h.packets = 20
		g := h.enters("guest", gcm, plainForm, 1<<16-before)
		h.frames("Kdd")
		asked := 0
		for index := range g.came.packets {
			asked++
			if !g.Resend(uint16(index)) {
				t.Errorf("packet %d was not sent again", index)
			}
		}
		h.run(time.Second)
		if g.came.again != asked || asked < 50 {
			t.Errorf("%d of %d packets have come again", g.came.again, asked)
		}
	}
}

// TestMove has readers move to other addresses, one of them to those of another socket.
func TestMove(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	stays, moves, changes := h.enters("stays", gcm, plainForm, 0), h.enters("moves", gcm, plainForm, 0), h.enters("changes", gcm, plainForm, 0)
	h.frames("Kd")
	h.fill()
	h.publish('d')
	for _, g := range []*guest{moves, changes} {
		h.listen(g)
	}
	moves.Move(Address{Socket: h.socket, Peer: moves.at})
	changes.Move(Address{Socket: h.other, Peer: changes.at})
	asked := h.asked
	h.run(time.Second)
	h.frames("dKdd")
	stays.has(numbers(1, 7)...)
	moves.has(numbers(1, 7)...)
	if got := changes.decodes(); asked == 0 || len(got) < 5 || got[len(got)-3] != 5 || h.other.Counters().Messages == 0 {
		t.Errorf("%v, asked %d times", got, asked)
	}
	if moves.Peer() != moves.at || changes.Peer() != changes.at || h.fan.Readers() != 3 {
		t.Error("somebody is not where it has moved to")
	}
	moves.Rest(true)
	moves.Rest(true)
	h.frames("Kd")
	moves.Alive()
	h.frames("dKd")
	if got := moves.decodes(); got[len(got)-3] != 7 || got[len(got)-1] != 12 || h.figures.Resting != 0 {
		t.Errorf("%v, %d rest", got, h.figures.Resting)
	}
}

// TestThinning has a reader report loss, and later none, or a narrow way: it is sent fewer frames, with no gap in its
// numbers, and then all again.
func TestThinning(t *testing.T) {
	for _, c := range []struct {
		name  string
		group string
		lost  uint8
		bits  uint64
		want  uint8
	}{
		{"little", "Kxdxdxdxdx", 5, 0, fanout.NeededFrames},
		{"much", "Kxdxdxdxdx", 200, 0, fanout.KeyFrames},
		{"no frames that none needs", "Kddddddddd", 5, 0, fanout.KeyFrames},
		{"a narrow way", "Kddddddddd", 0, 50_000, fanout.KeyFrames},
		{"a way that is wide enough", "Kddddddddd", 0, 10_000_000, fanout.AllFrames},
		{"nothing", "Kxdxdxdxdx", 0, 0, fanout.AllFrames},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newSimHall(t, 1)
			g, other := h.enters("reader", gcm, plainForm, 0), h.enters("other", gcm, plainForm, 0)
			cumulative := int32(0)
			report := func(lost uint8, bits uint64) {
				n := g.came.highest - g.lastReported
				g.lastReported = g.came.highest
				cumulative += int32(n) * int32(lost) / 256
				if bits > 0 {
					g.Rated(bits)
				}
				g.Reported(rtcp.ReceptionReport{FractionLost: lost, CumulativeLost: cumulative, HighestSequence: uint32(g.came.highest)})
			}
			second := func(lost uint8, bits uint64) {
				for range 10 {
					h.frames(c.group)
				}
				report(lost, bits)
			}
			if c.bits > 0 {
				second(0, c.bits) // from when on the rate is measured
			}
			for range 2 {
				second(c.lost, c.bits)
			}
			if level := g.level; level != c.want || g.Thinned() != (c.want > 0) || h.figures.Thinned != uint64(min(c.want, 1)) {
				t.Fatalf("level %d, want %d; %d are thinned", level, c.want, h.figures.Thinned)
			}
			before := g.Frames()
			second(c.lost, c.bits)
			if n, want := g.Frames()-before, []uint64{100, 50, 10}[c.want]; n != want {
				t.Errorf("%d frames in a second, want %d", n, want)
			}
			for range 40 {
				part := byte(0)
				if g.thinning != nil {
					part = g.thinning.Part()
				}
				before := g.Frames()
				second(0, 100_000_000)
				// Of the second after a report a trial takes one group; the report at its end may begin the next part.
				if n := g.Frames() - before; part == 1 && n > 60 {
					t.Errorf("%d frames were sent in a second with a trial", n)
				}
			}
			if g.level != 0 || g.Thinned() || h.figures.Thinned != 0 {
				t.Errorf("level %d in the end, %d are thinned", g.level, h.figures.Thinned)
			}
			g.decodes()
			if len(g.missing())+len(other.missing()) > 0 || other.Frames() != h.ring.Newest() {
				t.Errorf("%d missing; the other one has %d of %d frames", len(g.missing()), other.Frames(), h.ring.Newest())
			}
		})
	}
}

// TestNoAllocations sends frames to many readers on the real kernel, some of them thinned.
func TestNoAllocations(t *testing.T) {
	h, readers := crowd(t, 100)
	send := func() {
		h.publishBytes(h.ring.Newest()%10 == 0)
		h.sendAll(readers[0])
	}
	readers[3].level, readers[4].level = fanout.NeededFrames, fanout.KeyFrames
	for range 200 { // until every slot of the ring has its buffer
		send()
	}
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
	if readers[0].Frames() < 200 {
		t.Errorf("%d frames were sent", readers[0].Frames())
	}
}

// crowd is a hall on the real kernel with readers to whom nobody listens.
func crowd(t *testing.T, n int) (*hall, []*Reader) {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	h := newHall(t, l, netip.MustParseAddrPort("127.0.0.1:0"))
	t.Cleanup(func() { h.fan.Stop(); l.Close() })
	readers := make([]*Reader, n)
	for i := range readers {
		keys, err := srtp.NewPrivate(gcm, keysOf(gcm, byte(i)), keysOf(gcm, byte(i+1)), testSSRC, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		readers[i] = new(Reader)
		at := Address{Socket: h.socket, Peer: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(20000+i))}
		if err := h.fan.Join(readers[i], at, atOnce, gcm, keys, &guest{}); err != nil {
			t.Fatal(err)
		}
	}
	return h, readers
}

// TestReaderMemory measures what a reader costs, its keys included.
func TestReaderMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const readers = 1000
	before := heap()
	h, all := crowd(t, readers)
	for range 20 {
		h.publishBytes(h.ring.Newest()%10 == 0)
		h.sendAll(all[0])
	}
	each := (heap() - before) / readers
	t.Logf("a reader has %d bytes", each)
	if each > 6<<10 || all[0].Frames() == 0 {
		t.Errorf("a reader has %d bytes, want at most 6 kB; it was sent %d frames", each, all[0].Frames())
	}
}
