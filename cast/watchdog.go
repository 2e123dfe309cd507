package cast

import (
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
)

// watchdog looks after a device: camera drivers lose wake-ups, cameras fall silent, cables
// are pulled. After some silence it takes what is pending and watches the device anew; after
// more it has the device closed and opened.
type watchdog struct {
	supervisor *supervisor
	timer      *loop.Timer   // by Loop.Awake: nothing is taken from a camera while the process is stopped
	device     bool          // there is one to look after
	silence    time.Duration // when it fires
	// silent is how often in a row it has fired, and frames how many frames have come so far.
	silent int
	frames uint64
}

const (
	// minSilence is the shortest silence that is suspicious, and silentFrames how
	// many frames must be missing. Cameras halve their rate in the dark.
	minSilence   = time.Second
	silentFrames = 5
	// silentPeriods is how many watchdog periods of silence there are before the
	// device is opened anew; before that it is only watched anew.
	silentPeriods = 3
	// maxPendingFrames is more than any driver has buffers (VIDEO_MAX_FRAME).
	maxPendingFrames = 32
)

func (d *watchdog) init(c *supervisor) {
	d.supervisor, d.timer = c, c.stream.broadcaster.loop.NewAwakeTimer(d.fire)
}

// start begins to look after a source that is open.
func (d *watchdog) start(description capture.Description) {
	d.silent, d.silence = 0, minSilence
	if rate := description.Params.FramesPerSecond; rate > 0 {
		d.silence = max(d.silence, time.Duration(silentFrames*float64(time.Second)/rate))
	}
	if d.device = description.Device; d.device {
		d.timer.SetAfter(d.silence)
	}
}

func (d *watchdog) stop() { d.timer.Stop() }

// frameCame notes that the source lives.
func (d *watchdog) frameCame() {
	d.frames++
	if d.silent > 0 {
		d.supervisor.stream.log.Info("source delivers again")
		d.silent = 0
	}
	if d.device {
		d.timer.SetAfter(d.silence)
	}
}

// fire is called when nothing has come for too long.
func (d *watchdog) fire() {
	if d.silent++; d.silent >= silentPeriods {
		d.supervisor.Lost(errSilent)
		return
	}
	d.rewatch()
}

// rewatch cures a lost wake-up: drivers register the waiter only if nothing is pending
// when the fd is added, so what is pending is taken first.
func (d *watchdog) rewatch() {
	c := d.supervisor
	c.stream.figures.Revived++
	if d.silent == 1 {
		c.stream.log.Warn("source is silent; watching it anew", "seconds", inUnits(d.silence, time.Second, time.Millisecond))
	}
	for _, w := range slices.Clone(c.watches) {
		for range maxPendingFrames {
			had := d.frames
			if w.stopped {
				break
			}
			if w.ready(); d.frames == had {
				break
			}
		}
		if w.stopped {
			continue
		}
		_ = w.unregister() // it fails only if the fd is closed already, which the next line finds
		if err := w.begin(); err != nil {
			c.stream.log.Warn("source cannot be watched; trying again", "error", err)
		}
	}
	if _, set := d.timer.Due(); c.open && !set {
		d.timer.SetAfter(d.silence)
	}
}
