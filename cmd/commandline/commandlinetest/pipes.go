package commandlinetest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FullPipe is the writing end of a pipe that is full, and that nobody reads.
func FullPipe(t testing.TB) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	fd := int(write.Fd()) // once: each call has the file wait again
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for junk := make([]byte, 4096); err == nil; {
		_, err = unix.Write(fd, junk)
	}
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, false); err != nil { // as a terminal is
		t.Fatal(err)
	}
	return write
}

// BrokenPipe is the writing end of a pipe whose reader has gone.
func BrokenPipe(t testing.TB) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	t.Cleanup(func() { write.Close() })
	return write
}
