package cast_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// film is a source of numbered frames on a ticker: JPEG, or the made-up format with groups.
type film struct {
	k        *sim.Kernel
	params   *media.Params
	interval time.Duration
	// bytes is how large frame n is, and key whether it is a key frame, which every JPEG is.
	bytes func(n uint32) int
	key   func(n uint32) bool
	// disposable says which frames no other needs, key frames never; nil: none.
	disposable func(n uint32) bool
	// leading says of frame n whether it leads to the key frame before it; nil: none does.
	leading func(n uint32) bool
	// asked counts how often a key frame was asked for. makesKeys: the next frame is one then.
	asked     int
	makesKeys bool
	// changes says with which frames the parameters change, key frames alone; nil: none.
	changes func(n uint32) bool
	// unusable says which frames cannot be sent; nil: none.
	unusable func(n uint32) bool
	// change changes the picture of frame n; nil: it stays.
	change func(n uint32, picture []byte)
	// ends is the last frame, 0: there is none.
	ends uint32
	// silent: there are no frames. lost: the device is unplugged. absent is how often it is
	// still not there when it is opened.
	silent, lost bool
	absent       int
	// slow is how long it takes to open, by a job that may wait; 0: none is needed.
	slow time.Duration

	host   capture.Host // nil: it is closed
	watch  capture.Watch
	fd     int
	number uint32
	// needed is the newest frame that others need, led the one that those need which lead to the last
	// key frame, 0 if no more do, and keys are the key frames.
	needed, led uint32
	// leads has the key frame that each frame leads to which leads to one.
	leads map[uint32]uint32
	keys  map[uint32]bool
	isDue bool // a key frame
	// at is when each frame came, the first one at 0. bad are those that could not be sent.
	at  []time.Duration
	bad map[uint32]bool
}

// newFilm makes one of frames of some size, in groups of a length if the format has groups.
func newFilm(k *sim.Kernel, format media.Format, bytes int, group uint32) *film {
	return &film{
		k: k, interval: time.Second / framesPerSecond, bad: map[uint32]bool{}, keys: map[uint32]bool{}, leads: map[uint32]uint32{},
		params: &media.Params{Format: format, Width: 640, Height: 480, FramesPerSecond: framesPerSecond},
		bytes:  func(uint32) int { return bytes },
		key:    func(n uint32) bool { return format == media.JPEG || n%group == 1%group },
	}
}

func (f *film) Describe() capture.Description {
	return capture.Description{Source: "film", Params: f.params, Device: true}
}

func (f *film) Figures() capture.Figures { return capture.Figures{Frames: uint64(f.number)} }

func (f *film) Open(h capture.Host) {
	f.host = h
	if f.absent > 0 {
		f.absent--
		h.Lost(errors.New("not there"))
		return
	}
	f.lost = false
	if f.slow == 0 {
		f.open(h)
		return
	}
	opened := h.NewTimer(func() {
		if f.host == h && f.watch == nil {
			f.open(h)
		}
	})
	h.Work(func() func() { return func() { opened.SetAfter(f.slow) } })
}

// open begins to deliver.
func (f *film) open(h capture.Host) {
	var err error
	if f.fd, err = f.k.NewTicker(f.interval); err == nil {
		if f.watch, err = h.Watch(f.fd, f.ready); err != nil {
			err = errors.Join(err, f.k.CloseFD(f.fd))
		}
	}
	if err != nil {
		h.Lost(err)
		return
	}
	h.Live()
}

func (f *film) ready() {
	switch _, err := f.k.ReadTicks(f.fd); {
	case f.lost:
		f.host.Lost(errors.New("unplugged"))
	case err != nil || f.silent:
	case f.ends > 0 && f.number >= f.ends:
		f.host.Ended()
	default:
		f.host.Frame(f.next())
	}
}

// next is the next frame, taken now.
func (f *film) next() media.Frame {
	f.number++
	n := f.number
	f.at = append(f.at, f.k.Monotonic())
	key := f.key(n) || f.isDue
	needs, disposable := f.needed, !key && f.disposable != nil && f.disposable(n)
	if key {
		needs, f.keys[n], f.isDue = n, true, false
		if f.changes != nil && f.changes(n) {
			changed := *f.params
			changed.Width += 16
			changed.Version++
			f.params = &changed
		}
	}
	leading, open := !key && f.led > 0 && f.leading(n), key && f.leading != nil
	switch {
	case leading:
		needs, f.leads[n] = f.led, f.needed
		if !disposable {
			f.led = n
		}
	case open:
		f.led, f.needed = f.needed, n
	case !disposable:
		f.led, f.needed = 0, n
	default:
		f.led = 0
	}
	bytes := f.picture(n, needs, f.bytes(n))
	if f.change != nil {
		f.change(n, bytes)
	}
	if f.unusable != nil && f.unusable(n) {
		f.bad[n] = true
		bytes[0] = cast.Unusable
		if f.params.Format == media.JPEG {
			bytes[0] = 0
		}
	}
	return media.Frame{Params: f.params, Bytes: bytes, Captured: f.k.Monotonic(), Key: key, Disposable: disposable, Open: open, Leading: leading}
}

var errNoKeys = errors.New("makes no key frames out of turn")

func (f *film) RequestKeyFrame() error {
	if !f.makesKeys {
		return errNoKeys
	}
	f.asked++
	f.isDue = true
	return nil
}

func (f *film) picture(n, needs uint32, bytes int) []byte {
	switch f.params.Format {
	case media.JPEG:
		return numbered(n, bytes)
	case media.H264:
		return nalFrame(n, needs, bytes)
	}
	return groupedFrame(n, needs, bytes)
}

func (f *film) Close() error {
	f.host = nil
	if f.watch == nil {
		return nil
	}
	err := errors.Join(f.watch.Stop(), f.k.CloseFD(f.fd))
	f.watch = nil
	return err
}

// usable is how many frames from one to another, both included, could be sent.
func (f *film) usable(from, to uint32) (frames uint64) {
	for n := from; n <= to; n++ {
		if !f.bad[n] {
			frames++
		}
	}
	return frames
}

// unled is how many frames could be sent that lead to a key frame, of those that a guest has had not.
// begins: to the first one that it has had alone.
func (f *film) unled(had []uint32, begins bool) (frames uint64) {
	for n, key := range f.leads {
		if n > had[0] && !f.bad[n] && (key == had[0] || !begins) && !slices.Contains(had, n) {
			frames++
		}
	}
	return frames
}

// groupedFrame is a frame of the made-up format: its number, that of the frame that it needs, its own
// for a key frame, how long it is, and bytes that go on by its number.
func groupedFrame(n, needs uint32, bytes int) []byte {
	p := make([]byte, max(bytes, 12))
	binary.BigEndian.PutUint32(p, n)
	binary.BigEndian.PutUint32(p[4:], needs)
	binary.BigEndian.PutUint32(p[8:], uint32(len(p)))
	for i := 12; i < len(p); i++ {
		p[i] = byte(uint32(i)*7 + n*13)
	}
	return p
}

// nalFrame is a frame of H.264 that is one NAL unit, of which a decoder would make nothing: behind its first byte
// is a frame of the made-up format.
func nalFrame(n, needs uint32, bytes int) []byte {
	kind := byte(0x41)
	if n == needs {
		kind = 0x65
	}
	return nal.Append(nil, append([]byte{kind}, groupedFrame(n, needs, bytes)...))
}
