package bytestream

import (
	"bytes"
	"errors"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/mjpeg"
	"github.com/camcast/camcast/proto/multipart"
)

// picture delivers a JPEG.
func (d *Demuxer) picture(picture []byte, now time.Duration) {
	width, height, err := jpeg.Size(picture)
	if err != nil {
		d.broken++
		return
	}
	d.useless = 0
	if d.size == nil || d.size.Width != width || d.size.Height != height {
		d.size = &media.Params{Format: media.JPEG, Width: width, Height: height}
	}
	d.deliver(media.Frame{Params: d.size, Bytes: picture, Captured: now, Key: true}, 0, false)
}

// mjpegParser takes JPEGs that follow each other. One is known when its EOI has come.
type mjpegParser struct {
	*Demuxer
	scanner *mjpeg.Scanner
	counted uint64 // broken pictures that were counted
	visits  uint64 // that were counted
	now     time.Duration
}

// visitsInStep is how many bytes the scanner looks at once more in a step.
const visitsInStep = 512

func newMJPEG(d *Demuxer) *mjpegParser {
	return &mjpegParser{Demuxer: d, scanner: mjpeg.New(d.maxFrame, false)}
}

func (p *mjpegParser) push(data []byte, now time.Duration) error {
	p.scanner.Add(copy(p.scanner.Space(len(data)), data))
	p.now = now
	p.read(false)
	visits := p.scanner.Visits()
	p.steps += max(int(visits-p.visits)-len(data), 0) / visitsInStep
	p.visits = visits
	return nil
}

func (p *mjpegParser) read(isOver bool) {
	for picture := p.scanner.Next(isOver); picture != nil; picture = p.scanner.Next(isOver) {
		p.picture(picture, p.now)
	}
	p.broken += p.scanner.Broken() - p.counted
	p.counted = p.scanner.Broken()
}

// pause ends a picture without EOI only at the stream's end: a camera may write one in parts.
func (p *mjpegParser) pause(isOver bool) error {
	if isOver {
		p.read(true)
	}
	return nil
}

func (p *mjpegParser) isHolding() bool { return false }

// multipartParser takes the parts of a multipart stream.
type multipartParser struct {
	*Demuxer
	reader *multipart.Reader
}

func newMultipart(d *Demuxer) *multipartParser {
	return &multipartParser{d, multipart.NewReader(d.maxFrame)}
}

func (p *multipartParser) push(data []byte, now time.Duration) error {
	p.steps += bytes.Count(data, []byte("\n--"))
	p.reader.Push(data)
	for {
		part, ok, err := p.reader.Next()
		switch {
		case errors.Is(err, multipart.ErrTooLarge):
			p.broken++
		case err != nil:
			return err
		case !ok:
			return nil
		default:
			p.picture(part, now)
		}
	}
}

func (p *multipartParser) pause(bool) error { return nil }

func (p *multipartParser) isHolding() bool { return false }
