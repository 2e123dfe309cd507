package media

import (
	"bytes"
	"slices"
	"time"
)

// Format names how a frame's bytes are coded.
type Format uint8

const (
	// JPEG: each frame is one whole picture, from SOI to EOI. It may be padded after that,
	// and may lack Huffman tables, as UVC cameras send it (ITU-T T.81).
	JPEG Format = iota + 1
	// H264: each frame is an access unit, NAL units with four-byte lengths before them
	// (ITU-T H.264). The parameter sets are in Params and not here.
	H264
	// H265 likewise (ITU-T H.265).
	H265
	// I420: each frame is a picture that is not coded: the planes of Y, Cb and Cr, one after the
	// other and without gaps, with a sample of colour for four pixels (4:2:0; of odd sizes, rounded
	// up). The colours are JPEG's: BT.601, all values from 0 to 255. It is for encoders, and is sent
	// to no viewer.
	I420
)

// String gives the format's usual name.
func (f Format) String() string {
	switch f {
	case JPEG:
		return "JPEG"
	case H264:
		return "H.264"
	case H265:
		return "H.265"
	case I420:
		return "I420"
	}
	return "unknown"
}

// Dependent reports whether a frame of this format may need earlier ones to be decoded, so
// that a viewer can begin only at a key frame.
func (f Format) Dependent() bool { return f != JPEG && f != I420 }

// Params is what the frames of a source have in common. Frames point to it. It must not be
// changed once a frame with it was handed over: a source whose frames change makes a new one
// with a higher Version.
type Params struct {
	Format Format
	// Width and Height are in pixels.
	Width, Height int
	// FramesPerSecond is the nominal rate, 0 if it is not known.
	FramesPerSecond float64
	// ParameterSets are the NAL units that a decoder needs before the first key frame, in
	// order, without length or start code. JPEG has none.
	ParameterSets [][]byte
	// Version grows with each change.
	Version uint32
}

// Equal reports whether frames of both can be decoded and shown alike, whatever the versions.
func (p *Params) Equal(other *Params) bool {
	return p.Format == other.Format && p.Width == other.Width && p.Height == other.Height &&
		p.FramesPerSecond == other.FramesPerSecond && slices.EqualFunc(p.ParameterSets, other.ParameterSets, bytes.Equal)
}

// Frame is one coded frame.
type Frame struct {
	// Params is what the frame shares with its neighbours. It is never nil.
	Params *Params
	// Bytes is the frame as its Format says. They are the caller's that hands the frame over:
	// they hold until that call returns, and must not be written to.
	Bytes []byte
	// Captured is when the frame was taken, on CLOCK_MONOTONIC, as the duration since that
	// clock's start: unix.ClockGettime(unix.CLOCK_MONOTONIC, ...), or on a loop its Now. 0: when
	// the broadcaster gets the frame. Drivers have been seen to give times up to a frame in the
	// future. It is the presentation time: with B-frames it goes back and forth.
	Captured time.Duration
	// Decode is when the frame is to be decoded, on the same clock: at most Captured, and never
	// before that of the frame before. 0: at Captured, as in every stream without B-frames.
	Decode time.Duration
	// Key: the frame can be decoded without any other. Every JPEG is one, whether or not Key is set.
	Key bool
	// Open: of a key frame, that Leading frames may follow it.
	Open bool
	// Leading: the frame is shown before the key frame that it follows, and may need frames before that:
	// where decoding begins with that key frame it cannot be decoded. No frame needs it that is not
	// Leading, too.
	Leading bool
	// Disposable: no other frame needs this one to be decoded.
	Disposable bool
}
