package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

// supervisor opens a stream's source, and opens it again when it is lost. It is the source's
// capture.Host (host.go), and has a watchdog for it (watchdog.go).
type supervisor struct {
	stream  *Stream
	source  capture.Source
	state   State
	open    bool // between source.Open and source.Close
	wasLive bool // ever
	warned  bool // that the source is lost, since it was live
	retry   time.Duration
	again   *loop.Timer // opens a source that is lost
	linger  *loop.Timer // closes a source that nobody watches
	watches []*watch
	watchdog
	err error // of closing the source for good
}

const (
	// retryWait is the wait before a source that is lost is opened again. It is doubled each
	// time until a frame comes, up to maxRetryWait: a camera that is plugged in plays within 5 s,
	// of which its driver may need some to open it.
	retryWait    = 250 * time.Millisecond
	maxRetryWait = 2 * time.Second
)

func newSupervisor(s *Stream, src capture.Source) *supervisor {
	c := &supervisor{stream: s, source: src, state: Idle}
	l := s.broadcaster.loop
	c.again = l.NewTimer(c.begin)
	c.linger = l.NewTimer(c.goIdle)
	c.watchdog.init(c)
	return c
}

// to goes to another state.
func (c *supervisor) to(state State, err error) {
	if c.state == state {
		return
	}
	c.state = state
	if changed := c.stream.options.StateChanged; changed != nil {
		changed(c.stream, state, err)
	}
	if c.state != Opening {
		c.stream.opened()
	}
	if c.state == state {
		c.stream.tellTaps(err)
	}
}

// begin opens the source.
func (c *supervisor) begin() {
	c.to(Opening, nil)
	if c.state == Opening && !c.open { // StateChanged may have closed it
		c.open = true
		c.source.Open(c)
	}
}

// stop closes the source, and watches nothing of it any more.
func (c *supervisor) stop() error {
	c.again.Stop()
	c.linger.Stop()
	c.watchdog.stop()
	if !c.open {
		return nil
	}
	c.open = false
	c.stream.rendition.transcoding.whenIdle(nil)
	err := c.source.Close()
	for len(c.watches) > 0 { // those that the source has left
		_ = c.watches[0].Stop()
	}
	return err
}

// stopForNow closes a source that will be opened again.
func (c *supervisor) stopForNow() {
	if err := c.stop(); err != nil {
		c.stream.log.Warn("source cannot be closed", "error", err)
	}
}

// close closes the source for good. Nobody is told.
func (c *supervisor) close() {
	if c.state == Ended {
		return
	}
	c.state = Ended
	c.err = c.stop()
}

// wanted opens a source that waits for a reader.
func (c *supervisor) wanted() {
	switch c.state {
	case Idle:
		c.begin()
	case Lingering:
		c.linger.Stop()
		c.to(Live, nil)
	}
}

// unwanted has a source that nobody watches go on for a while only.
func (c *supervisor) unwanted() {
	if o := &c.stream.options; c.state == Live && o.AwaitReader && o.Linger > 0 {
		c.linger.SetAfter(o.Linger)
		c.to(Lingering, nil)
	}
}

// goIdle closes the source until the next reader comes.
func (c *supervisor) goIdle() {
	c.stopForNow()
	c.to(Idle, nil)
}

// Live is called by the source when it is open.
func (c *supervisor) Live() {
	if !c.open {
		return
	}
	d := c.source.Describe()
	if d.Params == nil {
		c.Failed(errNoParams)
		return
	}
	if err := c.stream.setParams(d.Params); err != nil {
		c.Failed(err)
		return
	}
	if c.warned {
		c.stream.log.Info("source is open")
	}
	if c.warned && c.wasLive {
		c.stream.figures.Restarts++
	}
	c.warned, c.wasLive = false, true
	if c.stream.options.AwaitReader && !c.stream.isWatched() {
		c.goIdle()
		return
	}
	c.watchdog.start(d)
	c.to(Live, nil)
}

// Frame is called by the source with each frame.
func (c *supervisor) Frame(f media.Frame) {
	if c.open && (c.state == Live || c.state == Lingering) {
		c.retry = 0 // not when it is open: a device that fails at once is to be left alone for longer
		c.watchdog.frameCame()
		c.stream.frame(f)
	}
}

// Lost is called by the source when its device is not there, or has failed. Readers stay.
func (c *supervisor) Lost(err error) {
	if !c.open {
		return
	}
	c.stopForNow()
	switch {
	case c.warned:
		c.stream.log.Debug("source is still not available", "error", err)
	case c.wasLive:
		c.stream.log.Warn("source is lost; trying to open it again", "error", err)
	default:
		c.stream.log.Warn("source is not available yet; waiting for it", "error", err)
	}
	c.warned = true
	c.retry = min(max(2*c.retry, retryWait), maxRetryWait)
	c.again.SetAfter(c.retry)
	c.to(Lost, err)
}

// Failed is called by the source when it cannot be opened as it was asked to be. For one that
// was there before, or was waited for, that may be over soon: the rights of a device are set
// moments after it appears.
func (c *supervisor) Failed(err error) {
	if c.wasLive || c.warned {
		c.Lost(err)
		return
	}
	c.end("the source has failed", err)
}

// Ended is called by the source after its last frame, which may still have to be transcoded.
func (c *supervisor) Ended() {
	if !c.open {
		return
	}
	c.watchdog.stop()
	c.stream.rendition.transcoding.whenIdle(func() { c.end("end of the source", nil) })
}

// end has the readers told that there will be no more frames.
func (c *supervisor) end(reason string, err error) {
	if !c.open {
		return
	}
	s := c.stream
	c.close()
	s.failure = err
	switch {
	case err == nil:
		s.log.Info("stream has ended", "reason", reason)
	case s.options.StateChanged == nil: // else it is for the program to say
		s.log.Error("source has failed", "error", err)
	}
	s.finish(reason)
	s.endSessions("stream ended")
	s.renditions(func(r *Stream) { r.endSessions("stream ended") })
	if changed := s.options.StateChanged; changed != nil {
		changed(s, Ended, err)
	}
}

var errSilent = errors.New("no frame has come")
