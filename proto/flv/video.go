package flv

import (
	"fmt"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// Video is what a tag of video says.
type Video struct {
	Format media.Format
	// Key: a key frame.
	Key bool
	// Composition is how much later the frame is shown than decoded.
	Composition time.Duration
	// Config is a decoder configuration record (ISO/IEC 14496-15), for ParseConfig, in a tag that has
	// no frame. Frame is a frame: NAL units with their lengths before them, as many bytes each as the
	// record says. Both are nil of a tag that has neither. They are parts of the tag's data.
	Config, Frame []byte
}

// The codecs of E.4.3.1, and 12, which some encoders have for H.265.
const (
	codecH264 = 7
	codecH265 = 12
)

// legacyNames are other codecs by their number, for a person.
var legacyNames = map[byte]string{2: "Sorenson H.263", 3: "Screen Video", 4: "On2 VP6", 5: "On2 VP6 with alpha", 6: "Screen Video 2"}

// ErrCodec is matched by errors about video that is neither H.264 nor H.265.
var ErrCodec = fmt.Errorf("%w: neither H.264 nor H.265", ErrMalformed)

// The types of packets: those of Enhanced RTMP; the older form has the first three.
const (
	packetConfig  = 0
	packetFrame   = 1
	packetFramesX = 3 // without a composition time
)

// ParseVideo reads a tag of video. The error matches ErrMalformed, and ErrCodec if only the codec is
// another one.
func ParseVideo(data []byte) (v Video, err error) {
	if len(data) == 0 {
		return v, fmt.Errorf("%w: an empty tag of video", ErrMalformed)
	}
	kind := data[0] >> 4 & 7
	if kind == 5 { // a command to a player
		return v, nil
	}
	v.Key = kind == 1
	var packet byte
	var rest []byte
	if data[0]&0x80 == 0 {
		packet, rest, err = v.older(data)
	} else {
		packet, rest, err = v.enhanced(data)
	}
	if err != nil {
		return v, err
	}
	switch packet {
	case packetConfig:
		v.Config, v.Key = rest, false
	case packetFrame:
		if len(rest) < 3 {
			return v, fmt.Errorf("%w: a frame without its composition time", ErrMalformed)
		}
		v.Composition = time.Duration(int32(number(rest)<<8)>>8) * time.Millisecond
		v.Frame = rest[3:]
	case packetFramesX:
		v.Frame = rest
	}
	return v, nil
}

// older reads the form that has the codec's number. The three bytes before a record are skipped.
func (v *Video) older(data []byte) (packet byte, rest []byte, err error) {
	switch codec := data[0] & 15; codec {
	case codecH264:
		v.Format = media.H264
	case codecH265:
		v.Format = media.H265
	default:
		name := legacyNames[codec]
		if name == "" {
			name = fmt.Sprintf("codec %d", codec)
		}
		return 0, nil, fmt.Errorf("%w, but %s", ErrCodec, name)
	}
	if len(data) < 5 {
		return 0, nil, fmt.Errorf("%w: a tag of video of %d bytes", ErrMalformed, len(data))
	}
	if packet = data[1]; packet == packetConfig {
		return packet, data[5:], nil
	}
	return min(packet, 2), data[2:], nil // 2 ends the sequence
}

// enhanced reads the form that has the codec's four letters.
func (v *Video) enhanced(data []byte) (packet byte, rest []byte, err error) {
	if len(data) < 5 {
		return 0, nil, fmt.Errorf("%w: a tag of video of %d bytes", ErrMalformed, len(data))
	}
	switch name := string(data[1:5]); name {
	case "avc1":
		v.Format = media.H264
	case "hvc1":
		v.Format = media.H265
	default:
		return 0, nil, fmt.Errorf("%w, but %q", ErrCodec, name)
	}
	return data[0] & 15, data[5:], nil
}

// Config is what a decoder configuration record says.
type Config struct {
	// Sets are the parameter sets, parts of the record.
	Sets [][]byte
	// LengthBytes is how many bytes say the length of a unit in a frame, 1 to 4.
	LengthBytes int
}

// maxSets bounds the parameter sets of a record.
const maxSets = 64

// ParseConfig reads a decoder configuration record (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1). The error
// matches ErrMalformed.
func ParseConfig(format media.Format, record []byte) (c Config, err error) {
	r := recordReader{rest: record}
	if format == media.H265 {
		r.skip(21)
		c.LengthBytes = int(r.byte()&3) + 1
		for range r.byte() {
			r.skip(1) // their type
			r.sets(&c, r.short())
		}
	} else {
		r.skip(4)
		c.LengthBytes = int(r.byte()&3) + 1
		r.sets(&c, int(r.byte()&31))
		r.sets(&c, int(r.byte()))
	}
	if r.isShort || len(c.Sets) > maxSets {
		return Config{}, fmt.Errorf("%w: a configuration record of %d bytes", ErrMalformed, len(record))
	}
	return c, nil
}

// recordReader reads a record. What is missing is 0, and isShort.
type recordReader struct {
	rest    []byte
	isShort bool
}

func (r *recordReader) take(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.isShort = nil, true
		return nil
	}
	p := r.rest[:n]
	r.rest = r.rest[n:]
	return p
}

func (r *recordReader) skip(n int) { r.take(n) }

func (r *recordReader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *recordReader) short() int { return int(r.byte())<<8 | int(r.byte()) }

// sets reads n parameter sets, each with its length before it.
func (r *recordReader) sets(c *Config, n int) {
	for range n {
		if set := r.take(r.short()); len(set) > 0 && len(c.Sets) <= maxSets {
			c.Sets = append(c.Sets, set)
		}
		if r.isShort {
			return
		}
	}
}

// NextUnit returns the first NAL unit of a frame, and what follows it. Both are parts of frame. The
// error matches nal.ErrMalformed.
func (c Config) NextUnit(frame []byte) (unit, rest []byte, err error) {
	if len(frame) < c.LengthBytes {
		return nil, nil, fmt.Errorf("%w: %d bytes instead of a length", nal.ErrMalformed, len(frame))
	}
	n := uint64(0)
	for _, b := range frame[:c.LengthBytes] {
		n = n<<8 | uint64(b)
	}
	if frame = frame[c.LengthBytes:]; n > uint64(len(frame)) {
		return nil, nil, fmt.Errorf("%w: a length of %d bytes, and %d follow", nal.ErrMalformed, n, len(frame))
	}
	return frame[:n], frame[n:], nil
}
