package bytestream

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

const (
	// mostRead and leastRead are how much is read at a time: little once what has come made much work, as
	// rubbish does. pipeBytes is the size of a pipe, if the system allows it.
	leastRead, mostRead, pipeBytes = 2 << 10, 16 << 10, 1 << 20
	// window is the time in which no more than windowBytes are read: a program that writes without a
	// pause waits, and not the loop. In a turn there are turnBytes at most. Frames, and other work, cost
	// besides, and what that is more, is less in the next windows.
	window, windowBytes, turnBytes = 50 * time.Millisecond, 2 << 20, 256 << 10
)

// Inlet reads an fd that never blocks, on a host's loop. It does not close it. All of its methods belong
// to the loop's goroutine.
type Inlet struct {
	host   capture.Host
	fd     int
	waits  bool // for a program that opens a FIFO for writing
	buffer []byte
	take   func(data []byte)
	over   func(err error)

	watch     capture.Watch // nil while it rests
	rest      capture.Timer
	windowEnd time.Duration
	left      int // bytes that may be read in the window
	size      int // of the next read
	stopped   bool
}

// OpenInlet begins to read. take is given what has come, which it may not keep, and over the end, once:
// io.EOF or an error. Either may call Stop. isFIFO: the end of a FIFO that no program has opened for writing
// yet is none.
func OpenInlet(host capture.Host, fd int, isFIFO bool, take func(data []byte), over func(err error)) (*Inlet, error) {
	i := &Inlet{host: host, fd: fd, waits: isFIFO, buffer: make([]byte, mostRead), size: mostRead, take: take, over: over}
	i.rest = host.NewTimer(i.resume)
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeBytes) // a smaller one does, too
	if err := i.begin(); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Inlet) begin() (err error) {
	i.watch, err = i.host.Watch(i.fd, i.ready)
	return err
}

// ready reads what there is.
func (i *Inlet) ready() {
	i.refill()
	for before := i.left; i.left > max(before-turnBytes, 0); {
		had := i.left
		n, goesOn := i.read()
		if i.size = min(2*i.size, mostRead); had-i.left > turnBytes {
			i.size = leastRead
		}
		if i.Spend(n); !goesOn {
			break
		}
	}
	if i.left <= 0 && !i.stopped && i.watch != nil {
		_ = i.watch.Stop() // it can fail only if the fd is closed already
		i.watch = nil
		i.rest.Set(i.windowEnd)
	}
}

// refill begins another window if it is time.
func (i *Inlet) refill() {
	now := i.host.Now()
	if now < i.windowEnd {
		return
	}
	windows := 1 + min((now-i.windowEnd)/window, 1000)
	i.windowEnd = now + window
	i.left = min(i.left+int(windows)*windowBytes, windowBytes)
}

// read reads once. It returns false if there is nothing more, or nobody wants it.
func (i *Inlet) read() (n int, goesOn bool) {
	if i.stopped {
		return 0, false
	}
	n, err := unix.Read(i.fd, i.buffer[:i.size])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, false
	case errors.Is(err, unix.EINTR):
		return 0, true
	case err != nil:
		i.end(os.NewSyscallError("read", err))
		return 0, false
	case n == 0 && i.waits && !i.hungUp():
		return 0, false
	case n == 0:
		i.end(io.EOF)
		return 0, false
	}
	i.waits = false
	i.take(i.buffer[:n])
	return n, true
}

// hungUp reports whether a program has opened the FIFO for writing and closed it again.
func (i *Inlet) hungUp() bool {
	fds := []unix.PollFd{{Fd: int32(i.fd)}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0
}

func (i *Inlet) end(err error) {
	i.Stop()
	i.over(err)
}

// Spend has n bytes less be read in this window.
func (i *Inlet) Spend(n int) { i.left -= n }

// IsResting reports whether nothing is read for a while, whatever has come.
func (i *Inlet) IsResting() bool { return i.watch == nil && !i.stopped }

// resume goes on after a rest, with what waits.
func (i *Inlet) resume() {
	if i.stopped || i.watch != nil {
		return
	}
	if err := i.begin(); err != nil {
		i.end(err)
		return
	}
	i.ready()
}

// Drain reads what there is, as nothing more is expected: no more than a pipe holds, and no rubbish for long.
func (i *Inlet) Drain() {
	for before := i.left; before-i.left < drainBytes; {
		n, goesOn := i.read()
		if i.Spend(n); !goesOn {
			return
		}
	}
}

// drainBytes are more than a pipe's, and what some frames cost besides.
const drainBytes = 8 << 20

// Stop ends reading. Stopping twice does nothing.
func (i *Inlet) Stop() {
	if i.stopped {
		return
	}
	i.stopped = true
	i.rest.Stop()
	if i.watch != nil {
		_ = i.watch.Stop()
		i.watch = nil
	}
}
