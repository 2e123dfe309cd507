package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// seekStep is how far a key goes back or forth.
const seekStep = time.Second

// keyboard is what the person at the terminal does: presses keys and changes the size.
type keyboard struct {
	presenter    *presenter
	registration *loop.Registration // nil if there are no keys
	reader       term.KeyReader
	resized      chan os.Signal
}

func openKeyboard(p *presenter, t *term.Terminal) (*keyboard, error) {
	k := &keyboard{presenter: p, resized: make(chan os.Signal, 1)}
	if fd, ok := t.Keyboard(); ok {
		var err error
		if k.registration, err = p.viewer.loop.Register(fd, loop.Readable, k.typed); err != nil {
			return nil, err
		}
	}
	signal.Notify(k.resized, syscall.SIGWINCH)
	go func() {
		for range k.resized {
			// A loop that is closed has nothing to show.
			_ = p.viewer.loop.Post(p.refresh)
		}
	}()
	return k, nil
}

func (k *keyboard) close() error {
	signal.Stop(k.resized)
	close(k.resized)
	if k.registration == nil {
		return nil
	}
	return k.registration.Unregister()
}

// typed takes the keys.
func (k *keyboard) typed(conditions loop.Interest) {
	var b [64]byte
	n, err := unix.Read(k.registration.FD(), b[:])
	if n > 0 {
		k.reader.Read(b[:n], k.presenter.press)
		return
	}
	if err == unix.EAGAIN || err == unix.EINTR || err == nil && conditions == loop.Readable {
		return
	}
	k.presenter.viewer.end() // the terminal is gone
}

func (p *presenter) press(k term.Key) {
	switch {
	case k == term.Quit:
		p.viewer.end()
	case p.history != nil:
		p.seek(k)
		p.pump()
	case k == term.Pause:
		p.held = !p.held
	case k == term.Live:
		p.held = false
	}
	p.refresh()
}

// seek goes back and forth: by seconds, and while the picture is held by pictures.
func (p *presenter) seek(k term.Key) {
	now, h := p.viewer.loop.Now(), p.history
	steps := map[term.Key]int{term.Back: -1, term.Forth: 1}
	switch {
	case k == term.Live:
		h.Live()
	case k == term.Pause && h.Paused():
		h.Resume(now)
	case k == term.Pause:
		h.Pause()
	case h.Paused():
		h.Step(now, steps[k])
	default:
		h.Seek(now, time.Duration(steps[k])*seekStep)
	}
}
