package file

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/beat"
	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// Source is a file that is played. It implements capture.Source.
//
// All that is done with files runs in jobs of the host, a bounded piece in each, and there is
// never more than one job that reads.
type Source struct {
	options Options
	params  *media.Params // nil until a picture was seen
	given   *media.Params // what params were made of
	rate    float64       // frames per second, 0 until a picture was seen
	timing  coded.Timing
	figures capture.Figures
	// from is where to go on after a loss.
	from    resume
	wasLive bool // ever

	session *session // nil: closed
	// isBusy: a job reads. A session that is made meanwhile waits.
	isBusy bool
	// said are the kinds of things that were logged once.
	saidTurned, saidUnwatched, saidEmpty, saidDropped, saidBroken, saidRate bool
	mostBytes                                                               int // that a job has read
}

// New makes a source of a file or folder, which need not be there yet. Its errors say what
// is wrong with the options.
func New(o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Source{options: o}, nil
}

// Describe says what the file delivers. Its size is that of the last picture.
func (s *Source) Describe() capture.Description {
	coding := "JPEG"
	if s.params != nil {
		coding = s.params.Format.String()
	}
	if s.options.Loop {
		coding += ", played again and again"
	} else {
		coding += ", played once"
	}
	return capture.Description{Source: s.options.Path, Coding: coding, Params: s.params}
}

// Open has the file opened, and reports that it is live when the first picture was found. If there
// is none, or the file cannot be had, or Options.Check refuses the picture, the source has failed.
// The file is then played, one picture a beat, from its beginning, or from where it was if the
// source was lost. A loop that is late gets the pictures that it missed one by one, at the file's
// rate, not at once.
//
// A file that cannot be read any more is lost.
func (s *Source) Open(host capture.Host) {
	c := &session{host: host, player: &player{options: s.options, from: s.from, wasLive: s.wasLive, watcher: watcher{fd: -1}}}
	c.timer = host.NewTimer(func() {
		c.isWaiting = false
		s.read(c)
	})
	c.rescan = host.Now() + rescanInterval
	s.session = c
	if !s.isBusy {
		s.work(c)
	}
}

// read has the next picture read, unless that is being done or is to wait.
func (s *Source) read(c *session) {
	if s.isBusy || c.isReady || c.isEnded || c.isWaiting || c.isOver {
		return
	}
	if now := c.host.Now(); c.watch == nil && now >= c.rescan {
		c.changes.rescan, c.rescan = true, now+rescanInterval
	}
	s.work(c)
}

// done takes what a job has found.
func (s *Source) done(c *session) {
	if c.isClosed { // between the job's end and now
		s.next()
		return
	}
	s.isBusy = false
	r := &c.result
	s.figures.Broken += r.broken
	s.tell(r)
	s.mostBytes = max(s.mostBytes, r.bytes)
	switch {
	case r.err == nil:
		s.follow(c)
		s.ready(c)
	case errors.Is(r.err, errMuch):
		s.follow(c)
		s.read(c)
	case errors.Is(r.err, errEnd):
		c.isEnded = true
		if c.isOverdue || !c.isLive { // as it was lost behind its last picture
			s.play(c, c.due)
		}
	case s.wasLive && s.options.Loop && (isRoundEnd(r.err) || errors.Is(r.err, errEmpty)):
		s.follow(c)
		s.waitForPictures(c)
	default:
		s.lose(c, r.err)
	}
}

// ready takes a picture. If it is the first one the source is live.
func (s *Source) ready(c *session) {
	c.isReady, c.wait = true, 0
	s.saidEmpty = false
	if o := c.result.orientation; o > 1 && !s.saidTurned {
		s.saidTurned = true
		s.options.Log.Warn("pictures are sent as they are stored: RTP cannot carry the orientation that their Exif data state",
			"source", s.options.Path, "orientation", o)
	}
	if c.isLive {
		if c.isOverdue {
			s.play(c, c.due)
		}
		return
	}
	c.isLive, s.wasLive, s.from = true, true, resume{}
	s.setRate(c.result.picture.Params)
	s.adopt(c.result.picture.Params)
	c.host.Live()
	if !c.isClosed {
		c.beat = beat.Start(c.host, s.rate, func(_ uint64, due time.Duration) { s.play(c, due) })
	}
}

