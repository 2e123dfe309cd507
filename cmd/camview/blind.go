package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/view"
)

// blindTime is how long packets may come without a picture, besides the buffer's delay, until the
// viewer says why.
const blindTime = 2 * time.Second

// blindness notices that packets come to a reader, but no picture.
type blindness struct {
	reader *reader
	timer  *loop.Timer
	limit  time.Duration
	// waiting: packets have come since the last picture, the first one at since and the last one
	// at last. before is what the buffer had counted at since.
	waiting     bool
	since, last time.Duration
	before      view.Figures
	told        bool // since the last picture
}

func newBlindness(r *reader) *blindness {
	b := &blindness{reader: r, limit: blindTime + r.viewer.settings.buffer}
	b.timer = r.viewer.loop.NewAwakeTimer(b.expired)
	return b
}

// packet notes that an RTP packet has come. now is Loop.Awake.
func (b *blindness) packet(now time.Duration) {
	if !b.waiting || now-b.last > silentTime {
		b.waiting, b.since, b.before = true, now, b.reader.reception.Buffer().Figures()
		if _, set := b.timer.Due(); !set {
			b.timer.SetAfter(b.limit)
		}
	}
	b.last = now
}

// picture notes that a picture could be shown.
func (b *blindness) picture() {
	b.waiting = false
	if b.told {
		b.told = false
		b.reader.viewer.sees()
	}
}

// reset forgets the packets of a session that is over.
func (b *blindness) reset() {
	b.waiting = false
	b.timer.Stop()
}

// expired says why there is no picture, once, if packets have come for too long.
func (b *blindness) expired() {
	switch now := b.reader.viewer.loop.Awake(); {
	case !b.waiting || b.told: // the next packet sets the timer
	case now-b.since < b.limit:
		b.timer.SetAfter(b.since + b.limit - now)
	case b.last-b.since < b.limit: // only a few have come, at once
		b.timer.SetAfter(blindTime / 4)
	default:
		b.told = true
		b.reader.viewer.blind(b.reader, fmt.Errorf("packets come, but no picture: %w", b.reason()))
	}
}

// reason is why no picture could be shown since the packets came.
func (b *blindness) reason() error {
	buffer := b.reader.reception.Buffer()
	f := buffer.Figures()
	lost, packets := f.Lost-b.before.Lost, f.Packets-b.before.Packets
	switch {
	case buffer.Fault() != nil:
		return buffer.Fault()
	case lost > 0:
		return fmt.Errorf("each one lacks packets (%d are missing, %d have come)", lost, packets)
	case buffer.NeedsKey():
		return errors.New("no key frame has come, with which pictures can begin")
	case f.Strange > b.before.Strange:
		return errors.New("the packets' sequence numbers jump")
	}
	return errors.New("none of the packets begins one (offset 0), or none ends one (marker)")
}

// silence says what a server does that sends no RTP.
func (r *reader) silence() error {
	if r.strays > 0 {
		return fmt.Errorf("%w that is RTP (%d other packets have come)", errSilent, r.strays)
	}
	return errSilent
}
