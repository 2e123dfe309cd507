package v4l2

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// Source is a camera. It implements capture.Encoder; it encodes if it takes raw pixels.
//
// A camera is opened and closed by jobs of the host, since its driver can wait for the
// hardware. There is never more than one job at a time.
type Source struct {
	options Options // Quality is the present one
	open    func(Options) (camera, error)
	card    string // "" as long as the camera was not open
	coding  string
	encodes bool
	said    string // why its format was chosen
	params  *media.Params
	figures capture.Figures

	session *session // nil: closed
	// isBusy: a job opens or closes the device. A session that is made meanwhile waits.
	isBusy bool
}

// New makes a source of a camera, which need not be there yet. Its errors say what is wrong
// with the options.
func New(o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	return &Source{options: o, open: openDevice}, nil
}

// Path is the camera's device, for Controls and SetControls.
func (s *Source) Path() string { return s.options.Path }

// KeepControls has the camera get these settings, too, each time it is opened from now on, after those of
// Options.Controls: what SetControls has set is lost when the camera is unplugged. A later setting of the
// same name replaces an earlier one. It must be called on the loop.
func (s *Source) KeepControls(settings []Setting) {
	kept := slices.DeleteFunc(slices.Clone(s.options.Controls), func(old Setting) bool {
		return slices.ContainsFunc(settings, func(n Setting) bool { return controlName(n.Name) == controlName(old.Name) })
	})
	s.options.Controls = append(kept, settings...)
}

// Describe says what the camera delivers, which need not be the rate that was wished.
func (s *Source) Describe() capture.Description {
	d := capture.Description{Source: s.options.Path, Coding: s.coding, Params: s.params, Device: true}
	if s.card != "" {
		d.Source = fmt.Sprintf("%s (%s)", s.options.Path, s.card)
	}
	return d
}

// Open opens the camera and starts it. A device that is not there or is in use is Lost; one
// that is no camera, lacks what is wished or must not be opened has Failed. The reports say
// in one line what is wrong with it, or list what it has.
func (s *Source) Open(host capture.Host) {
	s.session = &session{host: host}
	if !s.isBusy {
		s.start()
	}
}

// start has a job open the device.
func (s *Source) start() {
	c, options := s.session, s.options
	s.isBusy = true
	c.state.Store(opening)
	c.host.Work(func() func() {
		if c.state.Load() == opening { // and not closed before the job began
			c.open(s.open, options)
		}
		if !c.state.CompareAndSwap(opening, opened) {
			c.release() // it was closed meanwhile
			if c.coder != nil {
				c.coder.close()
			}
			return s.next
		}
		return func() { s.opened(c) }
	})
}

// next follows the end of a job that has closed the device.
func (s *Source) next() {
	s.isBusy = false
	if s.session != nil {
		s.start()
	}
}

// opened follows the end of a job that has opened the device.
func (s *Source) opened(c *session) {
	if c.isClosed { // between the job's end and now
		if c.camera == nil {
			s.next() // else Close has begun a job that closes it
		}
		return
	}
	s.isBusy = false
	if c.err != nil {
		report := c.host.Failed
		if errors.As(c.err, new(passing)) {
			report = c.host.Lost
		}
		report(fmt.Errorf("%s: %w", s.options.Path, c.err))
		return
	}
	s.note(c.camera.setup(), c.coder)
	if c.coder != nil {
		c.coder.start(c.host, func(p *pixels) { s.encoded(c, p) })
	}
	if c.units != nil {
		s.awaitKey(c)
	} else {
		c.isLive = true
		c.host.Live()
	}
	s.watch(c)
}

// watch takes the frames that there are and has the loop watch for more.
func (s *Source) watch(c *session) {
	// Some drivers register a waiter only if no frame is pending.
	s.ready(c)
	if c.isClosed || c.isOver {
		return
	}
	var err error
	// It streams already: drivers take an fd that is watched before for another kind of I/O.
	if c.watch, err = c.host.Watch(c.camera.fd(), func() { s.ready(c) }); err != nil {
		s.lose(c, err)
	}
}

// note notes what the driver has made of the wishes.
func (s *Source) note(has setup, coder *coder) {
	s.card, s.encodes = has.card, coder != nil && coder.encoder != nil
	if s.options.Format == "" && s.said != has.why {
		s.said = has.why
		s.options.Log.Info("camera format was chosen", "source", s.options.Path, "format", has.mode.coding,
			"size", fmt.Sprintf("%dx%d", has.mode.width, has.mode.height), "frames_per_second", has.rate, "reason", has.why)
	}
	format := media.JPEG
	switch {
	case coder != nil && coder.encoder == nil:
		format, s.coding = media.I420, strings.ToUpper(has.mode.coding)
	case coder != nil:
		s.coding = strings.ToUpper(has.mode.coding) + ", encoded by " + coder.encoder.Name()
	case has.mode.coding == "mjpeg":
		s.coding = "MJPEG"
	default: // what it is like shows with the first key frame
		return
	}
	s.adopt(media.Params{Format: format, Width: has.mode.width, Height: has.mode.height, FramesPerSecond: has.rate})
}

