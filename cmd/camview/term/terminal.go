package term

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	enter = "\x1b[?1049h\x1b[?25l" // the alternate screen, no cursor
	leave = "\x1b[0m\x1b[?2026l\x1b[?25h\x1b[?1049l"
)

// ErrNoTerminal is matched by Open's error about files that are no terminals.
var ErrNoTerminal = errors.New("not a terminal")

// Terminal is the terminal that a program runs in, taken over: the alternate screen, no
// cursor, and each key handed over when it is pressed, not a line later. Close gives it
// back, and must be called however the program ends.
type Terminal struct {
	in, out *os.File
	before  *unix.Termios // nil if in is no terminal: then there are no keys
	close   sync.Once
	err     error
}

// Open takes over the terminal that out is. If in is one too its keys can be read. Both
// files stay the caller's.
func Open(in, out *os.File) (*Terminal, error) {
	if _, err := windowSize(out); err != nil {
		return nil, fmt.Errorf("%s: %w", out.Name(), ErrNoTerminal)
	}
	t := &Terminal{in: in, out: out}
	before, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err == nil {
		if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, raw(*before)); err != nil {
			return nil, fmt.Errorf("%s: raw mode: %w", in.Name(), err)
		}
		t.before = before
	}
	if _, err := out.WriteString(enter); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// raw is the mode in which keys come one by one, are not shown, and make no signals; a
// read takes what is there and does not wait (termios(3)).
func raw(t unix.Termios) *unix.Termios {
	t.Iflag &^= unix.ICRNL | unix.INLCR | unix.IXON | unix.ISTRIP
	t.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 0, 0
	return &t
}

// Keyboard is the fd that becomes readable when a key is pressed; reading it does not
// wait. ok is false if there is none.
func (t *Terminal) Keyboard() (fd int, ok bool) { return int(t.in.Fd()), t.before != nil }

// Size is how large the terminal is now. One that cannot tell has the size zero, which a
// Renderer understands.
func (t *Terminal) Size() Size {
	size, err := windowSize(t.out)
	if err != nil {
		return Size{}
	}
	return size
}

// Write writes to the terminal, and waits until it has taken all of p.
func (t *Terminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// Close gives the terminal back as it was. Any goroutine may call it, and more than
// once.
func (t *Terminal) Close() error {
	t.close.Do(func() {
		_, t.err = t.out.WriteString(leave)
		if t.before != nil {
			t.err = errors.Join(t.err, unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETSF, t.before))
		}
	})
	return t.err
}

func windowSize(f *os.File) (Size, error) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return Size{}, err
	}
	return Size{Columns: int(size.Col), Rows: int(size.Row)}, nil
}
