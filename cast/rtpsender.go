package cast

import (
	"fmt"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// rtpSender lays a stream's frames out as RTP packets: one SSRC, one sequence, one clock for
// all readers. It is the layout of a ring.Form.
type rtpSender struct {
	stream   *Stream
	ssrc     uint32
	clock    rtp.Clock
	sequence uint16 // the first packet's, until there is a payload
	payload  payload
	format   media.Format
	// octets are those of all payloads so far (RFC 3550, section 6.4.1).
	octets uint64
}

// payload is one RTP payload format.
type payload interface {
	// mustTranscode reports whether a frame, which is laid out next unless it must, cannot be
	// carried as it is coded.
	mustTranscode(frame []byte) bool
	// lay lays a frame out in dst, from its beginning, with a timestamp.
	lay(dst []byte, f *ring.Frame, timestamp uint32) (rtp.Packets, error)
	// nextSequence is the sequence number of the next packet.
	nextSequence() uint16
	// describe fills in PayloadType, Encoding and FormatParameters.
	describe(p *media.Params) rtsp.Description
	// check says why frames with these parameters cannot be sent, nil if they can.
	check(p *media.Params) error
}

// payloads make the payload of each format that can be sent.
var payloads = map[media.Format]func(*Stream, payloadOptions) (payload, error){
	media.JPEG: newJPEGPayload, media.H264: newNALPayload(media.H264), media.H265: newNALPayload(media.H265),
}

// payloadOptions are how packets are cut and numbered.
type payloadOptions struct {
	ssrc       uint32
	sequence   uint16 // the first packet's
	packetSize int    // in bytes, RTP header included
	runPackets int
}

func newRTPSender(s *Stream) *rtpSender {
	c := &s.broadcaster.config
	return &rtpSender{stream: s, ssrc: c.random32(), clock: rtp.NewClock(c.random32()), sequence: uint16(c.random32())}
}

// use has frames with these parameters laid out from now on, or says why they cannot be.
func (r *rtpSender) use(p *media.Params) error {
	if r.payload != nil && r.format != p.Format {
		return fmt.Errorf("%v frame in a stream of %v", p.Format, r.format)
	}
	if r.payload != nil {
		return r.payload.check(p)
	}
	newPayload, ok := payloads[p.Format]
	if !ok {
		return fmt.Errorf("%v cannot be sent by RTP", p.Format)
	}
	c := &r.stream.broadcaster.config
	made, err := newPayload(r.stream, payloadOptions{
		ssrc: r.ssrc, sequence: r.sequence, packetSize: c.packetSize(), runPackets: c.runPackets(),
	})
	if err != nil {
		return err
	}
	if err := made.check(p); err != nil {
		return err // the stream's format is still free, as nothing was sent in this one
	}
	r.payload, r.format = made, p.Format
	return nil
}

// Lay lays a frame out; it implements ring.Layout.
func (r *rtpSender) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	if fault := r.stream.notByRTP; fault != nil {
		return rtp.Packets{}, fault
	}
	packets, err := r.payload.lay(dst, f, r.clock.At(f.Captured))
	r.octets += uint64(len(packets.Bytes) - packets.Count*rtp.HeaderBytes)
	return packets, err
}

// SSRC, Octets and AppendRTCP implement packets.
func (r *rtpSender) SSRC() uint32 { return r.ssrc }

func (r *rtpSender) Octets() uint64 { return r.octets }

func (r *rtpSender) AppendRTCP(dst, packet []byte) []byte { return append(dst, packet...) }

// NextSequence is the sequence number of the next packet.
func (r *rtpSender) NextSequence() uint16 {
	if r.payload == nil {
		return r.sequence
	}
	return r.payload.nextSequence()
}

// describe is what the payload says of itself in an SDP. There is a payload.
func (r *rtpSender) describe() rtsp.Description { return r.payload.describe(r.stream.params) }

// payloadType is the payload's number in RTP headers, that of JPEG as long as nothing else is
// known.
func (r *rtpSender) payloadType() uint8 {
	if r.payload == nil {
		return rtp.PayloadTypeJPEG
	}
	return r.describe().PayloadType
}
