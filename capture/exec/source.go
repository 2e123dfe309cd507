package exec

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/bytestream"
)

// Source is a command. It implements capture.Source.
//
// A job of the host starts the command and waits for its end, on a thread of its own. There is never more
// than one.
type Source struct {
	*bytestream.Source
	options Options
	lines   *lines
	session *session // nil: closed
	// isBusy: a command runs. A session that is made meanwhile waits for its end.
	isBusy bool
}

// session is a command from Open to Close. While its state is starting it belongs to the job, and then to
// the loop.
type session struct {
	host     capture.Host
	state    atomic.Int32
	child    *child // nil: it could not be started
	err      error  // why
	how      string // it has ended
	bytes    *bytestream.Session
	stderr   *bytestream.Inlet
	timer    capture.Timer
	isEnd    bool // of stdout
	isClosed bool
	isOver   bool // it was reported lost
}

// The states of a session. Close and the job are each on a goroutine of its own: the second of the two ends
// a command that was started meanwhile.
const (
	starting int32 = iota
	started
	cancelled
)

// New makes a source of a command. Its errors say what is wrong with the options.
func New(o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	b, err := bytestream.NewSource(bytestream.Options{Source: name(o.Command), Format: o.Format, FramesPerSecond: o.FramesPerSecond, MaxFrame: o.MaxFrame, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return &Source{Source: b, options: o, lines: &lines{log: o.Log, tokens: burstLines}}, nil
}

// Open runs the command. The source is live with the first frame, and lost when the command ends, or has to
// be ended. It never fails: a command may do better the next time.
func (s *Source) Open(host capture.Host) {
	s.session = &session{host: host}
	if !s.isBusy {
		s.start()
	}
}

// start has a job run the command.
func (s *Source) start() {
	c := s.session
	s.isBusy = true
	c.host.Work(func() func() {
		runtime.LockOSThread() // the command gets a signal when the thread ends that has started it
		defer runtime.UnlockOSThread()
		if c.state.Load() == starting { // and not closed before the job began
			c.child, c.err = start(s.options.Command)
		}
		child := c.child
		isWanted := c.state.CompareAndSwap(starting, started)
		if child == nil {
			return func() { s.ended(c) }
		}
		if isWanted {
			_ = c.host.Post(func() { s.started(c) }) // if the loop is closed, Close ends the command
		} else {
			_ = child.end()
		}
		how := child.wait()
		return func() {
			c.how = how
			s.ended(c)
		}
	})
}

// started follows the start of a command.
func (s *Source) started(c *session) {
	if c.isClosed {
		return
	}
	c.timer = c.host.NewTimer(func() { s.lose(c, c.silence(s.options.Timeout)) })
	c.timer.SetAfter(s.options.Timeout)
	var err error
	onFrame := func() { c.timer.SetAfter(s.patience()) }
	if c.bytes, err = s.Read(c.host, c.child.stdout, false, onFrame, func(err error) { s.over(c, err) }); err != nil {
		s.lose(c, err)
		return
	}
	if c.stderr, err = bytestream.OpenInlet(c.host, c.child.stderr, false, func(data []byte) { s.lines.take(data, c.host.Now()) }, func(error) {}); err != nil {
		s.lose(c, err)
	}
}

// patience is how long no frame may come: longer where frames are known to be rare.
func (s *Source) patience() time.Duration {
	return max(s.options.Timeout, rareFrames*s.Interval())
}

// rareFrames is how many frames in a row must be missing at least.
const rareFrames = 5

// over takes the end of what the command writes.
func (s *Source) over(c *session, err error) {
	switch {
	case !errors.Is(err, io.EOF):
		s.lose(c, err)
	case c.how == "": // it is about to end
		c.isEnd = true
		c.timer.SetAfter(endPatience)
	}
}

// endPatience is how long a command may go on when it has closed its stdout.
const endPatience = time.Second

var errClosed = errors.New("has closed its stdout")

// silence is why a command is given up that writes nothing.
func (c *session) silence(timeout time.Duration) error {
	switch {
	case c.isEnd:
		return errClosed
	case c.bytes.IsLive():
		return fmt.Errorf("no picture has come for %v; timeout=SECONDS allows more", timeout)
	}
	return fmt.Errorf("no picture has come in its first %v; timeout=SECONDS allows more", timeout)
}

// ended follows the end of a command, or that it could not be started.
func (s *Source) ended(c *session) {
	s.isBusy = false
	if c.isClosed {
		if s.session != nil {
			s.start()
		}
		return
	}
	if c.child == nil {
		s.lose(c, c.err)
		return
	}
	if c.isOver || c.stderr == nil {
		return
	}
	c.stderr.Drain() // it says why
	if c.bytes.Drain(); !c.isOver {
		s.lose(c, errors.New(c.how))
	}
}

// lose reports that the command has ended, or has to be.
func (s *Source) lose(c *session, err error) {
	c.isOver = true
	c.quiet()
	if last := s.lines.last; len(last) > 0 {
		err = fmt.Errorf("%w; its last line on stderr: %q", err, shown(last))
		s.lines.last = last[:0]
	}
	c.host.Lost(fmt.Errorf("%s: %w", s.Options.Source, err))
}

// quiet ends what would call the session.
func (c *session) quiet() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.bytes != nil {
		c.bytes.Stop()
	}
	if c.stderr != nil {
		c.stderr.Stop()
	}
}

// Close has the command and all that it has started end. It does not wait for that, but the next command
// does.
func (s *Source) Close() error {
	c := s.session
	if c == nil {
		return nil
	}
	s.session = nil
	c.isClosed = true
	c.quiet()
	if c.state.CompareAndSwap(starting, cancelled) || c.child == nil { // the job ends what it starts
		return nil
	}
	return c.child.end()
}

var _ capture.Source = (*Source)(nil)
