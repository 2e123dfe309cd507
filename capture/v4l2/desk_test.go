package v4l2

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"golang.org/x/sys/unix"
)

// desk has one camera on it. It fails the test if the camera is opened while it is open, used
// while it is closed or closed while it is watched, or if a buffer is not given back.
type desk struct {
	t    *testing.T
	host *capturetest.Host
	// has and fault are what opening gives.
	has   setup
	fault error
	// pending are the frames that wait in the driver. When they are taken, dequeueing
	// fails with broken, if it is set.
	pending []buffer
	memory  [][]byte // of all frames
	broken  error
	gone    bool
	// requests is how many key frames were asked for, and noKeys what asking for one gives.
	requests int
	noKeys   error

	now    *fakeCamera // that is open
	opened int
	closed int
	wishes Options // of the last opening
	during func()  // called within the next opening
}

type fakeCamera struct {
	desk *desk
	held map[uint32]bool // buffers that are not the driver's
}

const fakeFD = 7

func newDesk(t *testing.T, o Options) (*desk, *Source) {
	t.Helper()
	o.Path = "/dev/video0"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, host: capturetest.NewHost(t)}
	d.has = setup{card: "C922", mode: mode{"mjpeg", "MJPG", 640, 480}, rate: 30, buffers: 4}
	d.host.Readable = func(fd int) bool { return d.now != nil && fd == fakeFD && (len(d.pending) > 0 || d.broken != nil) }
	s.open = d.open
	return d, s
}

func (d *desk) open(o Options) (camera, error) {
	if d.now != nil {
		d.t.Error("opened while it is open")
	}
	d.wishes = o
	if d.fault != nil {
		return nil, d.fault
	}
	d.opened++
	d.now = &fakeCamera{d, map[uint32]bool{}}
	if during := d.during; during != nil {
		d.during = nil
		during()
	}
	return d.now, nil
}

func (c *fakeCamera) mustBeOpen() {
	c.desk.t.Helper()
	if c.desk.now != c {
		c.desk.t.Error("used after it was closed")
	}
}

func (c *fakeCamera) setup() setup { return c.desk.has }
func (c *fakeCamera) fd() int      { c.mustBeOpen(); return fakeFD }
func (c *fakeCamera) isGone() bool { c.mustBeOpen(); return c.desk.gone }

func (c *fakeCamera) requestKeyFrame() error {
	c.mustBeOpen()
	c.desk.requests++
	return c.desk.noKeys
}

func (c *fakeCamera) dequeue() (buffer, error) {
	c.mustBeOpen()
	if len(c.desk.pending) == 0 {
		if c.desk.broken != nil {
			return buffer{}, c.desk.broken
		}
		return buffer{}, unix.EAGAIN
	}
	b := c.desk.pending[0]
	c.desk.pending = c.desk.pending[1:]
	if c.held[b.index] {
		c.desk.t.Errorf("buffer %d is taken twice", b.index)
	}
	c.held[b.index] = true
	return b, nil
}

func (c *fakeCamera) requeue(b buffer) {
	c.mustBeOpen()
	if !c.held[b.index] {
		c.desk.t.Errorf("buffer %d is given back and was not taken", b.index)
	}
	delete(c.held, b.index)
}

// close has the memory of the frames be no picture any more.
func (c *fakeCamera) close() {
	c.mustBeOpen()
	if c.desk.host.Watched(fakeFD) {
		c.desk.t.Error("closed while it is watched")
	}
	for _, m := range c.desk.memory {
		clear(m)
	}
	c.desk.pending, c.desk.now = nil, nil
	c.desk.closed++
}

var picture = []byte{0xff, 0xd8, 0xff, 0xd9}

// frame has a frame wait in the driver.
func (d *desk) frame(sequence uint32, data []byte) {
	memory := bytes.Clone(data)
	d.memory = append(d.memory, memory)
	d.pending = append(d.pending, buffer{
		index: sequence % 4, data: memory, sequence: sequence, captured: d.host.Now() - time.Millisecond, isMonotonic: true,
	})
}

// check wants these reports and numbers of frames, openings and closings since the desk
// was made, and no buffer kept.
func (d *desk) check(frames, opened, closed int, reports ...string) {
	d.t.Helper()
	if len(d.host.Frames) != frames || d.opened != opened || d.closed != closed || !slices.Equal(d.host.Reports, reports) {
		d.t.Errorf("%d frames, opened %d times, closed %d times, reports %q; want %d, %d, %d, %q",
			len(d.host.Frames), d.opened, d.closed, d.host.Reports, frames, opened, closed, reports)
	}
	if d.now != nil && len(d.now.held) != 0 {
		d.t.Errorf("%d buffers are not given back", len(d.now.held))
	}
	if isOpen := d.now != nil; d.host.Watched(fakeFD) && !isOpen {
		d.t.Error("watched and not open")
	}
}
