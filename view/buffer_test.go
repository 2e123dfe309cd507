package view_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/view"
)

const (
	interval        = 40 * time.Millisecond
	packetsPerFrame = 5
)

// sent is a stream as it was sent: its packets, and the scans of its frames.
type sent struct {
	packets [][]byte // all frames', packetsPerFrame each
	scans   [][]byte
}

// send makes a stream that begins with a sequence number and a timestamp.
func send(tb testing.TB, frames int, sequence uint16, timestamp uint32) sent {
	tb.Helper()
	packetizer, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 77, FirstSequence: sequence, PacketSize: 400, RunPackets: 64})
	if err != nil {
		tb.Fatal(err)
	}
	clock := rtp.NewClock(timestamp)
	var s sent
	for n := range frames {
		img := &jpeg.Image{Width: 64, Height: 64, Type: jpeg.Type420, Scan: make([]byte, 1600)}
		for i := range img.Luma {
			img.Luma[i], img.Chroma[i] = 1, 1
		}
		for i := range img.Scan {
			img.Scan[i] = byte((n*7 + i) % 251)
		}
		packets, err := packetizer.Packetize(nil, img, clock.At(time.Duration(n)*interval))
		if err != nil || packets.Count != packetsPerFrame {
			tb.Fatalf("%d packets, %v", packets.Count, err)
		}
		for i := range packets.Count {
			s.packets = append(s.packets, bytes.Clone(packets.Packet(i)))
		}
		s.scans = append(s.scans, img.Scan)
	}
	return s
}

// event is the arrival of a packet.
type event struct {
	at     time.Duration
	packet int
}

// shown is a frame that came out.
type shown struct {
	at    time.Duration
	frame int
}

// play has packets arrive at their times and takes frames out as soon as they are due.
func play(tb testing.TB, b *view.Buffer, s sent, events []event) (out []shown) {
	tb.Helper()
	slices.SortStableFunc(events, func(x, y event) int { return cmp.Compare(x.at, y.at) })
	pop := func(now time.Duration) {
		for {
			f, ok := b.Pop(now)
			if !ok {
				return
			}
			out = append(out, shown{now, s.frame(tb, f)})
		}
	}
	until := func(end time.Duration) {
		for {
			next, ok := b.Next()
			if !ok || next > end {
				return
			}
			pop(next)
			if again, ok := b.Next(); ok && again <= next {
				tb.Fatalf("at %v it is to be asked again at %v", next, again)
			}
		}
	}
	for _, e := range events {
		until(e.at)
		b.Push(e.at, s.packets[e.packet])
		pop(e.at)
	}
	until(time.Hour)
	return out
}

// frame finds out which frame this is: every byte must be as it was sent.
func (s sent) frame(tb testing.TB, f view.Frame) int {
	tb.Helper()
	var img jpeg.Image
	if err := img.Parse(f.Bytes); err != nil {
		tb.Fatal(err)
	}
	for n, scan := range s.scans {
		if bytes.Equal(img.Scan, scan) {
			if want := binary.BigEndian.Uint32(s.packets[n*packetsPerFrame][4:]); f.Timestamp != want {
				tb.Fatalf("frame %d has timestamp %d, want %d", n, f.Timestamp, want)
			}
			return n
		}
	}
	tb.Fatal("a picture that was not sent")
	return -1
}

// inTime is every packet's arrival on a network that takes no time.
func (s sent) inTime() (events []event) {
	for i := range s.packets {
		events = append(events, event{time.Second + time.Duration(i/packetsPerFrame)*interval, i})
	}
	return events
}

func numbers(out []shown) (n []int) {
	for _, s := range out {
		n = append(n, s.frame)
	}
	return n
}

func TestBufferInOrder(t *testing.T) {
	s := send(t, 10, 65530, 1<<32-90000/10) // both wrap
	b := view.NewBuffer(0)
	out := play(t, b, s, s.inTime())
	if got := fmt.Sprint(numbers(out)); got != "[0 1 2 3 4 5 6 7 8 9]" {
		t.Errorf("frames %v", got)
	}
	for _, o := range out {
		if want := time.Second + time.Duration(o.frame)*interval; o.at != want {
			t.Errorf("frame %d at %v, want %v: without a delay it is due at once", o.frame, o.at, want)
		}
	}
	if f := b.Figures(); f != (view.Figures{Packets: 50, Frames: 10}) {
		t.Errorf("%+v", f)
	}
}

