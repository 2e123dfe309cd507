package view

import (
	"encoding/binary"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/rtp"
)

// assembly makes frames of packets that come in order.
type assembly interface {
	// push takes a packet. When it completes a frame it returns that, valid until the next call.
	push(packet []byte) (f Frame, ok bool, err error)
	// begins reports whether a packet is the first one of a frame.
	begins(packet []byte) bool
	// gap reports whether anything did not come between the last frame and the one before it.
	gap() bool
	// follows reports whether the last frame can be decoded after those before it, whatever did not
	// come between: none that it may need is missing.
	follows() bool
	// leads reports whether the last frame cannot be decoded where decoding has begun with the key
	// frame before it. None but such frames need it.
	leads() bool
	// restart forgets what is in hand, as the source has begun anew.
	restart()
}

// jpegAssembly is that of RTP/JPEG.
type jpegAssembly struct{ rtp.JPEGDepacketizer }

func (a *jpegAssembly) push(packet []byte) (Frame, bool, error) {
	picture, ok, err := a.Push(packet)
	return Frame{Format: media.JPEG, Bytes: picture, Key: true, Timestamp: binary.BigEndian.Uint32(packet[4:])}, ok, err
}

func (a *jpegAssembly) begins(packet []byte) bool { return rtp.BeginsJPEG(packet) }
func (a *jpegAssembly) gap() bool                 { return false }
func (a *jpegAssembly) follows() bool             { return true }
func (a *jpegAssembly) leads() bool               { return false }

func (a *jpegAssembly) restart() {
	a.JPEGDepacketizer = rtp.JPEGDepacketizer{Width: a.Width, Height: a.Height}
}

// maxFrameBytes bounds the frames of H.264 and H.265, and so the memory.
const maxFrameBytes = 16 << 20

// nalAssembly is that of H.264 and H.265.
type nalAssembly struct {
	*rtp.NALDepacketizer
	format media.Format
	last   media.Frame
	isNext bool // the last frame needs none that has not come, as the bit stream says
	// One of these follows what frames need.
	chain264 h264.Chain
	chain265 h265.Chain
	// isStrict: a gap is a loss, whatever the bit stream says.
	isStrict bool
}

func newNALAssembly(f media.Format) *nalAssembly {
	return &nalAssembly{NALDepacketizer: rtp.NewNALDepacketizer(f, maxFrameBytes), format: f}
}

// follow takes the last frame into the chain, and reports whether it needs none that has not come.
func (a *nalAssembly) follow() bool {
	if a.format == media.H265 {
		return a.chain265.Next(&a.last)
	}
	return a.chain264.Next(&a.last, h264.Arrival{Timestamp: a.Timestamp(), Packets: a.Packets(), Missing: a.Missing()})
}

func (a *nalAssembly) push(packet []byte) (Frame, bool, error) {
	f, ok, err := a.Push(packet)
	if !ok {
		return Frame{}, false, err
	}
	a.last = f
	a.isNext = a.follow()
	return Frame{Format: a.format, Bytes: f.Bytes, Params: f.Params, Key: f.Key, Disposable: f.Disposable, Timestamp: a.Timestamp()}, true, err
}

// follows: frames that no other one needs may be missing. H.264 numbers the others; of H.265 each frame
// names those that it needs. Where that cannot be told, something is missing.
func (a *nalAssembly) follows() bool { return a.isNext && !a.isStrict }

func (a *nalAssembly) gap() bool { return a.Gap() }

func (a *nalAssembly) leads() bool { return a.last.Leading }

func (a *nalAssembly) restart() { a.Reset() }

// begins looks at the payload's first unit: a packet of parameter sets or SEI is the first one of a
// frame, as is one with the beginning of the picture's first slice.
func (a *nalAssembly) begins(packet []byte) bool {
	p := rtp.Payload(packet)
	if rtp.IsFiller(a.format, p) {
		return false
	}
	if a.format == media.H265 {
		return begins265(p)
	}
	return begins264(p)
}

// begins264 is begins for payloads of RFC 6184.
func begins264(p []byte) bool {
	const stapA, fuA, fuStart = 24, 28, 0x80
	if len(p) < 2 {
		return false
	}
	switch p[0] & 0x1f {
	case stapA:
		return len(p) > 3 && begins264(p[3:])
	case fuA:
		return p[1]&fuStart != 0 && len(p) > 2 && p[2]&0x80 != 0 // first_mb_in_slice is 0
	}
	return !h264.IsSlice(p) || h264.BeginsPicture(p)
}

// begins265 is begins for payloads of RFC 7798.
func begins265(p []byte) bool {
	const ap, fu, fuStart = 48, 49, 0x80
	if len(p) < 3 {
		return false
	}
	switch p[0] >> 1 & 0x3f {
	case ap:
		return len(p) > 4 && begins265(p[4:])
	case fu:
		return p[2]&fuStart != 0 && len(p) > 3 && p[3]&0x80 != 0 // first_slice_segment_in_pic_flag
	}
	return !h265.IsSlice(p) || h265.BeginsPicture(p)
}
