package v4l2

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/media"
)

// camera is a device that streams.
type camera interface {
	// setup is what the driver has made of the wishes.
	setup() setup
	// fd is readable when a frame is there.
	fd() int
	// dequeue takes a buffer from the driver, which keeps its memory until requeue. Its
	// error is unix.EAGAIN if there is none.
	dequeue() (buffer, error)
	requeue(b buffer)
	// requestKeyFrame asks for a key frame. The error says that the driver cannot be asked.
	requestKeyFrame() error
	// isGone reports whether the device was unplugged.
	isGone() bool
	// close stops streaming and frees everything. It may wait.
	close()
}

// setup is what a camera delivers.
type setup struct {
	card    string
	mode    mode
	why     string        // the mode was chosen
	pixels  encode.Pixels // of raw formats
	rate    float64
	buffers int
}

// buffer is a frame in the driver's memory.
type buffer struct {
	index       uint32
	data        []byte // nil if the driver calls it broken
	sequence    uint32
	captured    time.Duration
	isMonotonic bool // captured is on CLOCK_MONOTONIC
}

var errUnplugged = errors.New("was unplugged")

// passing is an error of opening a camera that may pass by itself: the device is not there
// yet, is busy, or has failed.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }

// session is a camera from Open to Close. While its state is opening it belongs to the job,
// and then to the loop until it is closed.
type session struct {
	host  capture.Host
	state atomic.Int32

	camera camera // nil if it could not be opened
	err    error  // why
	coder  *coder // nil: the camera does not deliver pixels
	units  *units // nil: the camera does not deliver H.264 or H.265

	watch    capture.Watch // nil unless it is watched
	isClosed bool
	isOver   bool // Lost was reported
	isLive   bool // Live was
	inFrame  bool // the host has a frame, which is in the driver's memory
	sequence uint32
	isBegun  bool // sequence is a frame's
	// keyWait waits for the first key frame of H.264 and H.265, waits times so far.
	keyWait capture.Timer
	waits   int
	// params are those that units gave last.
	params *media.Params
}

// The states of a session. Close and the end of the job that opens are each on a goroutine
// of its own: the second of the two closes the device.
const (
	waiting   int32 = iota // for a job that closes the device
	opening                // by a job
	opened                 // or not, and err says why
	cancelled              // closed while it was opened
)

// open opens the device. It is run by a job.
func (c *session) open(openCamera func(Options) (camera, error), o Options) {
	if c.camera, c.err = openCamera(o); c.err != nil {
		c.camera = nil
		return
	}
	has := c.camera.setup()
	c.units = newUnits(has.mode.coding, o.MaxFrame)
	if !isRaw(has.mode.coding) {
		return
	}
	if c.coder, c.err = newCoder(has, o); c.err != nil {
		c.camera.close()
		c.camera = nil
	}
}

// release closes the device. It is run by a job. A picture that is being encoded is a copy.
func (c *session) release() {
	if c.camera != nil {
		c.camera.close()
	}
}

// quiet ends what would call the session.
func (c *session) quiet() {
	c.unwatch()
	if c.keyWait != nil {
		c.keyWait.Stop()
	}
}

// unwatch takes the device off the loop.
func (c *session) unwatch() {
	if c.watch != nil {
		// It can fail only if the fd is closed already.
		_ = c.watch.Stop()
		c.watch = nil
	}
}

// missing is how many frames are missing before one.
func (c *session) missing(sequence uint32) (frames uint64) {
	if n := sequence - c.sequence - 1; c.isBegun && n < 1<<31 {
		frames = uint64(n)
	}
	c.sequence, c.isBegun = sequence, true
	return frames
}
