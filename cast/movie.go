package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/mp4"
	"github.com/camcast/camcast/proto/rtp"
)

// movie is the frames of a rendition as fragments of MP4, and the outlet that sends them. Fragments are numbered and
// timed for all readers alike; a reader that is caught up gets other times.
type movie struct {
	rendition *rendition
	fan       *tcpfan.Fan
	figures   tcpfan.Figures

	clock    mp4.Clock
	last     uint64 // the frame that was laid out last
	sequence uint32
	fragment mp4.Fragment

	// segment is the init segment of frames with these params.
	params      *media.Params
	segment     []byte
	contentType string
	fault       error
}

// unfinished stands for what is missing of a frame that was given up.
var unfinished = make([]byte, 16<<10)

func newMovie(r *rendition) *movie {
	b := r.stream.broadcaster
	m := &movie{rendition: r}
	m.fan = tcpfan.New(tcpfan.Config{
		Loop: b.loop, Ring: r.ring, Form: r.ring.NewForm(m), Figures: &m.figures, Backlog: b.backlog, RequestKey: func() { r.keys.request() },
		Parts: &tcpfan.Parts{HeadBytes: mp4.HeadBytes, Filler: unfinished, Retime: retime},
	})
	return m
}

// Lay lays a frame out; it implements ring.Layout.
func (m *movie) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	if !f.Params.Format.Dependent() {
		return rtp.Packets{}, mp4.ErrFormat
	}
	decode := f.Captured
	if f.Decode > 0 {
		decode = f.Decode
	}
	if f.Number != m.last+1 {
		m.clock.Resume(decode)
	}
	m.last = f.Number
	m.sequence++
	one := &m.fragment
	*one = mp4.Fragment{Sequence: m.sequence, Key: f.Key, Disposable: f.Disposable}
	if f.Key {
		one.Sets = f.Params.ParameterSets
	}
	m.clock.Next(one, decode, f.Captured, nominal(f.Params))
	packets := rtp.Single(one.Append(dst, f.Bytes))
	// Readers are caught up by the time of decoding, which the ring finds by taking this difference away.
	packets.Timestamp = uint32(one.Decode) + uint32((max(f.Captured-decode, 0)*rtp.ClockHz+time.Second-1)/time.Second)
	return packets, nil
}

// nominal is the interval between frames, 0 if it is not known.
func nominal(p *media.Params) time.Duration {
	if p.FramesPerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / p.FramesPerSecond)
}

// retime changes the times of a fragment for a reader that is caught up.
func retime(head []byte, s ring.Squeeze, number uint64) {
	mp4.Retime(head, func(t uint64) uint64 { // the live edge is less than half of the timestamps' range away
		return t + uint64(int64(int32(s.At(number, uint32(t))-uint32(t))))
	})
}

// init returns the init segment for new readers, and its content type. The error is a *Refusal.
func (m *movie) init() (segment []byte, contentType string, err error) {
	p := m.rendition.stream.params
	if p == nil {
		return nil, "", m.rendition.stream.notYet("nothing is known of its frames")
	}
	if p != m.params {
		m.params = p
		m.segment, m.contentType, m.fault = mp4.Init(p)
	}
	if errors.Is(m.fault, mp4.ErrNoSets) {
		return nil, "", m.rendition.stream.notYet(m.fault.Error())
	}
	if m.fault != nil {
		return nil, "", refuse(NotCarried, "%v", m.fault)
	}
	return m.segment, m.contentType, nil
}

// Movie is the content type of the stream as fragments of MP4 (Session.PlayMovie). The error is ErrClosed or a *Refusal:
// NotCarried where the stream is neither H.264 nor H.265.
func (s *Stream) Movie() (contentType string, err error) {
	if err := s.over(); err != nil {
		return "", err
	}
	_, contentType, err = s.rendition.movie.init()
	return contentType, err
}
