package view_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/view"
)

// sentFrames is a stream of H.264 or H.265: its frames, and the packets of each.
type sentFrames struct {
	format  media.Format
	frames  []media.Frame
	packets [][][]byte
	// numbers are which frame each timestamp is of. Those of H.264 say when frames are shown, and go back where
	// there are B-frames.
	numbers map[uint32]int
}

// sendFrames makes packets of a stream in proto/nal/testdata, twice: its second half has other
// timestamps.
func sendFrames(tb testing.TB, name string) (s sentFrames) {
	tb.Helper()
	folder := "../proto/nal/testdata"
	if name == "open.h265" {
		folder = "testdata"
	}
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		tb.Fatal(err)
	}
	s.format = media.H264
	assembler := h264.NewAssembler(1 << 20)
	if filepath.Ext(name) == ".h265" {
		s.format, assembler = media.H265, h265.NewAssembler(1<<20)
	}
	stream := nal.NewStream(assembler)
	packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: s.format, PayloadType: 96, SSRC: 77, FirstSequence: 65530, PacketSize: 200, RunPackets: 64})
	if err != nil {
		tb.Fatal(err)
	}
	s.numbers = map[uint32]int{}
	base := 0
	for range 2 {
		stream.Push(data)
		stream.End()
		for {
			f, ok, err := stream.Next()
			if err != nil {
				tb.Fatal(err)
			}
			if !ok {
				break
			}
			if f.Key && stream.Order() == 0 {
				base = len(s.frames)
			}
			at := uint32(3600 * len(s.frames))
			if s.format == media.H264 {
				at = uint32(3600 * (base + stream.Order()/2))
			}
			s.numbers[at] = len(s.frames)
			f.Bytes = bytes.Clone(f.Bytes)
			packets, err := packetizer.Packetize(nil, &f, at)
			if err != nil {
				tb.Fatal(err)
			}
			var list [][]byte
			for i := range packets.Count {
				list = append(list, bytes.Clone(packets.Packet(i)))
			}
			s.frames, s.packets = append(s.frames, f), append(s.packets, list)
		}
	}
	return s
}

// receive pushes frames' packets, one frame an interval, and returns the numbers of those that come out.
// keep says which packets come.
func (s sentFrames) receive(tb testing.TB, b *view.Buffer, keep func(frame, packet int) bool) (got []int) {
	tb.Helper()
	pop := func(now time.Duration) {
		for {
			f, ok := b.Pop(now)
			if !ok {
				return
			}
			n := s.numbers[f.Timestamp]
			if !bytes.Equal(f.Bytes, s.frames[n].Bytes) || f.Format != s.format || f.Key != s.frames[n].Key || !f.Params.Equal(s.frames[n].Params) {
				tb.Errorf("frame %d has other bytes or parameters: key %v", n, f.Key)
			}
			got = append(got, n)
		}
	}
	for n, packets := range s.packets {
		for i, p := range packets {
			if keep(n, i) {
				b.Push(time.Duration(n)*interval, p)
			}
			pop(time.Duration(n) * interval)
		}
	}
	pop(time.Hour)
	return got
}

func all(int, int) bool { return true }

