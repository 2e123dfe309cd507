package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/multipart"
	"github.com/camcast/camcast/proto/rtp"
)

// parts is the frames of a rendition as parts of an HTTP response, and the outlet that sends them. Frames
// go as the camera made them, however large, and are not transcoded for it.
type parts struct {
	stream  *Stream
	fan     *tcpfan.Fan
	figures tcpfan.Figures
}

// endOfImage is JPEG's EOI, again and again: a decoder that meets it takes a picture for cut short.
var endOfImage = newEndOfImage()

func newEndOfImage() []byte {
	p := make([]byte, 16<<10)
	for i := range p {
		p[i] = [2]byte{0xff, 0xd9}[i%2]
	}
	return p
}

func newParts(r *rendition) *parts {
	b := r.stream.broadcaster
	p := &parts{stream: r.stream}
	p.fan = tcpfan.New(tcpfan.Config{
		Loop: b.loop, Ring: r.ring, Form: r.ring.NewForm(p), Figures: &p.figures, Backlog: b.backlog, RequestKey: func() { r.keys.request() },
		Parts: &tcpfan.Parts{HeadBytes: multipart.MaxHeadBytes, Trailer: []byte(multipart.Trailer), Filler: endOfImage},
	})
	return p
}

var errNoJPEG = errors.New("only JPEG can be sent as parts of an HTTP response")

// Lay lays a frame out; it implements ring.Layout.
func (p *parts) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	if f.Params.Format != media.JPEG {
		return rtp.Packets{}, errNoJPEG
	}
	dst, err := multipart.AppendPart(dst, f.Bytes, p.stream.Wall(f.Captured))
	return rtp.Single(dst), err
}

// Wall is the time of day at a time on CLOCK_MONOTONIC, such as a frame's Captured.
func (s *Stream) Wall(at time.Duration) time.Time {
	k := s.broadcaster.loop.Kernel()
	return k.Wall().Add(at - k.Monotonic())
}
