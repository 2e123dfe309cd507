package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
)

// source has a stream's camera watched by the loop, and by a watchdog: camera drivers
// lose wake-ups, cameras fall silent, cables are pulled.
type source struct {
	stream  *Stream
	source  capture.Source
	options StreamOptions

	registration *loop.Registration // nil while not watched
	watchdog     *loop.Timer
	silence      time.Duration // what the watchdog bears
	// silent is how often in a row the watchdog found that nothing had come.
	silent int
	// lost: the device is gone or has failed, and is being restarted.
	lost  bool
	retry time.Duration // the wait before the next try to restart
	ended bool
}

const (
	// minSilence is the shortest silence that is suspicious, and silentFrames how
	// many frames must be missing. Cameras halve their rate in the dark.
	minSilence   = time.Second
	silentFrames = 5
	// silentPeriods is how many watchdog periods of silence there are before the
	// device is restarted; before that it is only watched anew.
	silentPeriods = 3
	// restartWait is the wait before the first try to restart a lost device, doubled
	// up to maxRestartWait.
	restartWait    = 250 * time.Millisecond
	maxRestartWait = 4 * time.Second
	// maxPendingFrames is more than any driver has buffers (VIDEO_MAX_FRAME).
	maxPendingFrames = 32
)

func newSource(s *Stream, src capture.Source, o StreamOptions) *source {
	c := &source{stream: s, source: src, options: o, silence: minSilence}
	if rate := s.description.FramesPerSecond; rate > 0 {
		c.silence = max(c.silence, time.Duration(silentFrames*float64(time.Second)/rate))
	}
	c.watchdog = s.cast.loop.NewTimer(c.bark)
	return c
}

// start has the source watched.
func (c *source) start() error {
	if c.registration != nil || c.lost || c.ended {
		return nil
	}
	var err error
	c.registration, err = c.stream.cast.loop.Register(c.source.FD(), loop.Readable, c.ready)
	if err != nil {
		return err
	}
	c.watchdog.SetAfter(c.silence)
	return nil
}

// begin starts a source that has waited for its first reader.
func (c *source) begin() {
	if err := c.start(); err != nil {
		c.stream.log.Error("source cannot be watched", "error", err)
	}
}

// stop takes the source off the loop.
func (c *source) stop() {
	c.watchdog.Stop()
	if c.registration != nil {
		// It can fail only if the fd is closed already.
		_ = c.registration.Unregister()
		c.registration = nil
	}
}

// ready takes a frame; if there are more, the fd stays ready. The conditions are not
// looked at: an error reported by a camera driver can be spurious, so the call that takes
// a frame decides.
func (c *source) ready(loop.Interest) { c.take() }

// take takes one frame and reports whether there may be more.
func (c *source) take() bool {
	f, err := c.source.Next()
	switch {
	case err == nil:
		c.heard()
		c.stream.frame(f)
		c.source.Release()
		return !c.ended
	case errors.Is(err, capture.ErrNotReady):
	case errors.Is(err, capture.ErrEnd):
		c.end("end of the source")
	default:
		c.lose(err)
	}
	return false
}

// heard notes that the source lives.
func (c *source) heard() {
	if c.silent > 0 {
		c.stream.log.Info("source delivers again")
	}
	c.silent, c.retry = 0, 0
	c.watchdog.Set(c.stream.cast.loop.Now() + c.silence)
}

// end has the readers told that there will be no more frames.
func (c *source) end(reason string) {
	c.ended = true
	c.stop()
	c.stream.log.Info("stream has ended", "reason", reason)
	c.stream.endReaders(reason)
	if c.options.Ended != nil {
		c.options.Ended(c.stream)
	}
}

// lose begins to restart a device that has failed or is gone. Its readers stay.
func (c *source) lose(err error) {
	if _, ok := c.source.(capture.Restarter); !ok {
		c.stream.log.Error("source has failed", "error", err)
		c.end("the source has failed")
		return
	}
	c.stream.log.Warn("source is lost; trying to open it again", "error", err)
	c.stop()
	c.lost, c.silent = true, 0
	c.retryLater()
}

func (c *source) retryLater() {
	c.retry = min(max(2*c.retry, restartWait), maxRestartWait)
	c.watchdog.SetAfter(c.retry)
}

// bark is called when nothing has come for too long.
func (c *source) bark() {
	if c.lost {
		c.restart()
		return
	}
	c.silent++
	if c.silent >= silentPeriods {
		if _, ok := c.source.(capture.Restarter); ok {
			c.lose(errSilent)
			return
		}
	}
	c.rewatch()
}

var errSilent = errors.New("no frame has come")

// rewatch cures a lost wake-up: drivers register the waiter only if nothing is
// pending when the fd is added, so what is pending is taken first.
func (c *source) rewatch() {
	c.stream.figures.Revived++
	if c.silent == 1 {
		c.stream.log.Warn("source is silent; watching it anew", "for", c.silence)
	}
	for range maxPendingFrames {
		if !c.take() {
			break
		}
	}
	if c.ended || c.lost {
		return
	}
	c.stop()
	c.begin()
	if c.registration == nil {
		c.watchdog.SetAfter(c.silence)
	}
}

// restart tries to open the device again.
func (c *source) restart() {
	if err := c.source.(capture.Restarter).Restart(); err != nil {
		c.stream.log.Debug("source is still lost", "error", err)
		c.retryLater()
		return
	}
	c.lost = false
	c.stream.figures.Restarts++
	if err := c.start(); err != nil {
		c.lose(err)
		return
	}
	c.stream.log.Info("source is open again")
	c.stream.reopened()
}
