// Package tick is a steady beat as a file descriptor: a timerfd(2) that a loop can
// watch, for the sources that have no device to wait for.
package tick

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

// Ticker is a beat that does not drift. Its methods belong to one goroutine.
type Ticker struct {
	fd       int
	start    time.Duration // when beat 0 is due, on CLOCK_MONOTONIC
	interval time.Duration
	beats    uint64
	count    [8]byte // what is read of fd; in here, it is not allocated for each Read
}

// New starts a beat at a rate per second, at most 1e9, the first one due at start, on
// CLOCK_MONOTONIC.
func New(rate float64, start time.Duration) (*Ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &Ticker{fd: fd, start: start, interval: time.Duration(float64(time.Second) / rate)}
	spec := unix.ItimerSpec{
		Value:    unix.NsecToTimespec(int64(max(t.start, 1))), // 0 would disarm it
		Interval: unix.NsecToTimespec(int64(t.interval)),
	}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	return t, nil
}

// FD becomes readable with each beat.
func (t *Ticker) FD() int { return t.fd }

// Read returns how many beats there were since the last Read, which is more than one
// if the reader is late, and when the last of them was due. Its error is
// capture.ErrNotReady if there was none.
func (t *Ticker) Read() (beats uint64, due time.Duration, err error) {
	switch _, err := unix.Read(t.fd, t.count[:]); err {
	case nil:
	case unix.EAGAIN, unix.EINTR:
		return 0, 0, capture.ErrNotReady
	default:
		return 0, 0, fmt.Errorf("timerfd: %w", os.NewSyscallError("read", err))
	}
	beats = binary.NativeEndian.Uint64(t.count[:])
	t.beats += beats
	return beats, t.start + time.Duration(t.beats-1)*t.interval, nil
}

// Close ends the beat.
func (t *Ticker) Close() error { return os.NewSyscallError("close", unix.Close(t.fd)) }
