package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestTicker(t *testing.T) {
	w := newWorld(t)
	fd, err := w.NewTicker(10 * time.Millisecond)
	w.check(err)
	if _, err := w.NewTicker(0); err == nil {
		t.Error("a ticker without an interval")
	}
	_, err = w.ReadTicks(fd)
	w.wantErr(err, unix.EAGAIN)
	w.Advance(35 * time.Millisecond)
	if n, err := w.ReadTicks(fd); n != 3 || err != nil {
		t.Errorf("%d ticks, %v; want 3", n, err)
	}
	_, err = w.Read(fd, make([]byte, 7))
	w.wantErr(err, unix.EINVAL)
	w.check(w.CloseFD(fd))
	_, err = w.ReadTicks(fd)
	w.wantErr(err, unix.EBADF)
	w.Advance(time.Second) // it ticks no more
	_, err = w.loop.Turn(loop.Forever)
	w.wantErr(err, sim.ErrDeadlock)
}

func TestDevice(t *testing.T) {
	w := newWorld(t)
	fd, err := w.NewDevice()
	w.check(err)
	var seen []loop.Interest
	_, err = w.loop.Register(fd, loop.Readable|loop.Urgent, func(c loop.Interest) { seen = append(seen, c) })
	w.check(err)
	for _, now := range []loop.Interest{loop.Readable, 0, loop.Urgent | loop.Readable, loop.Failed, loop.Writable} {
		w.check(w.SetConditions(fd, now))
		_, err := w.loop.Turn(0)
		w.check(err)
	}
	if fmt.Sprint(seen) != fmt.Sprint([]loop.Interest{loop.Readable, loop.Urgent | loop.Readable, loop.Failed}) {
		t.Errorf("seen %v", seen)
	}
	socket := w.socket(server, loop.UDPOptions{})
	if w.SetConditions(socket, 0) == nil || w.SetConditions(99, 0) == nil {
		t.Error("conditions of what is no device")
	}
}
