package cast

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// jpegPayload is RTP/JPEG (RFC 2435).
type jpegPayload struct {
	stream     *Stream
	packetizer *rtp.JPEGPacketizer
	picture    jpeg.Image
	// isParsed: picture and err are those of the frame that is laid out next.
	isParsed bool
	err      error
}

func newJPEGPayload(s *Stream, o payloadOptions) (payload, error) {
	packetizer, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{
		SSRC: o.ssrc, FirstSequence: o.sequence, PacketSize: o.packetSize, RunPackets: o.runPackets,
	})
	if err != nil {
		return nil, err
	}
	return &jpegPayload{stream: s, packetizer: packetizer}, nil
}

// mustTranscode takes the picture apart, so that lay need not.
func (j *jpegPayload) mustTranscode(picture []byte) bool {
	j.err = j.picture.Parse(picture)
	j.isParsed = !errors.Is(j.err, jpeg.ErrReencode)
	return !j.isParsed
}

func (j *jpegPayload) lay(dst []byte, f *ring.Frame, timestamp uint32) (rtp.Packets, error) {
	if !j.isParsed {
		j.err = j.picture.Parse(f.Bytes)
	}
	j.isParsed = false
	switch {
	case errors.Is(j.err, jpeg.ErrReencode):
		j.stream.rendition.notCarried(f.Frame)
		return rtp.Packets{}, j.err
	case j.err != nil:
		return rtp.Packets{}, j.err
	}
	return j.packetizer.Packetize(dst, &j.picture, timestamp)
}

func (j *jpegPayload) nextSequence() uint16 { return j.packetizer.NextSequence() }

func (j *jpegPayload) describe(*media.Params) rtsp.Description {
	return rtsp.Description{PayloadType: rtp.PayloadTypeJPEG, Encoding: "JPEG/90000"}
}

func (j *jpegPayload) check(p *media.Params) error {
	if p.Width > rtp.MaxJPEGDimension || p.Height > rtp.MaxJPEGDimension {
		return fmt.Errorf("pictures of %dx%d are too large for RTP/JPEG, at most %[3]dx%[3]d: choose a smaller size (?size=), encode H.264 (?encode=h264), or have them watched by HTTP (--http, /NAME.mjpg)",
			p.Width, p.Height, rtp.MaxJPEGDimension)
	}
	return nil
}
