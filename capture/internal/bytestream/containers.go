package bytestream

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/proto/flv"
	"github.com/camcast/camcast/proto/mpegts"
	"github.com/camcast/camcast/proto/nal"
)

// flvParser takes FLV, whose tags have lengths: a frame is known when its last byte has come.
type flvParser struct {
	framer
	reader    *flv.Reader
	config    flv.Config
	assembler *nal.Assembler
	clock     clock
}

func newFLV(d *Demuxer) *flvParser {
	return &flvParser{framer: framer{Demuxer: d}, reader: flv.NewReader(d.maxFrame)}
}

func (p *flvParser) push(data []byte, now time.Duration) error {
	p.reader.Push(data)
	for {
		tag, ok, err := p.reader.Next()
		switch {
		case errors.Is(err, flv.ErrTooLarge):
			p.spoil(err)
			continue
		case err != nil:
			return err
		case !ok:
			return nil
		}
		p.steps++
		video, err := flv.ParseVideo(tag.Data)
		if err == nil && video.Config != nil {
			err = p.configure(video)
		}
		if err != nil {
			return explain(err, flv.ErrCodec)
		}
		if video.Frame != nil {
			p.frame(tag, video, now)
		}
	}
}

// configure takes a configuration record.
func (p *flvParser) configure(v flv.Video) error {
	config, err := flv.ParseConfig(v.Format, v.Config)
	if err != nil {
		return err
	}
	if p.assembler == nil || p.coding != v.Format {
		p.framer = newFramer(p.Demuxer, v.Format, true)
		p.assembler = coded.NewAssembler(v.Format, p.maxFrame)
	}
	p.config = config
	for _, set := range config.Sets {
		_ = p.assembler.Add(set) // a set that frames need and that is broken is missed with the next frame
	}
	return nil
}

// maxUnits is more NAL units than a frame has, as all of them are taken in one turn of the loop: a picture is
// of some hundred slices at most, though encoders may cut it into packets.
const maxUnits = 2048

var errUnits = fmt.Errorf("the frame has more than %d units", maxUnits)

// frame takes a frame.
func (p *flvParser) frame(tag flv.Tag, v flv.Video, now time.Duration) {
	if p.assembler == nil || p.coding != v.Format {
		return // what comes before the record cannot be read
	}
	for rest, n := v.Frame, 0; len(rest) > 0; n++ {
		unit, behind, err := p.config.NextUnit(rest)
		if p.steps++; err == nil && n == maxUnits {
			err = errUnits
		}
		if err != nil {
			p.assembler.Spoil(err)
			break
		}
		rest = behind
		if len(unit) > 0 {
			_ = p.assembler.Add(unit) // what is wrong with a slice Finish tells; other units can be missed
		}
	}
	frame, ok, err := p.assembler.Finish()
	frame.Captured, frame.Decode = p.clock.at(tag.Time+v.Composition, tag.Time, now)
	p.take(frame, ok, err, p.assembler.Order())
}

func (p *flvParser) pause(bool) error { return nil }

func (p *flvParser) isHolding() bool { return false }

// transport takes an MPEG transport stream. A frame is known when the next one begins, or after a pause.
type transport struct {
	*Demuxer
	reader *mpegts.Reader
	units  *annexB // nil before the first of the video
	clock  clock
}

func newTransport(d *Demuxer) *transport { return &transport{Demuxer: d, reader: mpegts.NewReader()} }

func (p *transport) push(data []byte, now time.Duration) error {
	p.reader.Push(data)
	for {
		chunk, ok, err := p.reader.Next()
		if err != nil || !ok {
			return explain(err, mpegts.ErrCodec)
		}
		p.take(chunk, now)
	}
}

// take takes a part of the video.
func (p *transport) take(c mpegts.Chunk, now time.Duration) {
	if p.units == nil || p.units.coding != c.Format {
		p.units = newAnnexB(p.Demuxer, c.Format)
		p.units.isTimed = true
	}
	u := p.units
	captured, decode := now, time.Duration(0)
	if c.HasTime {
		captured, decode = p.clock.at(c.Shown, c.Decoded, now)
	}
	switch {
	case u.wasPaused && !c.Begins:
		u.spoil(errPart)
		u.captured, u.decode = captured, decode
	case !c.Begins: // its times are those of the packet that it is a part of
		captured, decode = u.captured, u.decode
	case u.wasPaused || u.captured == 0:
		u.captured, u.decode = captured, decode
	}
	u.read(c.Data, captured, decode)
}

func (p *transport) pause(isOver bool) error {
	if p.units == nil {
		return nil
	}
	return p.units.pause(isOver)
}

func (p *transport) isHolding() bool { return p.units != nil && p.units.isHolding() }
