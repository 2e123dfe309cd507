package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

const (
	movieClock = 90000 // of times, in a second: RTP's
	// fragmentTime is how long the fragments of a movie are: what is lost at most if camview is killed.
	fragmentTime  = movieClock
	fragmentBytes = 16 << 20
	// pauseTime is the longest distance between two pictures, or back. Beyond it the source has begun
	// anew, with other times: the pictures go on without a pause.
	pauseTime = 10 * movieClock
	// usualTime is how long a picture lasts if nothing else is known.
	usualTime = movieClock / 25
)

// movie writes pictures with their times to an MP4 file, in fragments: each is whole when it is written,
// so that the file can be played wherever it ends.
type movie struct {
	file   *target
	params *media.Params // whose sets are at the file's beginning, which has one of each kind; nil: none
	format media.Format
	buffer seekablebuffer.Buffer

	number  uint32
	samples []sample // of the fragment in hand
	bytes   int
	// newest is the latest time of a picture, and timestamp RTP's of the last picture, whose time is
	// last. decoded is when the next picture is to be decoded at the earliest.
	newest, last, decoded int64
	timestamp             uint32
}

// sample is a picture, shown at a time.
type sample struct {
	shown int64
	key   bool
	bytes []byte
}

func newMovie(name string) (*movie, error) {
	f, err := openTarget(name)
	if err != nil {
		return nil, err
	}
	return &movie{file: f}, nil
}

func (m *movie) write(pictures []view.Frame, _ string, _ bool) error {
	for i := range pictures {
		if err := m.add(&pictures[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *movie) close() error {
	var err error
	if len(m.samples) > 0 {
		err = m.flush()
	}
	return errors.Join(err, m.file.close())
}

// add adds a picture.
func (m *movie) add(p *view.Frame) error {
	begins := !m.file.begun
	if begins {
		if err := m.begin(p); err != nil {
			return err
		}
	}
	if p.Format != m.format {
		return fmt.Errorf("-o %s: the stream is %v now, and was %v: begin another file", m.file.Name(), p.Format, m.format)
	}
	shown := m.time(p.Timestamp, begins)
	// Those that are shown before a picture with the latest time of all have come, or come after it.
	if len(m.samples) > 0 && shown > m.newest &&
		(p.Key && p.Format.Dependent() || shown-m.samples[0].shown >= fragmentTime || m.bytes >= fragmentBytes) {
		if err := m.flush(); err != nil {
			return err
		}
	}
	m.newest, m.last, m.timestamp = max(m.newest, shown), shown, p.Timestamp
	data, err := m.coded(p)
	if err != nil {
		return err
	}
	m.samples = append(m.samples, sample{shown, p.Key || !p.Format.Dependent(), data})
	m.bytes += len(data)
	return nil
}

// time is when a picture is shown.
func (m *movie) time(timestamp uint32, begins bool) int64 {
	step := int64(int32(timestamp - m.timestamp))
	switch {
	case begins:
		return 0
	case step > pauseTime || step < -pauseTime:
		return m.newest + usualTime
	}
	return m.last + step
}

// coded is a picture as the file has it: parameter sets that are not those at the file's beginning are
// before each key frame.
func (m *movie) coded(p *view.Frame) (data []byte, err error) {
	if p.Key && p.Format.Dependent() && (m.params == nil || !p.Params.Equal(m.params)) {
		for _, set := range p.Params.ParameterSets {
			data = nal.Append(data, set)
		}
	}
	return append(data, p.Bytes...), nil
}

// begin writes the file's beginning.
func (m *movie) begin(p *view.Frame) error {
	codec, err := codecOf(p)
	if err != nil {
		return err
	}
	m.format = p.Format
	if kinds := map[media.Format]int{media.H264: 2, media.H265: 3}[p.Format]; kinds > 0 && len(p.Params.ParameterSets) == kinds {
		m.params = p.Params
	}
	beginning := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: movieClock, Codec: codec}}}
	m.buffer.Reset()
	if err := beginning.Marshal(&m.buffer); err != nil {
		return fmt.Errorf("-o %s: %w", m.file.Name(), err)
	}
	if err := m.file.begin(); err != nil {
		return err
	}
	_, err = m.file.Write(m.buffer.Bytes())
	return err
}

// codecOf is what the file's beginning says of the pictures.
func codecOf(p *view.Frame) (codecs.Codec, error) {
	if p.Format == media.JPEG {
		width, height, err := jpeg.Size(p.Bytes)
		return &codecs.MJPEG{Width: width, Height: height}, err
	}
	var avc codecs.H264
	var hevc codecs.H265
	for _, set := range p.Params.ParameterSets {
		if len(set) == 0 {
			continue
		}
		if p.Format == media.H264 {
			switch h264.TypeOf(set) {
			case h264.TypeSPS:
				avc.SPS = set
			case h264.TypePPS:
				avc.PPS = set
			}
			continue
		}
		switch h265.TypeOf(set) {
		case h265.TypeVPS:
			hevc.VPS = set
		case h265.TypeSPS:
			hevc.SPS = set
		case h265.TypePPS:
			hevc.PPS = set
		}
	}
	if p.Format == media.H265 {
		return &hevc, nil
	}
	return &avc, nil
}

// flush writes the fragment in hand. Pictures are decoded in the order in which they came, the first at the
// time at which the first of them is shown, and so on.
func (m *movie) flush() error {
	shown := make([]int64, len(m.samples))
	for i, s := range m.samples {
		shown[i] = s.shown
	}
	slices.SortFunc(shown, cmp.Compare[int64])
	track := &fmp4.PartTrack{ID: 1}
	for i, s := range m.samples {
		at := max(shown[i], m.decoded)
		if i == 0 {
			track.BaseTime = uint64(at)
		} else {
			track.Samples[i-1].Duration = uint32(at + 1 - m.decoded)
		}
		m.decoded = at + 1
		track.Samples = append(track.Samples, &fmp4.Sample{PTSOffset: int32(s.shown - at), IsNonSyncSample: !s.key, Payload: s.bytes})
	}
	last := track.Samples[len(track.Samples)-1]
	last.Duration = usualTime // the next fragment has its own time
	if n := len(track.Samples); n > 1 {
		last.Duration = track.Samples[n-2].Duration
	}
	m.number++
	m.buffer.Reset()
	if err := (fmp4.Part{SequenceNumber: m.number, Tracks: []*fmp4.PartTrack{track}}).Marshal(&m.buffer); err != nil {
		return fmt.Errorf("-o %s: %w", m.file.Name(), err)
	}
	m.samples, m.bytes = m.samples[:0], 0
	_, err := m.file.Write(m.buffer.Bytes())
	return err
}
