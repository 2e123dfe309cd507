package bench

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
	"golang.org/x/sys/unix"
)

// The models that lie. Each is the model of a goroutine per reader but for one thing,
// which the figures must show.
func init() {
	add := func(name string, send func(m model.Model, f *model.Frame) error) {
		model.Register(model.Entry{Name: name, Transport: model.UDP, Hidden: true, New: func() model.Model {
			honest, _ := model.Find("goroutine")
			return &liar{honest.New(), send}
		}})
	}
	add("honest", func(m model.Model, f *model.Frame) error { return m.Send(f) })
	add("drops-every-100th", func(m model.Model, f *model.Frame) error {
		if f.Number%100 == 0 {
			return nil
		}
		return m.Send(f)
	})
	var last [staleFrames]*model.Frame
	add("stale", func(m model.Model, f *model.Frame) error {
		old := last[f.Number%staleFrames]
		last[f.Number%staleFrames] = f
		if old == nil {
			return m.Send(f)
		}
		return m.Send(old)
	})
	var before *model.Frame
	add("repeats", func(m model.Model, f *model.Frame) error {
		if f.Number%10 == 0 {
			f = before // in place of a new one
		}
		before = f
		return m.Send(f)
	})
	add("burns-10ms", func(m model.Model, f *model.Frame) error {
		return errors.Join(burn(10*time.Millisecond), m.Send(f))
	})
	add("damages", func(m model.Model, f *model.Frame) error {
		if f.Number%50 == 0 {
			f.Packets.Bytes[len(f.Packets.Bytes)/2] ^= 1
		}
		return m.Send(f)
	})
}

// burn uses so much of a CPU, however long that takes on a busy machine.
func burn(d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var began, now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &began)
	for err == nil && time.Duration(now.Nano()-began.Nano()) < d {
		err = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	}
	return err
}

// staleFrames is how many frames the stale model is behind.
const staleFrames = 3

type liar struct {
	model.Model
	send func(model.Model, *model.Frame) error
}

func (l *liar) Send(f *model.Frame) error { return l.send(l.Model, f) }

// TestHonesty measures the models that lie.
func TestHonesty(t *testing.T) {
	const (
		readers = 3
		frames  = 100
		fps     = 30
	)
	results := map[string]measure.Result{}
	for _, name := range []string{"honest", "drops-every-100th", "stale", "repeats", "burns-10ms", "damages"} {
		run := needRun(t, measure.Setup{Net: "lo", Model: name, Readers: readers, FramesPerSecond: fps})
		for range frames {
			must(t, run.Frame())
		}
		result, err := run.Finish()
		must(t, err)
		t.Logf("%s: %.1f us per reader and frame, ages %v %v, %d lost, %d stale, %d damaged", name,
			result.CPUPerReaderFrame, result.Got.AgeMedian, result.Got.Age99, result.Got.Lost, result.Got.Stale, result.Got.Damaged)
		results[name] = result
	}
	honest := results["honest"]
	if g := honest.Got; g.Whole != readers*frames || g.Lost != 0 || g.Stale != 0 || g.Damaged != 0 {
		t.Errorf("an honest model: %+v, want %d whole frames", g, readers*frames)
	}
	if got := results["drops-every-100th"].Got.Lost; got != readers*frames/100 {
		t.Errorf("every 100th of %d frames dropped: %d lost by %d readers", frames, got, readers)
	}
	const behind = staleFrames * time.Second / fps
	if got := results["stale"].Got.AgeMedian - honest.Got.AgeMedian; got < behind*8/10 {
		t.Errorf("frames held back by %v are %v older", behind, got)
	}
	if g := results["repeats"].Got; g.Stale != readers*frames/10 || g.Lost != readers*frames/10 {
		t.Errorf("every 10th of %d frames is the one before: %d stale, %d lost", frames, g.Stale, g.Lost)
	}
	burnt := (results["burns-10ms"].CPUPerReaderFrame - honest.CPUPerReaderFrame) * readers
	if burnt < 8000 || burnt > 13000 {
		t.Errorf("a model that burns 10 ms a frame seems to burn %.1f ms", burnt/1000)
	}
	// A receiver may not tell a damaged frame from one that is missing.
	if g := results["damages"].Got; g.Lost != readers*frames/50 || g.Damaged != readers*frames/50 {
		t.Errorf("every 50th of %d frames damaged: %d damaged, %d lost", frames, g.Damaged, g.Lost)
	}
}

// TestAbsent wants a model that cannot be measured to be named, with what it needs.
func TestAbsent(t *testing.T) {
	model.Register(model.Entry{Name: "absent", Hidden: true, Missing: func() string { return "a unicorn" }})
	_, err := lab.Start(measure.Setup{Net: "lo", Model: "absent", Readers: 1})
	if err == nil || err.Error() != "absent: model=absent needs a unicorn" {
		t.Errorf("error %v", err)
	}
	if _, err := lab.Start(measure.Setup{Net: "lo", Model: "nonesuch", Readers: 1}); err == nil {
		t.Error("a model that is none was measured")
	}
}
