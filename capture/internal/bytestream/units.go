package bytestream

import (
	"bytes"
	"errors"
	"time"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// framer judges frames of H.264 and H.265: those that cannot be decoded are dropped until the next key
// frame.
type framer struct {
	*Demuxer
	coding   media.Format
	needsKey bool
	isLed    bool // decoding begins with the last key frame: those that lead to it are left out
	isTimed  bool
}

func newFramer(d *Demuxer, format media.Format, isTimed bool) framer {
	return framer{Demuxer: d, coding: format, needsKey: true, isTimed: isTimed}
}

var errNoBeginning = errors.New("the frame's beginning is missing")

// take takes what an assembler's Finish has returned.
func (f *framer) take(frame media.Frame, ok bool, err error, order int) {
	if err == nil && !ok {
		return
	}
	slice := coded.FirstSlice(f.coding, frame.Bytes)
	if err == nil && !coded.BeginsPicture(f.coding, slice) {
		err = errNoBeginning
	}
	switch {
	case err != nil:
		f.spoil(err)
		return
	case f.needsKey && !frame.Key:
		f.useless = 0
		return
	case f.needsKey:
		f.needsKey, f.isLed = false, true
	case f.isLed && frame.Leading:
		return
	default:
		f.isLed = f.isLed && !frame.Key
	}
	f.useless = 0
	f.deliver(frame, order, f.isTimed)
}

// spoil notes that a frame could not be used.
func (f *framer) spoil(err error) {
	if f.needsKey && (errors.Is(err, errNoBeginning) || errors.Is(err, nal.ErrNoParameters)) {
		return // the stream begins in the middle
	}
	f.broken++
	f.needsKey = true
}

// annexB takes NAL units with start codes. A frame is known when the next one begins, or after a pause.
type annexB struct {
	framer
	stream *nal.Stream
	// captured is when the frame in hand began to come, or the stream's time, as decode is.
	captured, decode time.Duration
	isHeld           bool // something came since the last pause
	wasPaused        bool // nothing came since then
}

func newAnnexB(d *Demuxer, format media.Format) *annexB {
	return &annexB{framer: newFramer(d, format, false), stream: nal.NewStream(coded.NewAssembler(format, d.maxFrame))}
}

func (p *annexB) push(data []byte, now time.Duration) error {
	if p.wasPaused && !beginsUnit(data) {
		p.spoil(errPart) // the pause was in the middle of a unit
	}
	if p.wasPaused || p.captured == 0 {
		p.captured = now
	}
	p.read(data, now, now)
	return nil
}

var errPart = errors.New("the program has paused in the middle of a frame")

// beginsUnit reports whether data may begin with a start code.
func beginsUnit(data []byte) bool {
	for i, b := range data {
		switch {
		case b == 1:
			return i >= 2
		case b != 0:
			return false
		}
	}
	return true
}

// read takes bytes. The frame in hand has its times; frames that begin with these bytes have the given
// ones.
func (p *annexB) read(data []byte, captured, decode time.Duration) {
	p.isHeld, p.wasPaused = true, false
	p.steps += bytes.Count(data, []byte{0, 0, 1})
	p.stream.Push(data)
	for p.next() {
		p.captured, p.decode = captured, decode
	}
}

// next takes the next frame from the stream. It returns false if there is none.
func (p *annexB) next() bool {
	frame, ok, err := p.stream.Next()
	if !ok && err == nil {
		return false
	}
	frame.Captured, frame.Decode = p.captured, p.decode
	p.take(frame, ok, err, p.stream.Order())
	return true
}

func (p *annexB) pause(bool) error {
	p.stream.End()
	for p.next() {
	}
	p.isHeld, p.wasPaused = false, true
	return nil
}

func (p *annexB) isHolding() bool { return p.isHeld }
