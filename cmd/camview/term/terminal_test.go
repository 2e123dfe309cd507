package term_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/cmd/camview/term/pty"
	"golang.org/x/sys/unix"
)

func openPTY(t *testing.T, columns, rows int) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open(columns, rows)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave
}

func termios(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	got, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

func readUntil(t *testing.T, master *os.File, end string) string {
	t.Helper()
	var got []byte
	for len(got) < len(end) || string(got[len(got)-len(end):]) != end {
		b := make([]byte, 1)
		if n, err := master.Read(b); n != 1 {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b...)
	}
	return string(got)
}

func TestTerminal(t *testing.T) {
	master, slave := openPTY(t, 100, 30)
	before := termios(t, slave)
	terminal, err := term.Open(slave, slave)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := terminal.Size(), (term.Size{Columns: 100, Rows: 30}); got != want {
		t.Errorf("size %v, want %v", got, want)
	}
	readUntil(t, master, "\x1b[?1049h\x1b[?25l")
	fd, ok := terminal.Keyboard()
	if !ok {
		t.Fatal("no keyboard")
	}
	b := make([]byte, 10)
	if n, err := unix.Read(fd, b); n != 0 || err != nil {
		t.Errorf("read without a key: %d, %v; want 0 and no wait", n, err)
	}
	if _, err := master.WriteString("\x03"); err != nil { // no line, no signal
		t.Fatal(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(fd, b); n != 1 || b[0] != 0x03 || err != nil {
		t.Errorf("read %q, %v; want the key", b[:max(n, 0)], err)
	}
	for range 2 {
		if err := terminal.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := readUntil(t, master, "\x1b[?1049l"); got != "\x1b[0m\x1b[?2026l\x1b[?25h\x1b[?1049l" {
		t.Errorf("%q at the end: is the key echoed?", got)
	}
	if after := termios(t, slave); after != before {
		t.Errorf("termios %+v, want those before, %+v", after, before)
	}
}

// TestNoTerminal opens what is none, and a terminal without a keyboard.
func TestNoTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := term.Open(file, file); !errors.Is(err, term.ErrNoTerminal) {
		t.Errorf("a file: %v", err)
	}
	_, slave := openPTY(t, 80, 24)
	terminal, err := term.Open(file, slave)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := terminal.Keyboard(); ok {
		t.Error("a file is taken for a keyboard")
	}
	if err := terminal.Close(); err != nil {
		t.Error(err)
	}
}
