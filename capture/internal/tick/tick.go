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
}

// New starts a beat at a rate per second, the first one due now.
func New(rate float64, now time.Duration) (*Ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &Ticker{fd: fd, start: now, interval: time.Duration(float64(time.Second) / rate)}
	if err := t.set(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return t, nil
}

func (t *Ticker) set() error {
	spec := unix.ItimerSpec{
		Value:    unix.NsecToTimespec(int64(max(t.start, 1))), // 0 would disarm it
		Interval: unix.NsecToTimespec(int64(t.interval)),
	}
	return os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(t.fd, unix.TFD_TIMER_ABSTIME, &spec, nil))
}

// Restart makes now the time of the first beat.
func (t *Ticker) Restart(now time.Duration) error {
	t.start, t.beats = now, 0
	return t.set()
}

// FD becomes readable with each beat.
func (t *Ticker) FD() int { return t.fd }

// Read returns how many beats there were since the last Read, which is more than one
// if the reader is late, and when the last of them was due. Its error is
// capture.ErrNotReady if there was none.
func (t *Ticker) Read() (beats uint64, due time.Duration, err error) {
	var count [8]byte
	switch _, err := unix.Read(t.fd, count[:]); err {
	case nil:
	case unix.EAGAIN, unix.EINTR:
		return 0, 0, capture.ErrNotReady
	default:
		return 0, 0, fmt.Errorf("timerfd: %w", os.NewSyscallError("read", err))
	}
	beats = binary.NativeEndian.Uint64(count[:])
	t.beats += beats
	return beats, t.start + time.Duration(t.beats-1)*t.interval, nil
}

// Close ends the beat.
func (t *Ticker) Close() error { return os.NewSyscallError("close", unix.Close(t.fd)) }
