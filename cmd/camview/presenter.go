package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/view"
	"golang.org/x/sys/unix"
)

const (
	// terminalQueue is how many pictures may wait for the terminal: what waits is old. Those that
	// others need have to be decoded, so more of them may wait.
	terminalQueue          = 2
	terminalDependentQueue = 64
	// fileQueue is how many may wait for a file or a pipe, which is to have them all.
	fileQueue = 64
	// historyBytes bounds --rewind's memory.
	historyBytes = 1 << 30
)

// presenter hands pictures to a terminal, a pipe, a file or nothing. It belongs to the loop; its
// sink does what may have to wait.
type presenter struct {
	viewer   *viewer
	sink     *sink // nil: nowhere
	terminal *term.Terminal
	keyboard *keyboard
	// quiet: figures and messages are shown below the picture, not on stderr, which is
	// the same terminal.
	quiet bool
	// held: without a history the space bar holds the picture, and lets it go on with the
	// newest.
	held    bool
	history *view.History // nil without --rewind
	one     [1]view.Frame
	replay  *loop.Timer // when the next picture of the past is due
	status  string      // the last figures
	message string      // what is the matter, if anything
	lags    uint64
	closed  bool
}

// newPresenter opens what the settings name.
func newPresenter(v *viewer, c console) (*presenter, error) {
	p := &presenter{viewer: v}
	p.replay = v.loop.NewTimer(p.pump)
	var o output
	var err error
	depth, newest := fileQueue, 0
	switch s := v.settings; {
	case s.output == toStdout && isTerminal(c.stdout):
		err = errors.New("-o -: standard output is a terminal, which shows no coded pictures: leave out -o, or pipe it on")
	case s.output == toStdout:
		o = &pipe{w: c.stdout}
	case s.output == toClip:
		o, err = newClip(s.file)
	case s.output == toMovie:
		o, err = newMovie(s.file)
	case s.output == toPhoto:
		o, err = newPhoto(s.file)
	case s.readers > 1 || s.json:
		return p, nil
	default:
		depth, newest = terminalDependentQueue, terminalQueue
		o, err = p.openTerminal(c)
	}
	if err != nil || o == nil {
		return p, err
	}
	p.sink = newSink(o, depth, newest, func(err error) {
		// A loop that is closed has nothing to end any more.
		_ = v.loop.Post(func() { p.failed(err) })
	})
	return p, nil
}

// openTerminal takes the terminal over. Without one nothing is shown if there are
// figures to tell.
func (p *presenter) openTerminal(c console) (output, error) {
	t, err := term.Open(c.stdin, c.stdout)
	if errors.Is(err, term.ErrNoTerminal) {
		if s := p.viewer.settings; s.stats || s.duration > 0 || s.frames > 0 {
			return nil, nil
		}
		return nil, errors.New("standard output is not a terminal: write the pictures by -o, or say when to end by --duration or --frames")
	}
	if err != nil {
		return nil, err
	}
	p.terminal, p.quiet = t, isTerminal(c.stderr)
	if span := p.viewer.settings.rewind; span > 0 {
		p.history = view.NewHistory(span, historyBytes)
	}
	if p.keyboard, err = openKeyboard(p, t); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &display{terminal: t, renderer: term.Renderer{Colours: term.ColoursOf(os.Getenv)}}, nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// failed is called when the output takes no more pictures.
func (p *presenter) failed(err error) {
	// Who has closed a pipe has all he wants.
	if !errors.Is(err, errEnough) && !errors.Is(err, unix.EPIPE) {
		p.viewer.fail(err)
		return
	}
	p.viewer.end()
}

// show takes a new picture. It reports whether a key frame is needed before any picture can be shown, as
// the output was too slow.
func (p *presenter) show(picture view.Frame) (needsKey bool) {
	switch {
	case p.sink == nil || p.closed:
	case p.history != nil:
		p.history.Add(p.viewer.loop.Now(), picture)
		p.pump()
	case p.held:
		// What needs this one cannot be decoded when it goes on.
		p.sink.needsKey = picture.Format.Dependent()
	default:
		p.one[0] = picture
		p.offer(p.one[:])
		return p.sink.needsKey
	}
	return false
}

// offer hands pictures to the output, the last of which is to be shown. It reports false if it has
// skipped any, as the output is too slow.
func (p *presenter) offer(pictures []view.Frame) bool {
	complete := p.sink.picture(pictures, p.line())
	if !complete {
		p.lags++
	}
	return complete
}

// pump shows what is due of the history.
func (p *presenter) pump() {
	if p.closed {
		return
	}
	if pictures, ok := p.history.Pop(p.viewer.loop.Now()); ok && !p.offer(pictures) && p.sink.needsKey {
		p.history.Missed()
	}
	if next, ok := p.history.Next(); ok {
		p.replay.Set(next)
	} else {
		p.replay.Stop()
	}
}

// line is what stands below the picture.
func (p *presenter) line() string {
	if p.message != "" {
		return " " + p.message
	}
	return " " + p.state() + "  " + p.status
}

func (p *presenter) state() string {
	paused := p.held
	if p.history != nil {
		paused = p.history.Paused()
		if behind := p.history.Behind(); paused || behind > 0 {
			state := fmt.Sprintf("-%.1f s", behind.Seconds())
			if paused {
				state += " (held)"
			}
			return state
		}
	}
	if paused {
		return "held"
	}
	return "live"
}

// refresh shows the line anew.
func (p *presenter) refresh() {
	if p.terminal != nil && !p.closed {
		p.sink.text(p.line())
	}
}

// figures tells what the last second brought.
func (p *presenter) figures(line string) {
	p.status = line
	p.refresh()
}

// tell shows a message below the picture, and "" removes it. It reports false if there is no
// terminal: the caller prints it then.
func (p *presenter) tell(message string) bool {
	p.message = message
	p.refresh()
	return p.quiet
}

// close gives the terminal back, or finishes the file. Closing twice does nothing.
func (p *presenter) close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.replay.Stop()
	var err error
	if p.keyboard != nil {
		err = p.keyboard.close()
	}
	if p.sink != nil {
		err = errors.Join(err, p.sink.close())
	}
	return err
}
