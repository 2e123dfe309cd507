package capture

import (
	"errors"
	"time"
)

// Format names how a frame's bytes are coded.
type Format uint8

// JPEG is one whole JPEG picture, from SOI to EOI, possibly padded after it and
// possibly without Huffman tables, as UVC cameras send it.
const JPEG Format = 1

// String gives the format's usual short name.
func (f Format) String() string {
	if f == JPEG {
		return "JPEG"
	}
	return "unknown"
}

// Frame is one picture of a source.
type Frame struct {
	// Data belongs to the source. It may be read until Release is called and
	// must never be written to.
	Data   []byte
	Format Format
	// Time is when the picture was taken, on CLOCK_MONOTONIC, as the duration
	// since that clock's start. Drivers have been seen to give times up to a
	// frame in the future.
	Time time.Duration
	// Sequence is the source's own frame counter. A gap is a frame that was lost
	// before it reached us.
	Sequence uint32
}

// Description says what an open source delivers. It is what the device chose,
// which need not be what was asked for.
type Description struct {
	// Source names the thing for a person: a device path and card name, a file.
	Source string
	// Width and Height are in pixels.
	Width, Height int
	// FramesPerSecond is the nominal rate.
	FramesPerSecond float64
	// Coding says how pictures come about, for a person: "MJPEG",
	// "YUYV, encoded by libjpeg-turbo".
	Coding string
}

// Figures counts what a source has delivered and lost since it was opened.
type Figures struct {
	// Frames were handed out by Next.
	Frames uint64
	// Gaps is how many frames are missing in the device's sequence.
	Gaps uint64
	// Broken frames were flagged as errors or could not be used, and skipped.
	Broken uint64
}

// Clock tells a source the time. Capture has no clock of its own, so that
// whoever embeds it decides what time is.
type Clock struct {
	// Monotonic is the time since the start of CLOCK_MONOTONIC.
	Monotonic func() time.Duration
	// Wall is the time of day.
	Wall func() time.Time
}

// Source is where frames come from: something whose fd becomes readable when a
// frame is there. All methods are called from the one goroutine that runs the
// loop, and none of them may wait.
type Source interface {
	// Describe says what the source delivers; constant between Restarts.
	Describe() Description
	// FD becomes readable when Next has something to say. It belongs to the
	// source and changes only in Restart.
	FD() int
	// Next returns the frame that is due. Each frame must be given back with
	// Release before Next is called again. Its errors are ErrNotReady, ErrEnd,
	// ErrLost, or another error that ends the source.
	Next() (Frame, error)
	// Release gives the last frame's buffer back to the source.
	Release()
	// Figures counts what was delivered and lost.
	Figures() Figures
	// Close frees everything. The fd must have been taken off the loop before.
	Close() error
}

// Restarter is a Source that can be closed and opened anew after its device
// has fallen silent or was lost. A file has no use for it.
type Restarter interface {
	Source
	// Restart opens the device again with the same wishes. The fd must have been
	// taken off the loop before, and is a new one after. When Restart fails the
	// source stays closed and Restart may be tried again later.
	Restart() error
}

// Encoder is a Source that may encode its pictures itself, and can be told how well.
type Encoder interface {
	Source
	// Quality is that of its JPEG coding, 1 to 100; 0 if it does not encode, as a camera
	// that delivers JPEG.
	Quality() int
	// SetQuality has pictures encoded with another quality, 1 to 100, from the next one
	// on. A source that does not encode ignores it.
	SetQuality(quality int)
}

var (
	// ErrNotReady says that no frame is due: wait for the fd.
	ErrNotReady = errors.New("no frame is ready")
	// ErrEnd says that the source has delivered its last frame.
	ErrEnd = errors.New("end of the source")
	// ErrLost says that the device is gone or has failed, and that a Restart may
	// bring it back.
	ErrLost = errors.New("device lost")
)
