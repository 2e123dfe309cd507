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
	recoded    []byte
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

func (j *jpegPayload) lay(dst []byte, f *ring.Frame, timestamp uint32) (rtp.Packets, error) {
	err := j.picture.Parse(f.Bytes)
	if transcoder := j.stream.options.Transcoder; errors.Is(err, jpeg.ErrReencode) && transcoder != nil {
		if j.recoded, err = transcoder.Transcode(j.recoded[:0], f.Bytes); err == nil {
			j.stream.figures.Transcoded++
			err = j.picture.Parse(j.recoded)
		}
	}
	if err != nil {
		return rtp.Packets{}, err
	}
	return j.packetizer.Packetize(dst, &j.picture, timestamp)
}

func (j *jpegPayload) nextSequence() uint16 { return j.packetizer.NextSequence() }

func (j *jpegPayload) describe(*media.Params) rtsp.Description {
	return rtsp.Description{PayloadType: rtp.PayloadTypeJPEG, Encoding: "JPEG/90000"}
}

func (j *jpegPayload) check(p *media.Params) error {
	if p.Width > rtp.MaxJPEGDimension || p.Height > rtp.MaxJPEGDimension {
		return fmt.Errorf("pictures of %dx%d are too large for RTP/JPEG, at most %[3]dx%[3]d: choose a smaller size",
			p.Width, p.Height, rtp.MaxJPEGDimension)
	}
	return nil
}
