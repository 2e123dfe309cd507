package rtp

import (
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
)

// PaddingBit, in an RTP header's first byte, says that the packet ends with padding (RFC 3550, section 5.1).
const PaddingBit = 0x20

// AppendFiller appends the payload of a packet that carries nothing, to be a frame's last one, where last is the
// payload of the one before: filler data, which decoders pass over. Of formats that have none it is empty.
func AppendFiller(dst []byte, f media.Format, last []byte) []byte {
	const end = 0x80 // of a unit's bits
	switch f {
	case media.H264:
		return append(dst, byte(h264.TypeFiller), end)
	case media.H265: // of the same layer as the frame, and its temporal sub-layer
		return append(dst, last[0]&1|byte(h265.TypeFiller)<<1, last[1], end)
	}
	return dst
}

// IsFiller reports whether a payload of H.264 or H.265 is filler data alone, or empty: one of padding alone.
func IsFiller(f media.Format, payload []byte) bool {
	switch {
	case len(payload) == 0:
		return true
	case f == media.H264:
		return h264.TypeOf(payload) == h264.TypeFiller
	}
	return f == media.H265 && h265.TypeOf(payload) == h265.TypeFiller
}
