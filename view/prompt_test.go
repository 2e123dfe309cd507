package view_test

import (
	"encoding/binary"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// TestPromptBuffer hands frames on when they are whole, and waits for what is missing alone.
func TestPromptBuffer(t *testing.T) {
	const wait = 50 * time.Millisecond
	s := send(t, 4, 65530, 5)
	for name, c := range map[string]struct {
		change func([]event) []event
		want   []shown
	}{
		"in order": {func(e []event) []event { return e },
			[]shown{{time.Second, 0}, {time.Second + interval, 1}, {time.Second + 2*interval, 2}, {time.Second + 3*interval, 3}}},
		"late by 30 ms": {func(e []event) []event { e[6].at += 30 * time.Millisecond; return e },
			[]shown{{time.Second, 0}, {time.Second + interval + 30*time.Millisecond, 1}, {time.Second + 2*interval, 2}, {time.Second + 3*interval, 3}}},
		"lost": {func(e []event) []event { return slices.Delete(e, 6, 7) },
			[]shown{{time.Second, 0}, {time.Second + interval + wait, 2}, {time.Second + 3*interval, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := view.NewPromptBuffer(wait)
			if got := play(t, b, s, c.change(s.inTime())); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestPromptBufferTimes has frames say when the quickest packets would have brought them.
func TestPromptBufferTimes(t *testing.T) {
	s := send(t, 40, 0, 1<<32-9000)
	b := view.NewPromptBuffer(time.Second)
	for i, p := range s.packets {
		n := i / packetsPerFrame
		jitter := time.Duration(n*7%20) * time.Millisecond
		b.Push(time.Second+time.Duration(n)*interval+jitter, p)
		if f, ok := b.Pop(time.Hour); ok && f.Arrived != time.Second+time.Duration(n)*interval {
			t.Fatalf("frame %d: %v, want %v", n, f.Arrived-time.Second, time.Duration(n)*interval)
		}
	}
}

// TestNumbersThatMatchByChance loses a key frame and the one after it, where the frame numbers of H.264 do not
// show it: 0 and 1 are missing between 1 and 2.
func TestNumbersThatMatchByChance(t *testing.T) {
	s := sendFrames(t, "baseline.h264")
	for name, b := range map[string]*view.Buffer{"a viewer's": view.NewBuffer(0), "a source's": view.NewPromptBuffer(0)} {
		b.SetFormat(s.format, nil)
		lost := len(s.frames) / 2
		got := s.receive(t, b, func(f, _ int) bool { return f != lost && f != lost+1 })
		if want := slices.Concat(through(0, lost), through(s.nextKey(lost+2), len(s.frames))); !slices.Equal(got, want) {
			t.Errorf("%s buffer: frames %v, want %v", name, got, want)
		}
	}
}

// TestTimestampsGoBack has the source set its clock: frames are in time at once, not when the
// quickest packets of before are forgotten.
func TestTimestampsGoBack(t *testing.T) {
	s := send(t, 60, 0, 900000)
	b := view.NewBuffer(50 * time.Millisecond)
	frames := 0
	for i, p := range s.packets {
		n := i / packetsPerFrame
		if n >= 30 {
			binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])-5*90000)
		}
		now := time.Second + time.Duration(n)*interval
		b.Push(now, p)
		for f, ok := b.Pop(now + 50*time.Millisecond); ok; f, ok = b.Pop(now + 50*time.Millisecond) {
			if late := now - f.Arrived; late != 0 {
				t.Fatalf("frame %d arrived %v before its packets", frames, late)
			}
			frames++
		}
	}
	if frames != 60 {
		t.Errorf("%d frames, want 60", frames)
	}
}

// TestBufferIsBounded is sent the largest packets, far apart, by a server that means harm.
func TestBufferIsBounded(t *testing.T) {
	b := view.NewBuffer(time.Hour)
	b.SetFormat(media.H264, nil)
	packet := make([]byte, 65507)
	packet[0] = 0x80
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range 4000 {
		binary.BigEndian.PutUint16(packet[2:], uint16(n*4))
		b.Push(time.Second, packet)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int(after.HeapAlloc) - int(before.HeapAlloc); held > 80<<20 {
		t.Errorf("%d MB are held", held>>20)
	}
	b.Pop(0)
	runtime.KeepAlive(b)
}
