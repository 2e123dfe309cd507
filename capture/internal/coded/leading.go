package coded

import (
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
)

// Leading finds the frames that follow a key frame but are shown before it, and need others from before
// it: where decoding begins at that key frame they cannot be decoded. Its zero value finds none.
type Leading struct {
	follows bool // such frames may follow
	order   int  // the key frame's
}

// Begin says that decoding begins at a key frame, of which this is the first slice.
func (l *Leading) Begin(format media.Format, slice []byte, order int) {
	l.order = order
	l.follows = format == media.H265 || h264.TypeOf(slice) != h264.TypeIDR
}

// Has reports whether a frame is one, by its first slice. Those of H.265 are marked. Of H.264 all are
// taken that are shown before a key frame that is no IDR picture.
func (l *Leading) Has(frame *media.Frame, format media.Format, slice []byte, order int) bool {
	switch {
	case !l.follows:
		return false
	case frame.Key:
		l.follows = false
	case format == media.H265:
		return h265.IsRASL(slice)
	default:
		l.follows = order < l.order
	}
	return l.follows
}