func TestBufferFaults(t *testing.T) {
	const late = 25 * time.Millisecond
	for _, c := range []struct {
		name   string
		delay  time.Duration
		change func([]event) []event
		frames string
		want   view.Figures
	}{
		{"a packet is lost", 0, func(e []event) []event { return slices.Delete(e, 7, 8) }, "[0 2 3 4 5]",
			view.Figures{Packets: 29, Frames: 5, Lost: 1, FramesDamaged: 1}},
		{"a frame's last packet is lost", 0, func(e []event) []event { return slices.Delete(e, 14, 15) }, "[0 1 3 4 5]",
			view.Figures{Packets: 29, Frames: 5, Lost: 1, FramesDamaged: 1}},
		{"two frames vanish", 0, func(e []event) []event { return slices.Delete(e, 15, 25) }, "[0 1 2 5]",
			view.Figures{Packets: 20, Frames: 4, Skipped: 10, FramesSkipped: 2}},
		{"two frames vanish and the last packet before them", 0, func(e []event) []event { return slices.Delete(e, 14, 25) }, "[0 1 5]",
			view.Figures{Packets: 19, Frames: 3, Lost: 11, FramesDamaged: 1, FramesMissed: 2}},
		{"two frames vanish and the first packet after them", 0, func(e []event) []event { return slices.Delete(e, 10, 21) }, "[0 1 5]",
			view.Figures{Packets: 19, Frames: 3, Lost: 11, FramesDamaged: 1, FramesMissed: 2}},
		{"the frame after the first vanishes", 0, func(e []event) []event { return slices.Delete(e, 5, 10) }, "[0 2 3 4 5]",
			view.Figures{Packets: 25, Frames: 5, Skipped: 5, FramesSkipped: 1}},
		{"a frame vanishes, and another one's packet", 0, func(e []event) []event { return slices.Delete(slices.Delete(e, 22, 23), 10, 15) }, "[0 1 3 5]",
			view.Figures{Packets: 24, Frames: 4, Skipped: 5, FramesSkipped: 1, Lost: 1, FramesDamaged: 1}},
		{"a whole frame is late, beyond the delay", 20 * time.Millisecond, func(e []event) []event {
			for i := 10; i < 15; i++ {
				e[i].at += 3 * interval
			}
			return e
		}, "[0 1 3 4 5]", view.Figures{Packets: 30, Frames: 5, Lost: 5, Late: 5, FramesSkipped: 1}},
		{"all comes twice", 0, func(e []event) []event { return append(e, e...) }, "[0 1 2 3 4 5]",
			view.Figures{Packets: 60, Frames: 6, Duplicates: 30}},
		{"a packet is late, without a delay", 0, func(e []event) []event { e[7].at += late; return e }, "[0 2 3 4 5]",
			view.Figures{Packets: 30, Frames: 5, Lost: 1, Late: 1, FramesDamaged: 1}},
		{"a packet is late, within the delay", 30 * time.Millisecond, func(e []event) []event { e[7].at += late; return e }, "[0 1 2 3 4 5]",
			view.Figures{Packets: 30, Frames: 6, Reordered: 1}},
		{"a packet is late, beyond the delay", 20 * time.Millisecond, func(e []event) []event { e[7].at += late; return e }, "[0 2 3 4 5]",
			view.Figures{Packets: 30, Frames: 5, Lost: 1, Late: 1, FramesDamaged: 1}},
		{"the first two overtake each other", 30 * time.Millisecond, func(e []event) []event { e[0].at += late; return e }, "[0 1 2 3 4 5]",
			view.Figures{Packets: 30, Frames: 6, Reordered: 1}},
	} {
		s := send(t, 6, 65530, 5)
		b := view.NewBuffer(c.delay)
		out := play(t, b, s, c.change(s.inTime()))
		if got := fmt.Sprint(numbers(out)); got != c.frames {
			t.Errorf("%s: frames %v, want %v", c.name, got, c.frames)
		}
		if f := b.Figures(); f != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, f, c.want)
		}
	}
}

