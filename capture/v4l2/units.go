package v4l2

import (
	"bytes"
	"errors"
	"time"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// units makes frames of a camera's H.264 or H.265: NAL units with start codes. Most drivers give a
// whole frame in each buffer, some a part of one. Which of them it is shows with the second buffer:
// the first frame waits for that. Where buffers are frames no other one waits.
type units struct {
	format    media.Format
	splitter  *nal.Splitter
	assembler *nal.Assembler
	// told: it is known whether a frame may be in several buffers, inParts.
	told, inParts bool
	wholes        int // buffers in a row that each began a picture
	// needsKey: what comes before the next key frame cannot be decoded.
	needsKey bool
	// begun: a slice of the frame in hand has come, at the time captured.
	begun    bool
	captured time.Duration
	broken   uint64 // frames that were dropped since the last call
}

// newUnits makes an assembly for a format of codings, nil if that is not made of NAL units.
func newUnits(coding string, maxFrame int) *units {
	u := &units{splitter: nal.NewSplitter(maxFrame), needsKey: true}
	switch coding {
	case "h264":
		u.format = media.H264
	case "h265":
		u.format = media.H265
	default:
		return nil
	}
	u.assembler = coded.NewAssembler(u.format, maxFrame)
	return u
}

// lost says that frames are missing before the next buffer: what was decoded of them is not right
// before the next key frame.
func (u *units) lost() {
	if u.begun {
		u.broken++
	}
	_, _, _ = u.assembler.Finish() // it will not be whole
	u.begun, u.needsKey = false, true
}

// take takes a buffer that was captured at a time, and hands over each frame that it completes,
// which is valid until deliver returns. It stops if deliver returns false.
func (u *units) take(data []byte, at time.Duration, deliver func(media.Frame) bool) {
	u.splitter.Push(data)
	u.splitter.End()
	isFirst, held := true, u.begun // isFirst: no slice of the buffer has come
	for {
		unit, err := u.splitter.Next()
		switch {
		case err != nil:
			u.assembler.Spoil(err)
			u.begun = true // and will be finished
			continue
		case unit == nil:
			if u.begun && u.told && !u.inParts {
				u.finish(deliver)
			}
			return
		}
		if u.assembler.Begins(unit) && !u.finish(deliver) {
			u.drop()
			return
		}
		_ = u.assembler.Add(unit) // what is wrong with a slice finish tells; other units can be missed
		if !coded.IsSlice(u.format, unit) {
			continue
		}
		if isFirst && len(unit) > leastSlice {
			isFirst = false
			u.judge(unit, held)
		}
		if !u.begun {
			u.begun, u.captured = true, at
		}
	}
}

// leastSlice is the length of what is shorter than any slice: its header, and a byte.
const leastSlice = 2

// wholeBuffers is how many buffers in a row must each begin a picture until they are taken for whole
// frames again: a damaged one may have looked like a part.
const wholeBuffers = 30

// judge learns from the first slice of a buffer whether it goes on with the frame of the buffer
// before, if that was held.
func (u *units) judge(unit []byte, held bool) {
	begins := coded.BeginsPicture(u.format, unit)
	if u.wholes++; !begins {
		u.wholes = 0
	}
	switch {
	case held && !u.told:
		u.told, u.inParts = true, !begins
	case !begins && !u.begun: // the parts before it are missing, or were taken for all of it
		u.inParts, u.needsKey = u.told, true
		u.assembler.Spoil(errPart)
	case u.wholes >= wholeBuffers:
		u.inParts = false
	}
}

var errPart = errors.New("the frame's beginning is missing")

// drop empties the splitter.
func (u *units) drop() {
	for {
		if unit, err := u.splitter.Next(); unit == nil && err == nil {
			return
		}
	}
}

// finish ends the frame in hand. It returns false if deliver does.
func (u *units) finish(deliver func(media.Frame) bool) bool {
	begun := u.begun
	u.begun = false
	frame, ok, err := u.assembler.Finish()
	switch {
	case errors.Is(err, nal.ErrNoParameters) && u.needsKey:
		return true
	case err != nil, !ok && begun:
		u.broken++
		u.needsKey = true
		return true
	case !ok || u.needsKey && !frame.Key:
		return true
	}
	u.needsKey = false
	frame.Captured = u.captured
	return deliver(frame)
}

// hasStartCode reports whether data may be NAL units with start codes.
func hasStartCode(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0, 0, 1}) || bytes.HasPrefix(data, []byte{0, 0, 0, 1})
}