// play hands over the picture that is due. Its time is when it was.
func (s *Source) play(c *session, due time.Duration) {
	switch {
	case c.isReady:
	case c.isEnded:
		c.isOver = true
		c.quiet()
		c.host.Ended()
		return
	default:
		if c.isOverdue {
			s.figures.Gaps++
		}
		c.isOverdue, c.due = true, due
		s.read(c)
		return
	}
	c.isReady, c.isOverdue = false, false
	frame := c.result.picture
	s.adopt(frame.Params)
	if frame.Params.Format == media.JPEG {
		frame.Captured = due
	} else {
		s.timing.Set(&frame, c.result.order, due)
	}
	frame.Params = s.params
	s.figures.Frames++
	c.host.Frame(frame)
	if c.isClosed {
		return
	}
	interval := time.Duration(float64(time.Second) / s.rate)
	if interval <= lead {
		s.read(c)
	} else {
		c.timer.Set(due + interval - lead)
	}
}

// setRate sets the rate to play at: the one asked for, else the stream's, else defaultRate.
func (s *Source) setRate(p *media.Params) {
	s.rate = cmp.Or(s.options.FramesPerSecond, p.FramesPerSecond, defaultRate)
	if p.Format == media.JPEG || s.saidRate {
		return
	}
	s.saidRate = true
	of := "the file"
	switch {
	case s.options.FramesPerSecond > 0:
		of = "fps="
	case p.FramesPerSecond == 0:
		of = "the default, as the file gives none; fps=N sets it"
	}
	s.options.Log.Info("file is played", "source", s.options.Path, "format", p.Format, "frames_per_second", s.rate, "rate_from", of)
}

// adopt takes the parameters of the frames that come, of a higher version if they are others than
// those before. A JPEG's have its size alone.
func (s *Source) adopt(given *media.Params) {
	if given.Format != media.JPEG && given == s.given {
		return
	}
	p := *given
	p.FramesPerSecond = s.rate
	if p.Format != media.JPEG {
		s.given = given
		s.timing.Begin(given, s.rate)
	}
	if s.params != nil {
		p.Version = s.params.Version
		if p.Equal(s.params) {
			return
		}
		p.Version++
	}
	made := p
	s.params = &made
}

// tell logs, once, what was left out of H.264 and H.265.
func (s *Source) tell(r *result) {
	if r.dropped > 0 && !s.saidDropped {
		s.saidDropped = true
		s.options.Log.Warn("file does not begin with a key frame; the frames before the first one are dropped",
			"source", s.options.Path, "frames", r.dropped)
	}
	if r.fault != nil && !s.saidBroken {
		s.saidBroken = true
		s.options.Log.Warn("a frame of the file was dropped, with all that need it", "source", s.options.Path, "error", r.fault)
	}
}

// waitForPictures waits for a while, since a round had no picture, or until something changes.
func (s *Source) waitForPictures(c *session) {
	if !s.saidEmpty {
		s.saidEmpty = true
		s.options.Log.Warn("there is nothing to play; waiting for a change", "source", s.options.Path, "error", c.result.err)
	}
	c.wait = min(max(2*c.wait, minWait), maxWait)
	c.isWaiting, c.waited = true, c.host.Now()
	c.timer.SetAfter(c.wait)
}

// follow has the loop watch for changes. If that cannot be they are looked for.
func (s *Source) follow(c *session) {
	err := c.follow(func() { s.changed(c) })
	if err != nil && !s.saidUnwatched {
		s.saidUnwatched = true
		s.options.Log.Warn("the system does not tell of changes; looking for them every "+rescanInterval.String(),
			"source", s.options.Path, "error", err)
	}
}

// changed takes what the watcher tells. The next job applies it.
func (s *Source) changed(c *session) {
	if !c.player.watcher.read(&c.changes) {
		c.unwatch()
		c.changes.unwatch = true
	}
	if c.isWaiting && c.changes.any() {
		c.timer.Set(c.waited + minWait)
	}
}

// lose reports that the file cannot be played. If it was played it may come back.
func (s *Source) lose(c *session, err error) {
	c.isOver = true
	c.quiet()
	report := c.host.Failed
	if c.isLive || isPassing(err) {
		report = c.host.Lost
	}
	if c.isLive && c.player.pictures != nil {
		s.from = c.player.pictures.position()
	}
	report(fmt.Errorf("%s: %w", s.options.Path, err))
}

// isPassing reports whether an error of opening a file may pass by itself: the process or
// the system lacks something, or the disk has failed.
func isPassing(err error) bool {
	return isShortage(err) || errors.Is(err, errReplaced) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ETIMEDOUT)
}

// isShortage reports whether an error means that the process or the system lacks something.
func isShortage(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

// Figures counts the frames, the beats at which no picture was ready, and the broken pictures.
func (s *Source) Figures() capture.Figures { return s.figures }

// Close ends playing. What is open is closed by a job; its errors, of a file that was only read,
// are of no use to anybody.
func (s *Source) Close() error {
	c := s.session
	if c == nil {
		return nil
	}
	s.session = nil
	if !c.isOver {
		s.from = resume{}
	}
	c.stop()
	return nil
}

var _ capture.Source = (*Source)(nil)
