package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
)

// ClockHz is the rate of all times.
const ClockHz = 90000

// ErrFormat says that a stream is neither H.264 nor H.265.
var ErrFormat = errors.New("only H.264 and H.265 are written as MP4")

// ErrNoSets says that parameter sets are missing: they may come with the next key frame.
var ErrNoSets = errors.New("the stream has not all of its parameter sets yet")

// track is the number of the only track.
const track = 1

// Init returns the init segment of a stream, and the content type of it and what follows. The error is ErrFormat, ErrNoSets, or says
// what is wrong with the parameter sets.
func Init(p *media.Params) (segment []byte, contentType string, err error) {
	codec, from, to, name, err := codecOf(p)
	if err != nil {
		return nil, "", err
	}
	var out seekablebuffer.Buffer
	if err := (fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: track, TimeScale: ClockHz, Codec: codec}}}).Marshal(&out); err != nil {
		return nil, "", fmt.Errorf("no MP4 can be made of the parameter sets: %w", err)
	}
	segment = out.Bytes()
	// stsd has a version, flags and a count before the entry, which begins with its length.
	at := bytes.Index(segment, []byte("stsd")) + 16
	if at < 16 || !bytes.HasPrefix(segment[at:], []byte(from)) {
		return nil, "", errors.New("the init segment has no " + from)
	}
	copy(segment[at:], to)
	return segment, `video/mp4; codecs="` + name + `"`, nil
}

// codecOf finds the parameter sets of a stream, and says what the entry is called that is written for them, what it is to be
// called, and the codec's name (RFC 6381).
func codecOf(p *media.Params) (codec codecs.Codec, from, to, name string, err error) {
	switch p.Format {
	case media.H264:
		sps, pps := find(p, 1, func(u []byte) bool { return h264.TypeOf(u) == h264.TypeSPS }), find(p, 1, func(u []byte) bool { return h264.TypeOf(u) == h264.TypePPS })
		if len(sps) < 4 || pps == nil {
			return nil, "", "", "", ErrNoSets
		}
		return &codecs.H264{SPS: sps, PPS: pps}, "avc1", "avc3", fmt.Sprintf("avc3.%x", sps[1:4]), nil
	case media.H265:
		kind := func(t h265.Type) []byte { return find(p, 2, func(u []byte) bool { return h265.TypeOf(u) == t }) }
		vps, sps, pps := kind(h265.TypeVPS), kind(h265.TypeSPS), kind(h265.TypePPS)
		if vps == nil || sps == nil || pps == nil {
			return nil, "", "", "", ErrNoSets
		}
		name, err := nameH265(sps)
		return &codecs.H265{VPS: vps, SPS: sps, PPS: pps}, "hvc1", "hev1", name, err
	}
	return nil, "", "", "", ErrFormat
}

// find is the first parameter set of a kind.
func find(p *media.Params, least int, is func(unit []byte) bool) []byte {
	for _, u := range p.ParameterSets {
		if len(u) >= least && is(u) {
			return u
		}
	}
	return nil
}

// nameH265 is the codec's name by ISO/IEC 14496-15, annex E: the profile, what it is compatible with, tier and level, and
// constraints, without those at the end that are 0.
func nameH265(sps []byte) (string, error) {
	const from, profileBytes = 3, 12 // the profile begins behind the header and a byte
	p := unescape(sps, from+profileBytes)
	if len(p) < from+profileBytes {
		return "", ErrNoSets
	}
	p = p[from:]
	compatible := uint32(p[1])<<24 | uint32(p[2])<<16 | uint32(p[3])<<8 | uint32(p[4])
	space := []string{"", "A", "B", "C"}[p[0]>>6]
	tier := "LH"[p[0]>>5&1]
	name := fmt.Sprintf("hev1.%s%d.%X.%c%d", space, p[0]&0x1f, bits.Reverse32(compatible), tier, p[11])
	constraints := ""
	for _, c := range bytes.TrimRight(p[5:11], "\x00") {
		constraints += fmt.Sprintf(".%X", c)
	}
	return name + constraints, nil
}

// unescape is the beginning of a unit without the bytes that keep start codes out of it (emulation_prevention_three_byte).
func unescape(unit []byte, most int) (plain []byte) {
	zeros := 0
	for _, c := range unit {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		if plain = append(plain, c); len(plain) == most {
			break
		}
	}
	return plain
}