// TestBufferSmooths has packets take up to 50 ms more or less, some twice, and wants every
// frame at its time, as the delay is longer than that.
func TestBufferSmooths(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := send(t, 60, uint16(random.Uint32()), random.Uint32())
		var events []event
		for _, e := range s.inTime() {
			for range 1 + random.IntN(2) {
				events = append(events, event{e.at + time.Duration(random.IntN(50))*time.Millisecond, e.packet})
			}
		}
		// One as quick as can be, at the beginning, sets the pace.
		events = append(events, event{time.Second, 0})
		const delay = 60 * time.Millisecond
		b := view.NewBuffer(delay)
		out := play(t, b, s, events)
		for i, o := range out {
			if want := time.Second + time.Duration(i)*interval + delay; o.frame != i || o.at != want {
				t.Fatalf("seed %d: frame %d at %v, want frame %d at %v", seed, o.frame, o.at, i, want)
			}
		}
		if f := b.Figures(); f.Frames != 60 || f.Lost != 0 || f.FramesLost() != 0 {
			t.Fatalf("seed %d: %+v", seed, f)
		}
	}
}

// TestBufferOnABadNetwork wants, of frames that came whole within the delay, all, in
// order, once; and of the others none.
func TestBufferOnABadNetwork(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		const frames, delay = 100, 45 * time.Millisecond
		const undisturbed = (frames - 1) * packetsPerFrame // nothing after it would tell
		s := send(t, frames, uint16(random.Uint32()), random.Uint32())
		var want []int
		var events []event
		for _, e := range s.inTime() {
			if e.packet%packetsPerFrame == 0 {
				want = append(want, e.packet/packetsPerFrame)
			}
			took := time.Duration(random.IntN(40)) * time.Millisecond
			lost := e.packet >= 2*packetsPerFrame && e.packet < undisturbed && random.IntN(40) == 0
			switch {
			case lost && random.IntN(2) == 0: // never comes
			case lost:
				// Comes too late: when the next frame is due, for the last packets of
				// this one are not missed before.
				events = append(events, event{e.at + took + delay + interval + time.Millisecond, e.packet})
			default:
				events = append(events, event{e.at + took, e.packet})
			}
			if last := len(want) - 1; lost && last >= 0 && want[last] == e.packet/packetsPerFrame {
				want = want[:last]
			}
		}
		events = append(events, event{time.Second, 0}) // the quickest
		b := view.NewBuffer(delay)
		got := numbers(play(t, b, s, events))
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: frames %v, want %v", seed, got, want)
		}
		f := b.Figures()
		last := 0 // frames after the last one that came are not known of
		if len(want) > 0 {
			last = want[len(want)-1]
		}
		if lost := uint64(last + 1 - len(want)); f.FramesLost() < lost || f.FramesLost() > lost+uint64(frames-1-last) {
			t.Fatalf("seed %d: %d frames lost, want %d: %+v", seed, f.FramesLost(), lost, f)
		}
	}
}

func TestBufferRestarts(t *testing.T) {
	first, second := send(t, 5, 100, 100), send(t, 5, 30000, 1<<31)
	b := view.NewBuffer(20 * time.Millisecond)
	if got := len(play(t, b, first, first.inTime())); got != 5 {
		t.Fatalf("%d frames", got)
	}
	// A stray packet changes nothing.
	b.Push(2*time.Second, second.packets[7])
	if f := b.Figures(); f.Strange != 1 || f.Restarts != 0 {
		t.Errorf("after a stray packet: %+v", f)
	}
	events := second.inTime()
	for i := range events {
		events[i].at += 2 * time.Second
	}
	// The first packet of the new row is not believed: its frame is lost.
	if got := fmt.Sprint(numbers(play(t, b, second, events))); got != "[1 2 3 4]" {
		t.Errorf("frames %v after a restart", got)
	}
	if f := b.Figures(); f.Restarts != 1 {
		t.Errorf("%+v", f)
	}
	// Another SSRC needs no proof.
	for _, p := range first.packets {
		binary.BigEndian.PutUint32(p[8:], 78)
	}
	if got := len(play(t, b, first, first.inTime())); got != 5 {
		t.Errorf("%d frames of another source", got)
	}
}

