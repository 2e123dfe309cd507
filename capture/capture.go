package capture

import (
	"time"

	"github.com/camcast/camcast/media"
)

// Source is where frames come from: a camera, a file, another program. Its methods belong to
// the goroutine of the Host's loop, and none of them may wait.
//
// A source is opened, reports what becomes of it to its Host, and is closed. It may then be
// opened again: after it has reported Lost, or because nobody watched for a while.
type Source interface {
	// Describe says what the source is. What it delivers is known once it was live, and
	// may be known before.
	Describe() Description
	// Open begins to open the source and returns at once. What has to wait runs as a
	// job of host.Work. The outcome is reported to host, never before Open has returned:
	// Live and then frames, Lost, Failed or Ended. After one of the last three the source
	// reports nothing more. A source is open from this call until Close, whatever it
	// reports; Open is not called meanwhile.
	Open(host Host)
	// Close ends the source. It reports nothing more to its host, even if a job is still
	// running: what that job opens is closed when it is done. Closing a source that is
	// not open does nothing. A report may lead to Close before it returns, and to Open
	// after that. A source that runs jobs calls host.Work and host.Code after Close, too.
	Close() error
	// Figures counts what was delivered and lost since the source was made.
	Figures() Figures
}

// Host is what a source runs on. All its methods but Post belong to the loop's goroutine.
type Host interface {
	// Now is the time on CLOCK_MONOTONIC at which the present turn of the loop began, and
	// Wall the time of day.
	Now() time.Duration
	Wall() time.Time
	// Watch has ready called in each turn in which fd is readable, has failed or hung up.
	// The fd stays the source's: it must be unwatched before it is closed. ready decides by
	// reading what there is: the conditions that drivers report can be spurious, and the
	// host may call it when there is nothing.
	Watch(fd int, ready func()) (Watch, error)
	// NewTimer makes a timer that is not set and calls f when it fires.
	NewTimer(f func()) Timer
	// Post has f run on the loop in this turn or the next. Any goroutine may call it. It
	// returns an error if the loop is closed, and f is not run then.
	Post(f func()) error
	// Work runs job where it may wait or take long, on a goroutine of its own, and then the function that
	// it returns on the loop, if it is not nil. That function never runs within Work. If the
	// loop is closed meanwhile, the job still runs to its end and the function does not.
	Work(job func() (done func()))
	// Code does the same with a job that codes pictures for so long that it must have a lower
	// priority than what sends frames.
	Code(job func() (done func()))

	// Live reports that the source is open and that Describe().Params is known. Frames
	// follow. It is reported once for each Open.
	Live()
	// Frame hands over a frame. Its bytes are not used after Frame returns.
	Frame(f media.Frame)
	// Lost reports that the device is gone, is not there yet, is busy, or has failed. The
	// host closes the source and opens it again after a while.
	Lost(err error)
	// Failed reports that the source cannot be opened as it was asked to be, and that trying
	// again will not help unless somebody changes something: no permission, no such size.
	Failed(err error)
	// Ended reports that the source has delivered its last frame.
	Ended()
}

// Watch is an fd that a Host watches.
type Watch interface {
	// Stop ends it. The fd may be closed then. Stopping twice does nothing.
	Stop() error
}

// Timer calls a function at a time. Setting it replaces an earlier setting.
type Timer interface {
	// Set has the timer fire once, at a time on CLOCK_MONOTONIC; one that has passed counts
	// as now. SetAfter has it fire after a while. Stop unsets it.
	Set(due time.Duration)
	SetAfter(d time.Duration)
	Stop()
}

// Description says what a source is, and what it delivers.
type Description struct {
	// Source names the thing for a person: a device path and card name, a file.
	Source string
	// Coding says how frames come about, for a person: "MJPEG", "YUYV, encoded by
	// libjpeg-turbo". It is empty as long as that is not known.
	Coding string
	// Params is what the frames have in common: what the device chose, which need not be
	// what was asked for. It is nil as long as it is not known.
	Params *media.Params
	// Device: the source is a device, whose driver may lose a wake-up or which may fall
	// silent. The host has a watchdog for it, which calls the functions given to Watch,
	// watches anew, and in the end closes and opens the source.
	Device bool
}

// Figures counts what a source has delivered and lost.
type Figures struct {
	// Frames were handed to Host.Frame.
	Frames uint64
	// Gaps is how many frames are missing in the device's sequence.
	Gaps uint64
	// Broken frames were flagged as errors or could not be used, and skipped.
	Broken uint64
	// Skipped frames were not encoded, as the encoder was busy with one before and a newer one
	// came.
	Skipped uint64
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

// KeyFramer is a Source that can be asked for a key frame: a camera or an encoder that makes one
// out of turn.
type KeyFramer interface {
	Source
	// RequestKeyFrame asks for a key frame soon: the next frame or one of the next few. It
	// returns at once. It is called on the loop's goroutine while the source is live, at most
	// once a second. The error says that none can be asked for, as of a device that lacks the
	// setting: readers then begin with older frames.
	RequestKeyFrame() error
}
