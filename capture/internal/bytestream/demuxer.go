package bytestream

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/media"
)

// Demuxer makes frames of a stream of bytes. It keeps no more than one frame.
type Demuxer struct {
	format   string // Auto until it is known
	maxFrame int
	deliver  func(f media.Frame, order int, isTimed bool)
	begin    []byte // as long as the format is not known
	parser   parser // nil likewise
	// useless is how many bytes have come since the last frame, or what would be one if it could be
	// decoded.
	useless int
	broken  uint64
	steps   int
	size    *media.Params // of the last picture; nil: there was none
}

// parser takes a stream of a format apart, and hands over its frames by Demuxer.frame.
type parser interface {
	// push takes the next bytes, which came at a time. The error is final.
	push(data []byte, now time.Duration) error
	// pause says that nothing has come for a while: what has come of a frame is all of it. isOver: the
	// stream ends.
	pause(isOver bool) error
	// isHolding reports whether there is something of a frame that pause would end.
	isHolding() bool
}

// NewDemuxer makes a demuxer of a format, one of Formats, whose frames have at most maxFrame bytes. deliver
// is given each frame, whose bytes are valid until it returns. order is the picture order count
// of a frame of H.264 or H.265; isTimed: its Captured and Decode are those of the stream.
func NewDemuxer(format string, maxFrame int, deliver func(f media.Frame, order int, isTimed bool)) *Demuxer {
	d := &Demuxer{format: format, maxFrame: maxFrame, deliver: deliver}
	if format != Auto {
		d.open()
	}
	return d
}

// open begins to parse, as the format is known.
func (d *Demuxer) open() {
	switch d.format {
	case MJPEG:
		d.parser = newMJPEG(d)
	case Multipart:
		d.parser = newMultipart(d)
	case H264:
		d.parser = newAnnexB(d, media.H264)
	case H265:
		d.parser = newAnnexB(d, media.H265)
	case FLV:
		d.parser = newFLV(d)
	case MPEGTS:
		d.parser = newTransport(d)
	}
}

// Format is that of the stream, Auto until it is known.
func (d *Demuxer) Format() string { return d.format }

// uselessBytes is how much may come without a frame, besides one that is as large as a frame may be.
const uselessBytes = 4 << 20

// Push takes the next bytes, which came at a time, and delivers frames. It does not keep data. An error
// is final.
func (d *Demuxer) Push(data []byte, now time.Duration) error {
	if d.useless += len(data); d.useless > d.maxFrame+uselessBytes {
		return fmt.Errorf("no picture in %d bytes of %s", d.useless, d.format)
	}
	if d.parser != nil {
		return d.parser.push(data, now)
	}
	d.begin = append(d.begin, data...)
	return d.detect(false, now)
}

// detect finds out the format and has it parsed.
func (d *Demuxer) detect(isEnd bool, now time.Duration) error {
	format, err := detect(d.begin[:min(len(d.begin), mostDetectBytes)], isEnd)
	if err != nil || format == "" {
		return err
	}
	d.format = format
	d.open()
	data := d.begin
	d.begin = nil
	return d.parser.push(data, now)
}

// Pause says that nothing has come for a while, longer than a frame of H.264 or H.265 takes: what has come
// of one is delivered. An error is final.
func (d *Demuxer) Pause() error { return d.end(false) }

// End says that the stream ends with the bytes that have come.
func (d *Demuxer) End(now time.Duration) error {
	if d.parser == nil && len(d.begin) > 0 {
		if err := d.detect(true, now); err != nil {
			return err
		}
	}
	return d.end(true)
}

func (d *Demuxer) end(isOver bool) error {
	if d.parser == nil {
		return nil
	}
	return d.parser.pause(isOver)
}

// IsHolding reports whether Pause would deliver something.
func (d *Demuxer) IsHolding() bool { return d.parser != nil && d.parser.isHolding() }

// Broken is how many frames could not be used so far.
func (d *Demuxer) Broken() uint64 { return d.broken }

// Steps is how much work the bytes so far have made that their number does not show: how many units, parts
// and frames were in them. Pictures have few; rubbish may have one in every few bytes.
func (d *Demuxer) Steps() int { return d.steps }

// explain names the remedy for a codec that cannot be read.
func explain(err error, codec error) error {
	if errors.Is(err, codec) {
		return fmt.Errorf("%w; have the program encode H.264, as by ffmpeg's -c:v libx264 -tune zerolatency", err)
	}
	return err
}

var (
	_ parser = (*mjpegParser)(nil)
	_ parser = (*multipartParser)(nil)
	_ parser = (*annexB)(nil)
	_ parser = (*flvParser)(nil)
	_ parser = (*transport)(nil)
)