// TestBufferOutage has nothing come through for more packets than a receiver should believe
// at once: that is no restart, and what is missing counts.
func TestBufferOutage(t *testing.T) {
	const frames, before, missing = 1000, 10, 900
	s := send(t, frames, 65000, 1<<32-5000)
	b := view.NewBuffer(20 * time.Millisecond)
	got := 0
	for _, e := range s.inTime() {
		for _, whole := b.Pop(e.at); whole; _, whole = b.Pop(e.at) {
			got++
		}
		if frame := e.packet / packetsPerFrame; frame < before || frame >= before+missing {
			b.Push(e.at, s.packets[e.packet])
		}
	}
	for _, whole := b.Pop(time.Hour); whole; _, whole = b.Pop(time.Hour) {
		got++
	}
	// The first packet after it is not believed: its frame is lost.
	if got != frames-missing-1 {
		t.Errorf("%d frames, want %d", got, frames-missing-1)
	}
	if f := b.Figures(); f.Restarts != 0 || f.Lost != missing*packetsPerFrame+1 || f.FramesLost() != missing+1 {
		t.Errorf("%+v: want %d frames lost", f, missing+1)
	}
}

// TestBufferGrows holds two seconds of packets, more than it has slots for at first.
func TestBufferGrows(t *testing.T) {
	s := send(t, 50, 0, 0)
	b := view.NewBuffer(2 * time.Second)
	if got := len(play(t, b, s, s.inTime())); got != 50 {
		t.Errorf("%d frames, want 50", got)
	}
	if f := b.Figures(); f.Lost != 0 {
		t.Errorf("%+v", f)
	}
}

func TestBufferRefusesJunk(t *testing.T) {
	b := view.NewBuffer(0)
	for _, p := range [][]byte{nil, make([]byte, 11), make([]byte, 100), bytes.Repeat([]byte{0x80}, 70000)} {
		if b.Push(0, p) {
			t.Errorf("%d bytes of junk are taken", len(p))
		}
	}
	// It may look like RTP, but not like JPEG.
	b.Push(0, append([]byte{0x80, 26, 0, 1}, make([]byte, 12)...))
	if _, ok := b.Pop(0); ok {
		t.Error("a frame of nothing")
	}
	if f := b.Figures(); f.Malformed != 5 {
		t.Errorf("%+v", f)
	}
}

func TestBufferAllocatesNothing(t *testing.T) {
	s := send(t, 200, 0, 0)
	b := view.NewBuffer(100 * time.Millisecond)
	n := 0
	round := func() {
		for range 50 * packetsPerFrame {
			now := time.Duration(n/packetsPerFrame) * interval
			p := s.packets[n%len(s.packets)]
			binary.BigEndian.PutUint16(p[2:], uint16(n))
			binary.BigEndian.PutUint32(p[4:], uint32(n/packetsPerFrame)*3600)
			b.Push(now, p)
			b.Pop(now)
			n++
		}
	}
	round()
	if allocs := testing.AllocsPerRun(5, round); allocs != 0 {
		t.Errorf("%v allocations for 50 frames, want 0", allocs)
	}
	if f := b.Figures(); f.FramesLost() != 0 || f.Frames < 200 {
		t.Errorf("%+v", f)
	}
}

func FuzzBuffer(f *testing.F) {
	s := send(f, 2, 65533, 0)
	f.Add(uint16(0), slices.Concat(s.packets[:2]...))
	f.Add(uint16(50), s.packets[0])
	f.Fuzz(func(t *testing.T, delay uint16, data []byte) {
		b := view.NewBuffer(time.Duration(delay) * time.Millisecond)
		now := time.Duration(0)
		for len(data) > 2 { // two bytes say when and how long
			now += time.Duration(data[0]) * time.Millisecond
			n := min(int(data[1]), len(data)-2)
			b.Push(now, data[2:2+n])
			data = data[2+n:]
			for {
				if _, ok := b.Pop(now); !ok {
					break
				}
			}
			if next, ok := b.Next(); ok && next <= now {
				t.Fatalf("at %v it is to be asked again at %v", now, next)
			}
		}
	})
}
