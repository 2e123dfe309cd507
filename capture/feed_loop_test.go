package capture_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

// loopHost is a Host on a real loop. It checks what it gets.
type loopHost struct {
	capture.Host
	t    *testing.T
	loop *loop.Loop
	last map[byte]uint16 // the last number of each goroutine
	// after is called after each frame.
	after func()
	n     uint64
}

func (h *loopHost) Post(f func()) error { return h.loop.Post(f) }
func (h *loopHost) Live()               {}
func (h *loopHost) Ended()              {}

func (h *loopHost) Frame(f media.Frame) {
	h.n++
	from, number := f.Bytes[0], uint16(f.Bytes[1])|uint16(f.Bytes[2])<<8
	if len(f.Bytes) != size(from, number) || bytes.Count(f.Bytes[3:], f.Bytes[:1]) != len(f.Bytes)-3 {
		h.t.Errorf("a frame of %d bytes is damaged", len(f.Bytes))
	}
	if last, ok := h.last[from]; ok && number <= last {
		h.t.Errorf("frame %d of goroutine %d comes after %d", number, from, last)
	}
	h.last[from] = number
	h.after()
}

func size(from byte, number uint16) int { return 3 + (int(from)*31+int(number)*17)%2000 }

// TestManyGoroutines push while the feed is closed and opened again and again, on a real
// loop. Each frame that was taken is delivered or counted.
func TestManyGoroutines(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const goroutines, frames = 8, 1000
	f := capture.NewFeed(capture.FeedOptions{Params: pictures, Frames: 3})
	h := &loopHost{t: t, loop: l, last: map[byte]uint16{}}
	h.after = func() {
		if h.n%10 == 0 {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			_ = l.Post(func() { f.Open(h) })
		}
	}
	f.Open(h)
	var pushers sync.WaitGroup
	var taken atomic.Uint64
	for from := range byte(goroutines) {
		pushers.Go(func() {
			for number := range uint16(frames) {
				data := bytes.Repeat([]byte{from}, size(from, number))
				data[1], data[2] = byte(number), byte(number>>8)
				switch err := f.Push(media.Frame{Params: pictures, Bytes: data, Key: true}); {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, capture.ErrClosed):
					t.Errorf("push: %v", err)
				}
				if number%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		pushers.Wait()
		_ = l.Post(func() { // all that was pushed was posted before, or waits for an Open that was
			_ = f.End()
			_ = l.Post(cancel)
		})
	}()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := f.Figures()
	if got.Frames+got.Gaps != taken.Load() || got.Frames != h.n {
		t.Errorf("%+v, %d handed over; want the sum to be %d", got, h.n, taken.Load())
	}
	if h.n == 0 {
		t.Error("no frame was delivered")
	}
}

// TestFeedWakesALoop has the loop wait for nothing but the feed.
func TestFeedWakesALoop(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := capture.NewFeed(capture.FeedOptions{Frames: 1})
	ctx, cancel := context.WithCancel(context.Background())
	delivered := make(chan struct{})
	h := &loopHost{t: t, loop: l, last: map[byte]uint16{}, after: func() { delivered <- struct{}{} }}
	f.Open(h)
	go func() {
		defer cancel()
		for number := range uint16(100) {
			data := make([]byte, size(0, number))
			data[1] = byte(number)
			if err := f.Push(media.Frame{Params: pictures, Bytes: data}); err != nil {
				t.Errorf("push %d: %v", number, err)
				return
			}
			<-delivered // or the test times out
		}
	}()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := f.Figures(); got != (capture.Figures{Frames: 100}) {
		t.Errorf("%+v, want 100 frames and no gaps", got)
	}
}