// adopt takes the parameters of frames that come, of a higher version if they are others than those before.
func (s *Source) adopt(p media.Params) {
	if old := s.params; old != nil {
		if old.Equal(&p) {
			return
		}
		p.Version = old.Version + 1
	}
	s.params = &p
}

// ready takes the frames that there are from the driver. It counts broken ones and gives
// them back.
func (s *Source) ready(c *session) {
	if c.isClosed || c.isOver {
		return
	}
	for range c.camera.setup().buffers + 1 {
		b, err := c.camera.dequeue()
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return
		case err != nil:
			s.lose(c, err)
			return
		}
		missing := c.missing(b.sequence)
		s.figures.Gaps += missing
		if c.units != nil && (missing > 0 || !hasStartCode(b.data)) {
			c.units.lost()
			_ = c.camera.requestKeyFrame() // else the next one is waited for
		}
		if !s.take(c, b) {
			return
		}
	}
}

// lose reports that the camera is gone or has failed.
func (s *Source) lose(c *session, err error) {
	c.isOver = true
	c.quiet()
	if c.camera.isGone() {
		err = errUnplugged
	}
	c.host.Lost(fmt.Errorf("%s: %w", s.options.Path, err))
}

// take hands over the frame in a buffer, or has it encoded, and gives the buffer back. It returns
// false if the host has closed the source meanwhile.
func (s *Source) take(c *session, b buffer) bool {
	at := captured(b, c.host.Now())
	switch {
	case c.coder != nil && c.coder.fits(b.data):
		c.coder.worker.Add(func(p *pixels) {
			p.data = append(p.data[:0], b.data...)
			p.quality, p.params, p.captured = s.options.Quality, s.params, at
		})
	case c.units != nil && hasStartCode(b.data):
		s.takeUnits(c, b.data, at)
	case c.units != nil || c.coder != nil || !isJPEG(b.data):
		s.figures.Broken++
	default:
		s.figures.Frames++
		c.inFrame = true
		c.host.Frame(media.Frame{Params: s.params, Bytes: b.data, Captured: at, Key: true})
		c.inFrame = false
	}
	if c.isClosed {
		s.release(c) // not in Close: the frame was in the driver's memory
		return false
	}
	c.camera.requeue(b)
	return true
}

func isJPEG(data []byte) bool { return len(data) >= 4 && data[0] == 0xff && data[1] == 0xd8 }

// encoded hands over a picture that was encoded.
func (s *Source) encoded(c *session, p *pixels) {
	switch {
	case c.isOver:
	case p.err != nil:
		s.figures.Broken++
	default:
		s.figures.Frames++
		c.host.Frame(media.Frame{Params: p.params, Bytes: p.coded, Captured: p.captured, Key: true})
	}
}

// maxTimestampError is how far a driver's time may be from now to be believed.
const maxTimestampError = 10 * time.Second

// captured is when a frame was taken: the driver's word, if it is on the right clock.
func captured(b buffer, now time.Duration) time.Duration {
	if !b.isMonotonic || (now-b.captured).Abs() > maxTimestampError {
		return now
	}
	return b.captured
}

// Quality is that of JPEG coding at present, 0 if the camera delivers JPEG or was not open
// yet.
func (s *Source) Quality() int {
	if !s.encodes {
		return 0
	}
	return s.options.Quality
}

// SetQuality changes it from the next frame on. What is not 1 to 100 is taken as the
// nearest that is.
func (s *Source) SetQuality(quality int) { s.options.Quality = min(max(quality, 1), 100) }

// Figures counts the frames, those missing in the driver's sequence, the broken ones, and those
// that the encoder had no time for.
func (s *Source) Figures() capture.Figures {
	f := s.figures
	if c := s.session; c != nil && c.state.Load() == opened {
		f.Skipped += c.coder.dropped()
	}
	return f
}

// Close stops the camera and has a job close it. The device can be opened by others when
// that is done.
func (s *Source) Close() error {
	c := s.session
	if c == nil {
		return nil
	}
	s.session = nil
	c.isClosed = true
	c.quiet()
	if c.state.CompareAndSwap(opening, cancelled) { // the job closes what it opens
		return nil
	}
	if c.coder != nil {
		s.figures.Skipped += c.coder.dropped()
		c.coder.close()
	}
	switch {
	case c.camera == nil: // there is nothing to close
	case c.inFrame:
		s.isBusy = true // with the job that begins when Frame has returned
	default:
		s.release(c)
	}
	return nil
}

// release has a job close the device.
func (s *Source) release(c *session) {
	s.isBusy = true
	c.host.Work(func() func() {
		c.release()
		return s.next
	})
}

var (
	_ capture.Encoder   = (*Source)(nil)
	_ capture.KeyFramer = (*Source)(nil)
)
