//go:build cgo

package main

import (
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

// follower plays a stream until it is told to finish.
type follower struct {
	client  *client
	stream  string
	scans   [][]byte // that the camera sends in turn
	before  figures
	stopped chan struct{}

	// Of its goroutine, until stopped is closed.
	order   []int
	longest time.Duration // between two pictures
	err     error
}

// follow begins to play a stream over UDP, of a webcam that sends pictures of a size.
func follow(d *process, stream, size string) (*follower, error) {
	sent, err := sentBy(size)
	if err != nil {
		return nil, err
	}
	f := &follower{stream: stream, stopped: make(chan struct{})}
	if f.scans, err = scansOf(sent); err != nil {
		return nil, err
	}
	if f.before, err = d.askFiguresOf(stream); err != nil {
		return nil, err
	}
	if f.client, err = playStream(stream, gortsplib.ProtocolUDP); err != nil {
		return nil, err
	}
	go f.run()
	return f, nil
}

func (f *follower) run() {
	defer close(f.stopped)
	var last time.Time
	for {
		select {
		case picture := <-f.client.pictures:
			now := time.Now()
			if len(f.order) > 0 {
				f.longest = max(f.longest, now.Sub(last))
			}
			last = now
			index, err := indexOf(picture, f.scans)
			if err != nil {
				f.err = fmt.Errorf("after %d pictures: %w", len(f.order), err)
				return
			}
			f.order = append(f.order, index)
		case <-f.client.done:
			return
		}
	}
}

// finish stops, and wants it to have had every frame that the daemon took from the driver.
func (f *follower) finish(d *process) error {
	f.client.close()
	<-f.stopped
	if f.err != nil {
		return f.err
	}
	after, err := d.askFiguresOf(f.stream)
	if err != nil {
		return err
	}
	left, missing := leftOut(f.order, len(f.scans)), after.missing-f.before.missing
	if lost := f.client.missing.Load(); lost > 0 || left > missing || len(f.order) < 2 {
		return fmt.Errorf("its reader has had %d pictures, lacks %d packets and %d pictures, of which the driver left out %d",
			len(f.order), lost, left, missing)
	}
	saw("the other's reader: %d pictures in order, no packet lost, %d pictures left out (by the driver %d), %d ms between two at most",
		len(f.order), left, missing, f.longest.Milliseconds())
	return nil
}
