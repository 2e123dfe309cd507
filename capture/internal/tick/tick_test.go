package tick

import (
	"errors"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

func TestBeats(t *testing.T) {
	interval := 2 * time.Millisecond
	start := now() - 21*interval/2
	ticker, err := New(500, start)
	if err != nil {
		t.Fatal(err)
	}
	defer ticker.Close()
	total := uint64(0)
	for total < 20 {
		fds := []unix.PollFd{{Fd: int32(ticker.FD()), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, 5000); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		beats, due, err := ticker.Read()
		if errors.Is(err, capture.ErrNotReady) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if total == 0 && beats < 11 {
			t.Errorf("%d beats in the time of 10.5 intervals, want at least 11", beats)
		}
		total += beats
		if want := start + time.Duration(total-1)*interval; due != want || due > now() {
			t.Errorf("beat %d was due at %v, want %v, now %v", total, due, want, now())
		}
	}
}

func TestBeforeTheFirstBeat(t *testing.T) {
	ticker, err := New(1, now()+time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer ticker.Close()
	if _, _, err := ticker.Read(); !errors.Is(err, capture.ErrNotReady) {
		t.Errorf("error %v, want ErrNotReady", err)
	}
}

func TestClosed(t *testing.T) {
	ticker, err := New(1, now())
	if err != nil {
		t.Fatal(err)
	}
	if err := ticker.Close(); err != nil {
		t.Fatal(err)
	}
	ticker.fd = -1
	if _, _, err := ticker.Read(); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v, want EBADF", err)
	}
}
