package file

import (
	"errors"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// units is a file of H.264 or H.265: NAL units with start codes (Annex B). Frames that need one that
// is missing, or broken, are left out until the next key frame.
type units struct {
	input
	format media.Format
	stream *nal.Stream
	buffer []byte
	offset int64 // how much was read
	// needsKey: frames before the next key frame cannot be decoded. isFirst: there was no key frame
	// since the beginning.
	needsKey, isFirst bool
	isLed             bool // decoding begins with the last key frame: those that lead to it are left out
	// ending: all was read, and the last frame was asked for.
	ending  bool
	broken  uint64
	dropped uint64 // frames before the first key frame
	fault   error
}

// openFile opens a file of whatever kind.
func openFile(path string, o Options, from resume, b *budget) (pictures, error) {
	u := &units{input: input{path: path, options: o, fd: -1}}
	err := u.reopen()
	if err == nil {
		u.format, err = formatOf(path, u.fd)
	}
	if err == nil && u.format == media.JPEG {
		if err = u.close(); err == nil {
			return openStream(path, o, from, b)
		}
	}
	if err == nil {
		err = u.begin(from)
	}
	if err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

// begin begins to read, where the file was lost, or at the beginning.
func (u *units) begin(from resume) error {
	u.needsKey, u.isFirst, u.buffer = true, true, make([]byte, readBytes)
	assembler := from.assembler
	if from.file != u.file || assembler == nil {
		assembler = coded.NewAssembler(u.format, u.options.MaxFrame)
		u.stream = nal.NewStream(assembler)
		return nil
	}
	_, _, _ = assembler.Finish() // its frame is cut
	u.stream, u.isFirst = nal.NewStream(assembler), false
	u.size, u.offset = max(u.size, from.size), from.offset
	return u.seek(from.offset)
}

func (u *units) next(b *budget) (media.Frame, error) {
	for {
		frame, ok, err := u.stream.Next()
		slice := coded.FirstSlice(u.format, frame.Bytes)
		switch {
		case err != nil:
			u.spoil(err)
			continue
		case ok && !coded.BeginsPicture(u.format, slice):
			u.spoil(errNoBeginning)
			continue
		case ok && u.needsKey && !frame.Key:
			if u.isFirst {
				u.dropped++
			}
			continue
		case ok && u.needsKey:
			u.needsKey, u.isFirst, u.isLed = false, false, true
			return frame, nil
		case ok && u.isLed && frame.Leading:
			continue
		case ok:
			u.isLed = u.isLed && !frame.Key
			return frame, nil
		case u.ending && u.isFirst && u.offset > 0:
			return media.Frame{}, errNoUnits
		case u.ending && u.offset == 0:
			return media.Frame{}, errEmptyFile
		case u.ending:
			return media.Frame{}, errEnd
		case b.bytes <= 0:
			return media.Frame{}, errMuch
		}
		if err := u.more(b); err != nil {
			return media.Frame{}, err
		}
	}
}

var errNoBeginning = errors.New("the frame's beginning is missing")

// spoil notes that a unit or a frame was left out.
func (u *units) spoil(err error) {
	if u.needsKey && (err == errNoBeginning || errors.Is(err, nal.ErrNoParameters)) {
		if u.isFirst {
			u.dropped++ // the file begins in the middle
		}
		return
	}
	u.broken++
	u.fault, u.needsKey = err, true
}

// more reads on.
func (u *units) more(b *budget) error {
	n, err := u.read(u.buffer[:max(1, min(len(u.buffer), b.bytes))], b)
	if err != nil {
		return err
	}
	u.offset += int64(n)
	u.stream.Push(u.buffer[:n])
	if u.isEnd {
		u.stream.End()
		u.ending = true
	}
	return nil
}

func (u *units) brokenSince() uint64 {
	n := u.broken
	u.broken = 0
	return n
}

// report adds to a job's result what else there is to say.
func (u *units) report(r *result) {
	r.order, r.dropped = u.stream.Order(), r.dropped+u.dropped
	if u.fault != nil {
		r.fault = u.fault
	}
	u.dropped, u.fault = 0, nil
}

// rewind begins again. If the name is gone, the open file is played on.
func (u *units) rewind() error {
	if err := u.again(u.format); err != nil {
		return err
	}
	_, _, _ = u.stream.Finish()
	u.needsKey, u.isFirst, u.ending, u.offset = true, true, false, 0
	return nil
}

func (u *units) position() resume {
	return resume{file: u.file, offset: u.offset, size: u.size, assembler: u.stream.Assembler}
}
