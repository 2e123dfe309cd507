package v4l2

import (
	"errors"
	"time"

	"github.com/camcast/camcast/media"
)

// What a source does for H.264 and H.265, whose frames need others to be decoded.

// takeUnits hands over the frames of H.264 or H.265 that a buffer completes.
func (s *Source) takeUnits(c *session, data []byte, at time.Duration) {
	c.inFrame = true
	c.units.take(data, at, func(f media.Frame) bool { return s.deliver(c, f) })
	c.inFrame = false
	s.figures.Broken += c.units.broken
	c.units.broken = 0
}

// deliver hands over a frame of H.264 or H.265. The first one is a key frame, with which it is known
// what the camera delivers. It returns false if the host has closed the source meanwhile.
func (s *Source) deliver(c *session, f media.Frame) bool {
	if f.Params != c.params {
		c.params = f.Params
		p := *f.Params
		p.FramesPerSecond = c.camera.setup().rate
		s.adopt(p)
		s.coding = p.Format.String()
	}
	if !c.isLive {
		c.isLive = true
		c.keyWait.Stop()
		if c.host.Live(); c.isClosed {
			return false
		}
	}
	f.Params = s.params
	s.figures.Frames++
	c.host.Frame(f)
	return !c.isClosed
}

const (
	// keyInterval is how often a key frame is asked for until the first one comes, which most
	// cameras send at once, and keyWaits how often it is waited for so long. Groups of 10 s are seen.
	keyInterval = time.Second
	keyWaits    = 15
)

var errNoKeyFrame = errors.New("gives no key frame")

// awaitKey waits for the first key frame. The host looks after a camera that is live; of one that is
// not yet, wake-ups can be lost, too.
func (s *Source) awaitKey(c *session) {
	c.keyWait = c.host.NewTimer(func() {
		if c.waits++; c.waits == keyWaits {
			s.lose(c, errNoKeyFrame)
			return
		}
		_ = c.camera.requestKeyFrame() // few cameras can be asked
		c.unwatch()
		s.watch(c)
		if !c.isLive && !c.isClosed && !c.isOver {
			c.keyWait.SetAfter(keyInterval)
		}
	})
	c.keyWait.SetAfter(keyInterval)
}

// RequestKeyFrame asks a camera of H.264 or H.265 for a key frame. The error says that the source is
// no such camera, or that its driver cannot be asked.
func (s *Source) RequestKeyFrame() error {
	c := s.session
	if c == nil || c.isOver || !c.isLive || c.units == nil {
		return errNotAsked
	}
	return c.camera.requestKeyFrame()
}

var errNotAsked = errors.New("the camera is not asked for key frames: it does not deliver H.264 or H.265 now")
