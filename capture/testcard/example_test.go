package testcard_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/media"
)

// host is as much of a capture.Host as a test card needs. A program that broadcasts has
// one on its loop.
type host struct {
	capture.Host
	now  time.Duration
	fire func()
	done func()
}

// turn does what a loop does when the timer is due: here the job of a worker has ended at once.
func (h *host) turn() {
	h.fire()
	h.done()
}

func (h *host) Now() time.Duration              { return h.now }
func (h *host) Wall() time.Time                 { return time.Date(2026, 11, 23, 12, 34, 56, 789_000_000, time.Local) }
func (h *host) NewTimer(f func()) capture.Timer { h.fire = f; return h }
func (h *host) Set(due time.Duration)           { h.now = due }
func (h *host) SetAfter(d time.Duration)        { h.now += d }
func (h *host) Stop()                           {}
func (h *host) Work(job func() func())          { h.done = job() }
func (h *host) Live()                           { fmt.Println("live") }

func (h *host) Frame(f media.Frame) {
	picture, err := jpeg.Decode(bytes.NewReader(f.Bytes))
	if err != nil {
		fmt.Println(err)
		return
	}
	number, wall, err := testcard.Read(picture)
	fmt.Println(picture.Bounds().Size(), number, wall.Format("15:04:05.000"), err)
}

func Example() {
	card, err := testcard.New(testcard.Options{Width: 320, Height: 240, FramesPerSecond: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := &host{now: time.Hour}
	card.Open(h)
	h.turn()
	h.turn()
	if err := card.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// live
	// (320,240) 1 12:34:56.789 <nil>
	// (320,240) 2 12:34:56.789 <nil>
}
