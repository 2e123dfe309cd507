package view

import (
	"time"

	"github.com/camcast/camcast/media"
)

// Frame is a picture and when it was taken.
type Frame struct {
	Format media.Format
	// Bytes are valid until the next Pop: of JPEG a whole file, of H.264 and H.265 NAL units as in
	// media.Frame.
	Bytes []byte
	// Params have the parameter sets of H.264 and H.265. They are nil for JPEG.
	Params *media.Params
	// Key: the frame needs no other one, and Disposable: no other one needs it.
	Key, Disposable bool
	// Timestamp is RTP's, in 1/90000 s.
	Timestamp uint32
	// Arrived is when the frame would have arrived, on the clock of Push, if its packets had been as
	// quick as the quickest ones of late: it advances as the timestamps do, without the jitter.
	Arrived time.Duration
}
