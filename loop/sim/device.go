package sim

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// ticker is what a timerfd is on Linux.
type ticker struct {
	k          *Kernel
	descriptor *descriptor
	interval   time.Duration
	due        time.Duration
	ticks      uint64
	closed     bool
}

// NewTicker opens an fd that becomes readable every interval, like a repeating timerfd
// or a camera. Reading it, with ReadTicks or Read, tells how many intervals have passed
// since the last read. Close it with CloseFD.
func (k *Kernel) NewTicker(interval time.Duration) (fd int, err error) {
	if interval <= 0 {
		return -1, fmt.Errorf("sim: ticker with interval %v: must be positive", interval)
	}
	t := &ticker{k: k, interval: interval, due: k.now + interval}
	if t.descriptor, err = k.open(t); err != nil {
		return -1, err
	}
	k.schedule(t.due, t)
	return t.descriptor.fd, nil
}

func (t *ticker) happen(k *Kernel) {
	if t.closed {
		return
	}
	t.ticks++
	t.due += t.interval
	k.touch(t.descriptor)
	k.schedule(t.due, t)
}

func (t *ticker) conditions() loop.Interest {
	if t.ticks > 0 {
		return loop.Readable
	}
	return 0
}

func (t *ticker) close() { t.closed = true }

// read fills in the number of ticks as timerfd_create(2) says: eight bytes.
func (t *ticker) read(p []byte) (int, error) {
	switch {
	case len(p) < 8:
		return 0, unix.EINVAL
	case t.ticks == 0:
		return 0, unix.EAGAIN
	}
	binary.NativeEndian.PutUint64(p, t.ticks)
	t.ticks = 0
	return 8, nil
}

// ReadTicks returns how often a ticker has ticked since it was last read, EAGAIN if it
// has not.
func (k *Kernel) ReadTicks(fd int) (uint64, error) {
	if _, err := fileOf[*ticker](k, fd); err != nil {
		return 0, err
	}
	var p [8]byte
	if _, err := k.Read(fd, p[:]); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(p[:]), nil
}

// pipe is what pipe(2) makes.
type pipe struct {
	k                  *Kernel
	bytes              queue[byte]
	reader, writer     *descriptor
	noReader, noWriter bool
}

type (
	pipeReader struct{ *pipe }
	pipeWriter struct{ *pipe }
)

// pipeBytes is Linux' room in a pipe.
const pipeBytes = 64 << 10

// NewPipe opens a pipe: what is written to the second fd with Writev is read from the
// first. Close both with CloseFD.
func (k *Kernel) NewPipe() (read, write int, err error) {
	p := &pipe{k: k}
	if p.reader, err = k.open(pipeReader{p}); err != nil {
		return -1, -1, err
	}
	if p.writer, err = k.open(pipeWriter{p}); err != nil {
		return -1, -1, k.closeFD(p.reader.fd)
	}
	return p.reader.fd, p.writer.fd, nil
}

func (r pipeReader) conditions() (c loop.Interest) {
	if r.bytes.len() > 0 {
		c |= loop.Readable
	}
	if r.noWriter {
		c |= loop.HungUp
	}
	return c
}

func (r pipeReader) close() {
	r.noReader = true
	r.k.touch(r.writer)
}

func (r pipeReader) read(p []byte) (int, error) {
	switch {
	case r.bytes.len() > 0:
		n := copy(p, r.bytes.waiting())
		r.bytes.drop(n)
		r.k.touch(r.writer)
		return n, nil
	case r.noWriter:
		return 0, nil
	}
	return 0, unix.EAGAIN
}

func (w pipeWriter) conditions() (c loop.Interest) {
	if w.bytes.len() < pipeBytes {
		c |= loop.Writable
	}
	if w.noReader {
		c |= loop.Failed | loop.Writable
	}
	return c
}

func (w pipeWriter) close() {
	w.noWriter = true
	w.k.touch(w.reader)
}

func (w pipeWriter) write(vectors []loop.Vector, most int) (total int, err error) {
	if w.noReader {
		return 0, unix.EPIPE
	}
	for i := range vectors {
		b := vectors[i].Bytes()
		b = b[:min(len(b), most-total, pipeBytes-w.bytes.len())]
		w.bytes.push(b...)
		total += len(b)
	}
	w.k.touch(w.reader)
	if total == 0 && most > 0 {
		return 0, unix.EAGAIN
	}
	return total, nil
}

// device is an fd whose conditions the test makes up.
type device struct {
	now loop.Interest
}

func (d *device) conditions() loop.Interest { return d.now }
func (d *device) close()                    {}

// NewDevice opens an fd that is ready when SetConditions says so: a camera, a serial
// port, or whatever a handler is written for. Close it with CloseFD.
func (k *Kernel) NewDevice() (fd int, err error) {
	d, err := k.open(&device{})
	if err != nil {
		return -1, err
	}
	return d.fd, nil
}

// SetConditions has a device meet these conditions, and no others, until the next
// SetConditions.
func (k *Kernel) SetConditions(fd int, now loop.Interest) error {
	d, err := fileOf[*device](k, fd)
	if err != nil {
		return fmt.Errorf("sim: fd %d is not a device: %w", fd, err)
	}
	d.now = now
	k.touch(k.descriptor(fd))
	return nil
}