// through are the numbers from first to the one before end.
func through(first, end int) (numbers []int) {
	for n := first; n < end; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// nextKey is the number of the first key frame from n on.
func (s sentFrames) nextKey(n int) int {
	for n < len(s.frames) && !s.frames[n].Key {
		n++
	}
	return n
}

// from are the numbers of the frames that can be decoded from a key frame on: the pictures of its group
// that need the one before are left out, and how many these are.
func (s sentFrames) from(key int) (numbers []int, left int) {
	for n := key; n < len(s.frames); n++ {
		if s.isRASL(n) && n < s.nextKey(key+1) {
			left++
			continue
		}
		numbers = append(numbers, n)
	}
	return numbers, left
}

func (s sentFrames) isRASL(n int) bool {
	unit, _, err := nal.Next(s.frames[n].Bytes)
	return err == nil && s.format == media.H265 && h265.IsRASL(unit)
}

var nalStreams = []string{"baseline.h264", "slices.h264", "bframes.h264", "baseline.h265", "bframes.h265", "open.h265"}

// TestFramesOfUnits has all packets come: all frames come out, in the order in which they were sent.
func TestFramesOfUnits(t *testing.T) {
	for _, name := range nalStreams {
		s := sendFrames(t, name)
		b := view.NewBuffer(20 * time.Millisecond)
		b.SetFormat(s.format, nil)
		if got := s.receive(t, b, all); !slices.Equal(got, through(0, len(s.frames))) || b.NeedsKey() {
			t.Errorf("%s: frames %v", name, got)
		}
		if f := b.Figures(); f.Frames != uint64(len(s.frames)) || f.FramesLost()+f.Lost+f.Skipped+f.FramesSkipped+f.Malformed > 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// TestFormatThatComesLate has packets come before it is known what they carry. They wait.
func TestFormatThatComesLate(t *testing.T) {
	s := sendFrames(t, "baseline.h264")
	b := view.NewBuffer(0)
	for _, p := range s.packets[0] {
		b.Push(0, p)
	}
	if _, ok := b.Pop(time.Hour); ok {
		t.Error("a frame of what is not known")
	}
	if at, ok := b.Next(); ok {
		t.Errorf("it is to be asked again at %v", at)
	}
	b.SetFormat(s.format, nil)
	if f, ok := b.Pop(time.Hour); !ok || !f.Key || !bytes.Equal(f.Bytes, s.frames[0].Bytes) {
		t.Error("the frame that came before does not come out")
	}
}

// TestLossOfUnits drops each packet in turn: what needs the frame does not come out, and a key frame is
// wanted until it comes.
func TestLossOfUnits(t *testing.T) {
	for _, name := range nalStreams {
		s := sendFrames(t, name)
		for frame := 1; frame < len(s.frames)/2; frame++ {
			for packet := range s.packets[frame] {
				if s.frames[frame].Key && packet == 0 {
					continue // the parameter sets, which have come before
				}
				b := view.NewBuffer(0)
				b.SetFormat(s.format, nil)
				wanted := false
				got := s.receive(t, b, func(f, p int) bool {
					wanted = wanted || b.NeedsKey() && f > frame
					return f != frame || p != packet
				})
				next := s.nextKey(frame + 1)
				disposable := s.frames[frame].Disposable
				rest, left := s.from(next)
				if s.isRASL(frame) { // others that lead to the same key frame may need it
					for next = frame + 1; s.isRASL(next); next++ {
					}
					rest, left = through(next, len(s.frames)), 0
				}
				if disposable {
					next, left = frame+1, 0
					rest = through(next, len(s.frames))
				}
				if want := slices.Concat(through(0, frame), rest); !slices.Equal(got, want) {
					t.Fatalf("%s without packet %d of frame %d: frames %v, want %v", name, packet, frame, got, want)
				}
				if want := slices.ContainsFunc(through(frame+1, next), func(n int) bool { return !s.isRASL(n) }); wanted != want || b.NeedsKey() {
					t.Errorf("%s without packet %d of frame %d: a key frame is wanted: %v, want %v", name, packet, frame, wanted, want)
				}
				if f := b.Figures(); f.Lost+f.Skipped != 1 || f.Frames != uint64(len(got)) ||
					f.FramesDamaged+f.FramesMissed+f.FramesSkipped != uint64(len(s.frames)-len(got)-left) {
					t.Errorf("%s without packet %d of frame %d: %+v for %d of %d frames", name, packet, frame, f, len(got), len(s.frames))
				}
			}
		}
	}
}

// TestWholeFramesLost drops some frames in a row, in the order in which they are sent: each is counted, and
// those that need them are, though they are shown in another order.
func TestWholeFramesLost(t *testing.T) {
	for _, name := range []string{"baseline.h264", "bframes.h264"} {
		s := sendFrames(t, name)
		for first := 4; first < len(s.frames)/2; first++ {
			for end := first + 1; end <= first+5; end++ {
				b := view.NewBuffer(0)
				b.SetFormat(s.format, nil)
				got := s.receive(t, b, func(f, _ int) bool { return f < first || f >= end })
				if f := b.Figures(); f.FramesLost()+f.FramesSkipped != uint64(len(s.frames)-len(got)) || f.FramesMissed > 0 || f.FramesSkipped != uint64(end-first) {
					t.Errorf("%s without frames %d to %d: %+v for %d of %d frames", name, first, end-1, f, len(got), len(s.frames))
				}
			}
		}
	}
}

// TestThinnedUnits does not send frames that no other needs. They are not missed.
func TestThinnedUnits(t *testing.T) {
	for _, name := range []string{"bframes.h264", "bframes.h265"} {
		s := sendFrames(t, name)
		b := view.NewBuffer(0)
		b.SetFormat(s.format, nil)
		wanted := 0
		got := s.receive(t, b, func(f, p int) bool {
			if b.NeedsKey() && f > 0 {
				wanted++
			}
			return !s.frames[f].Disposable
		})
		var want []int
		for n, f := range s.frames {
			if !f.Disposable {
				want = append(want, n)
			}
		}
		if len(want) == len(s.frames) {
			t.Fatalf("%s has no frames that no other needs", name)
		}
		if !slices.Equal(got, want) || wanted > 0 || b.Figures().FramesLost() > 0 {
			t.Errorf("%s: frames %v, want %v; a key frame was wanted %d times; %+v", name, got, want, wanted, b.Figures())
		}
	}
}

// TestUnitsFromTheMiddle begins to receive anywhere: nothing comes out before a key frame, which is
// wanted, nor what needs the group before it, and nothing counts as lost.
func TestUnitsFromTheMiddle(t *testing.T) {
	for _, name := range nalStreams {
		s := sendFrames(t, name)
		for first := 1; first < len(s.frames)/2; first++ {
			b := view.NewBuffer(0)
			b.SetFormat(s.format, nil)
			got := s.receive(t, b, func(f, _ int) bool { return f >= first })
			if want, _ := s.from(s.nextKey(first)); !slices.Equal(got, want) {
				t.Errorf("%s from frame %d: %v, want %v", name, first, got, want)
			}
			if f := b.Figures(); f.FramesLost() > 0 || f.Lost > 0 {
				t.Errorf("%s from frame %d: %+v", name, first, f)
			}
		}
	}
}

// TestUnitsBeginAnew has another source come, in the middle of a group.
func TestUnitsBeginAnew(t *testing.T) {
	s := sendFrames(t, "baseline.h264")
	b := view.NewBuffer(0)
	b.SetFormat(s.format, nil)
	for _, p := range s.packets[0] {
		b.Push(0, p)
	}
	for n := range 3 {
		for i, p := range s.packets[n+1] {
			p = bytes.Clone(p)
			p[8]++ // the SSRC
			b.Push(time.Duration(n)*interval, p)
			if _, ok := b.Pop(time.Hour); ok && !s.frames[n+1].Key {
				t.Errorf("packet %d of frame %d of another source gives a picture", i, n+1)
			}
		}
	}
	if b.Figures().Restarts != 1 || !b.NeedsKey() {
		t.Errorf("%+v, needs a key frame: %v", b.Figures(), b.NeedsKey())
	}
}

func TestUnitsAllocateNothing(t *testing.T) {
	s := sendFrames(t, "bframes.h264")
	b := view.NewBuffer(0)
	b.SetFormat(s.format, nil)
	sequence, now := uint16(0), time.Duration(0)
	round := func() {
		for n := range s.packets {
			now += interval
			for _, p := range s.packets[n] {
				p[2], p[3] = byte(sequence>>8), byte(sequence)
				sequence++
				ticks := uint32(now / interval * 3600)
				p[4], p[5], p[6], p[7] = byte(ticks>>24), byte(ticks>>16), byte(ticks>>8), byte(ticks)
				b.Push(now, p)
				b.Pop(now)
			}
		}
	}
	for range 10 { // until each slot has held the largest packet
		round()
	}
	if n := testing.AllocsPerRun(10, round); n > 0 {
		t.Errorf("%v allocations for %d frames", n, len(s.frames))
	}
	if f := b.Figures(); f.FramesLost() > 0 || f.Frames < 100 {
		t.Errorf("%+v", f)
	}
}

// FuzzUnitBuffer has packets of any bytes come: the first frame that comes out is a key frame, and while
// a key frame is needed none does.
func FuzzUnitBuffer(f *testing.F) {
	for _, name := range []string{"slices.h264", "bframes.h265"} {
		s := sendFrames(f, name)
		var data []byte
		for _, packets := range s.packets[:4] {
			for _, p := range packets {
				data = append(append(data, byte(len(p))), p...)
			}
		}
		f.Add(s.format == media.H265, data)
	}
	f.Fuzz(func(t *testing.T, is265 bool, data []byte) {
		b := view.NewBuffer(0)
		format := map[bool]media.Format{false: media.H264, true: media.H265}[is265]
		b.SetFormat(format, nil)
		begun := false
		for now := time.Duration(1); len(data) > 1; now += time.Millisecond {
			n := min(int(data[0]), len(data)-1)
			b.Push(now, data[1:1+n])
			data = data[1+n:]
			restarts := b.Figures().Restarts
			for {
				frame, ok := b.Pop(now)
				if !ok {
					break
				}
				if !begun && !frame.Key || frame.Format != format || frame.Params == nil {
					t.Fatalf("key %v, %v, %+v", frame.Key, frame.Format, frame.Params)
				}
				begun = true
				if b.NeedsKey() {
					t.Fatal("a picture came out, and a key frame is needed")
				}
			}
			begun = begun && restarts == b.Figures().Restarts
		}
	})
}

// group is a film of a key frame in each so many pictures.
func group(h *view.History, n, size int) {
	h.Add(time.Duration(n)*interval, view.Frame{Format: media.H264, Key: n%size == 0, Bytes: fmt.Append(nil, n)})
}

// popped are the numbers of the pictures that Pop returns.
func popped(h *view.History, now time.Duration) string {
	pictures, _ := h.Pop(now)
	text := ""
	for _, p := range pictures {
		text += " " + string(p.Bytes)
	}
	return text
}

// TestHistoryOfGroups goes back and forth among pictures that need others: Pop gives what a decoder
// needs, from a key frame on or from what it has got.
func TestHistoryOfGroups(t *testing.T) {
	h := view.NewHistory(time.Minute, 1<<20)
	const size = 5
	for n := range 12 {
		group(h, n, size)
		if got, want := popped(h, time.Duration(n)*interval), fmt.Sprint(" ", n); got != want {
			t.Fatalf("live: %q, want %q", got, want)
		}
	}
	now := 11 * interval
	for _, c := range []struct {
		steps int
		want  string
	}{{-1, " 10"}, {1, " 11"}, {-3, " 5 6 7 8"}, {1, " 9"}, {-2, " 5 6 7"}, {2, " 8 9"}, {-4, " 5"}, {-1, " 0 1 2 3 4"}, {-9, " 0"}, {8, " 5 6 7 8"}} {
		h.Step(now, c.steps)
		if got := popped(h, now); got != c.want {
			t.Errorf("%+d pictures: %q, want %q", c.steps, got, c.want)
		}
	}
	h.Missed()
	h.Step(now, 1)
	if got := popped(h, now); got != " 5 6 7 8 9" {
		t.Errorf("after the decoder missed some: %q", got)
	}
	h.Resume(now)
	h.Live()
	if got := popped(h, now); got != " 10 11" {
		t.Errorf("live again: %q", got)
	}
	group(h, 12, size)
	group(h, 13, size)
	if got := popped(h, 13*interval); got != " 12 13" {
		t.Errorf("two at once: %q", got)
	}
}

// TestHistoryForgetsGroups keeps whole groups: what is left begins with a key frame, whatever the span
// and the bytes.
func TestHistoryForgetsGroups(t *testing.T) {
	for name, h := range map[string]*view.History{
		"span": view.NewHistory(6*interval, 1<<20), "bytes": view.NewHistory(time.Hour, 12),
	} {
		for n := range 100 {
			group(h, n, 5)
			h.Step(time.Duration(n)*interval, -1000)
			first := popped(h, time.Duration(n)*interval)
			var number int
			if _, err := fmt.Sscan(first, &number); err != nil || number%5 != 0 || n-number > 12 {
				t.Fatalf("%s: the oldest of %d pictures is %q", name, n+1, first)
			}
			h.Resume(time.Duration(n) * interval)
			h.Live()
			popped(h, time.Duration(n)*interval)
		}
	}
	h := view.NewHistory(interval, 1<<20) // shorter than a group, which is kept
	for n := range 50 {
		group(h, n, 100)
		popped(h, time.Duration(n)*interval)
	}
	h.Step(0, -1000)
	if got := popped(h, 0); got != " 0" {
		t.Errorf("the oldest of a long group is %q", got)
	}
	h = view.NewHistory(time.Hour, 10) // fewer bytes than a group, which is given up
	for n := range 99 {
		group(h, n, 50)
		got := popped(h, time.Duration(n)*interval)
		if n%50 > 20 && got != "" {
			t.Fatalf("picture %d of a group that is given up: %q", n, got)
		}
		if n%50 < 5 && got != fmt.Sprint(" ", n) {
			t.Fatalf("picture %d: %q", n, got)
		}
	}
}
