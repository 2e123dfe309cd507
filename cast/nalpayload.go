package cast

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// payloadTypeNAL is the number of H.264 and H.265 in RTP headers, the first dynamic one.
const payloadTypeNAL = 96

// nalPayload is RTP of H.264 (RFC 6184) or H.265 (RFC 7798).
type nalPayload struct {
	packetizer *rtp.NALPacketizer
	// described is what description is of: it is written once for all who ask.
	described   *media.Params
	description rtsp.Description
}

// newNALPayload makes the maker of a format's payload.
func newNALPayload(format media.Format) func(*Stream, payloadOptions) (payload, error) {
	return func(_ *Stream, o payloadOptions) (payload, error) {
		packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{
			Format: format, PayloadType: payloadTypeNAL, SSRC: o.ssrc, FirstSequence: o.sequence, PacketSize: o.packetSize, RunPackets: o.runPackets,
		})
		if err != nil {
			return nil, err
		}
		return &nalPayload{packetizer: packetizer}, nil
	}
}

func (n *nalPayload) mustTranscode([]byte) bool { return false }

func (n *nalPayload) lay(dst []byte, f *ring.Frame, timestamp uint32) (rtp.Packets, error) {
	return n.packetizer.Packetize(dst, &f.Frame, timestamp)
}

func (n *nalPayload) nextSequence() uint16 { return n.packetizer.NextSequence() }

func (n *nalPayload) describe(p *media.Params) rtsp.Description {
	if p != n.described {
		n.described, n.description = p, rtsp.Description{PayloadType: payloadTypeNAL}
		if p.Format == media.H265 {
			n.description.Encoding, n.description.FormatParameters = "H265/90000", h265.FormatParameters(p.ParameterSets)
		} else {
			n.description.Encoding, n.description.FormatParameters = "H264/90000", h264.FormatParameters(p.ParameterSets)
		}
	}
	return n.description
}

func (n *nalPayload) check(*media.Params) error { return nil }
