package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// states notes what a stream's state goes through.
type states struct {
	names []string
	at    []time.Duration
}

// newStatefulWorld is a world whose camera is as change makes it, and where each state is noted.
func newStatefulWorld(t *testing.T, o cast.StreamOptions, change func(*camera)) (*world, *states) {
	t.Helper()
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	w.camera = newCamera(t, w.k)
	if change != nil {
		change(w.camera)
	}
	n := &states{}
	o.StateChanged = func(s *cast.Stream, state cast.State, err error) {
		name := state.String()
		if err != nil {
			name += ": " + err.Error()
		}
		if s.State() != state {
			name += ", and says that it is " + s.State().String()
		}
		n.names, n.at = append(n.names, name), append(n.at, w.l.Now())
	}
	var err error
	if w.s, err = w.b.AddStream("cam", w.camera, o); err != nil {
		t.Fatal(err)
	}
	return w, n
}

// want fails unless the states were these.
func (n *states) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(n.names, want) {
		t.Errorf("the states were %q, want %q", n.names, want)
	}
}

// TestCameraIsAbsentAtStart has it come after a while: it plays within five seconds, and neither
// the other stream nor the program waits for it.
func TestCameraIsAbsentAtStart(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 20 * time.Second, 21 * time.Second, 23700 * time.Millisecond} {
		w, n := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.absent, c.unknown = true, true })
		if _, err := w.b.AddStream("other", newCamera(t, w.k), cast.StreamOptions{}); err != nil {
			t.Fatal(err)
		}
		beside := w.watchStream("10.0.9.1", "other")
		v := w.connect("10.0.1.1")
		for _, method := range []string{"DESCRIBE", "SETUP"} {
			_, head := v.ask(method, streamURL, udpTransport)
			if !strings.HasPrefix(head, "RTSP/1.0 503 Service Unavailable: the source is not available\r\n") || !strings.Contains(head, "Retry-After: 5") {
				t.Errorf("%s is answered by %s", method, head)
			}
		}
		w.run(after)
		w.camera.absent = false
		came := w.l.Now()
		w.until(func() bool { return w.s.State() == cast.Live })
		if took := w.l.Now() - came; took > 5*time.Second {
			t.Errorf("the camera plays %v after it has come", took)
		}
		if status, _ := v.ask("DESCRIBE", streamURL, ""); status != 200 {
			t.Errorf("DESCRIBE: %d", status)
		}
		if status := v.setupUDP(); status != 200 {
			t.Fatalf("SETUP: %d", status)
		}
		v.play()
		w.run(time.Second)
		v.row(28)
		beside.row(int((after + time.Second) / (time.Second / framesPerSecond)))
		for i, name := range n.names {
			want := []string{"opening", "lost: still gone"}[i%2]
			if i == len(n.names)-1 {
				want = "live"
			}
			if name != want {
				t.Errorf("state %d is %q, want %q", i, name, want)
			}
		}
		if strings.Count(w.log.String(), "source is not available yet; waiting for it") != 1 || strings.Contains(w.log.String(), "source is lost") || !strings.Contains(w.log.String(), `msg="source is open" stream=cam`) {
			t.Error("the log does not say once that the camera is not available yet, and that it is open")
		}
	}
}

// TestFailedAtStart ends the stream, which says so and stays in the list.
func TestFailedAtStart(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.fails = errors.New("no such size") })
	w.run(time.Second)
	n.want(t, "opening", "ended: no such size")
	if w.s.State() != cast.Ended || len(w.b.Streams()) != 1 || w.camera.host != nil || w.camera.opened != 1 {
		t.Errorf("the stream is %v, the camera was opened %d times", w.s.State(), w.camera.opened)
	}
	if status, _ := w.connect("10.0.1.1").ask("DESCRIBE", streamURL, ""); status != 404 {
		t.Errorf("DESCRIBE: %d, want 404", status)
	}
	if _, err := w.b.AddStream("cam", newCamera(t, w.k), cast.StreamOptions{}); err == nil {
		t.Error("the name of a stream that has ended is free before it is closed")
	}
	if err := w.s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.b.AddStream("cam", newCamera(t, w.k), cast.StreamOptions{}); err != nil {
		t.Error(err)
	}
}

// TestWithoutParams has a source be live and not say what it delivers.
func TestWithoutParams(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.params = nil })
	n.want(t, "opening", "ended: frame without params")
	if w.camera.host != nil {
		t.Error("the camera is open")
	}
}

// TestLostAndFound has a camera that was live be lost, and fail meanwhile, and come back: its
// readers stay.
func TestLostAndFound(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, nil)
	readers := []*viewer{w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)}
	w.run(time.Second)
	w.camera.fails = errors.New("no permission")
	w.camera.host.Lost(errors.New("unplugged"))
	if status, _ := w.connect("10.0.1.3").ask("DESCRIBE", streamURL, ""); status != 200 {
		t.Errorf("DESCRIBE of a camera that is lost: %d; it is known what it delivers", status)
	}
	w.run(time.Second)
	n.want(t, "opening", "live", "lost: unplugged", "opening", "lost: no permission", "opening", "lost: no permission")
	w.camera.fails = nil
	found := len(n.names)
	w.until(func() bool { return w.s.State() == cast.Live })
	if got := n.names[found:]; !slices.Equal(got, []string{"opening", "live"}) {
		t.Errorf("then %q", got)
	}
	w.run(time.Second)
	for _, v := range readers {
		if v.row(55); v.byes() > 0 || v.gaps > 0 {
			t.Errorf("%d goodbyes, %d gaps", v.byes(), v.gaps)
		}
	}
	if f := w.s.Figures(); f.Restarts != 1 || w.b.Readers() != 2 {
		t.Errorf("%d restarts, %d readers", f.Restarts, w.b.Readers())
	}
}

// TestRetryWaits looks at when a camera that stays away is opened again.
func TestRetryWaits(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.absent = true })
	w.run(20 * time.Second)
	var waits []time.Duration
	for i := 2; i < len(n.at); i += 2 {
		waits = append(waits, n.at[i]-n.at[i-1])
	}
	want := append([]time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}, slices.Repeat([]time.Duration{2 * time.Second}, 9)...)
	if !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
}

// TestRetryWaitsOfBrokenDevice has a camera that can be opened and gives no picture: opening it is
// no success yet.
func TestRetryWaitsOfBrokenDevice(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, nil)
	w.run(time.Second)
	w.camera.breaksAtOnce = true
	n.names, n.at = nil, nil
	w.run(10 * time.Second)
	var waits []time.Duration
	for i, name := range n.names {
		if i > 0 && name == "opening" {
			waits = append(waits, n.at[i]-n.at[i-1])
		}
	}
	want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second}
	if !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
	w.camera.breaksAtOnce = false
	w.run(10 * time.Second)
	w.camera.lost = true
	n.names, n.at = nil, nil
	w.run(time.Second)
	if len(n.at) < 2 || n.at[1]-n.at[0] != 250*time.Millisecond {
		t.Errorf("a camera that has delivered pictures is opened again at %v", n.at)
	}
}

// TestAwaitReader opens a source once to learn what it is, and then with its first reader.
func TestAwaitReader(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{AwaitReader: true}, nil)
	n.want(t, "opening", "idle")
	w.run(10 * time.Second)
	if w.camera.host != nil || w.camera.opened != 1 || w.camera.number != 0 {
		t.Errorf("the camera is open: %v, was opened %d times, has made %d frames", w.camera.host != nil, w.camera.opened, w.camera.number)
	}
	v := w.connect("10.0.1.1")
	if status, _ := v.ask("DESCRIBE", streamURL, ""); status != 200 {
		t.Errorf("DESCRIBE of an idle source: %d", status)
	}
	if status := v.setupUDP(); status != 200 {
		t.Errorf("SETUP of an idle source: %d", status)
	}
	w.run(time.Second)
	n.want(t, "opening", "idle")
	v.play()
	n.want(t, "opening", "idle", "opening", "live")
	w.run(time.Second)
	if v.row(28); v.numbers[0] != 1 {
		t.Errorf("the first frame is number %d", v.numbers[0])
	}
	v.ask("TEARDOWN", streamURL, "")
	w.run(time.Minute) // without Linger it goes on
	n.want(t, "opening", "idle", "opening", "live")
}

// TestLinger closes a source that nobody watches, after a while, and opens it again.
func TestLinger(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{AwaitReader: true, Linger: 5 * time.Second}, nil)
	want := []string{"opening", "idle"}
	for range 2 {
		v := w.watch("10.0.1.1", true)
		w.run(time.Second)
		v.conn.Close()
		w.run(3 * time.Second)
		again := w.watch("10.0.1.2", false) // in time
		w.run(time.Second)
		again.row(28)
		again.ask("TEARDOWN", streamURL, "")
		left := w.l.Now()
		w.until(func() bool { return w.s.State() == cast.Idle })
		if took := w.l.Now() - left; took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
		if w.camera.host != nil {
			t.Error("the camera of an idle stream is open")
		}
		want = append(want, "opening", "live", "lingering", "live", "lingering", "idle")
		n.want(t, want...)
	}
	j := w.joins("10.0.1.4:7000", "cam")
	w.run(time.Second)
	if j.frames < 28 {
		t.Errorf("%d frames of one who joins", j.frames)
	}
}

// TestLostWhileLingering goes idle once the camera is back, as nobody watches.
func TestLostWhileLingering(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{AwaitReader: true, Linger: 5 * time.Second}, nil)
	w.watch("10.0.1.1", true).conn.Close()
	w.run(time.Second)
	w.camera.host.Lost(errors.New("unplugged"))
	w.run(20 * time.Second)
	n.want(t, "opening", "idle", "opening", "live", "lingering", "lost: unplugged", "opening", "idle")
}

// TestDescribeWhileOpening waits for the camera: until it is live, lost or has failed, or the
// stream is closed; ten seconds at most.
func TestDescribeWhileOpening(t *testing.T) {
	for name, c := range map[string]struct {
		then   func(w *world)
		status string
	}{
		"live":   {func(w *world) { w.camera.live() }, "200 OK"},
		"lost":   {func(w *world) { w.camera.host.Lost(errors.New("gone")) }, "503 Service Unavailable: the source is not available"},
		"failed": {func(w *world) { w.camera.host.Failed(errors.New("no such size")) }, "404 Not Found"},
		"closed": {func(w *world) { _ = w.s.Close() }, "404 Not Found"},
		"never":  {func(*world) {}, "503 Service Unavailable: the source is still being opened"},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.slow, c.unknown = true, true })
			began := w.l.Now()
			var all []*viewer
			for i := range 3 {
				v := w.connect(fmt.Sprintf("10.0.1.%d", i+1))
				v.tell("DESCRIBE", streamURL, "")
				v.tell("OPTIONS", "*", "")
				all = append(all, v)
			}
			w.run(began + 9*time.Second - w.l.Now())
			for _, v := range all {
				if len(v.answers) > 0 {
					t.Fatalf("answered too early: %q", v.answers)
				}
			}
			if j := w.joins("10.0.2.1:7000", "cam"); name == "never" {
				w.until(func() bool { return j.err != nil }) // it asks again by itself
			}
			c.then(w)
			w.run(time.Second + 2*time.Millisecond)
			for _, v := range all {
				if len(v.answers) != 2 || !strings.HasPrefix(v.answers[0], "RTSP/1.0 "+c.status+"\r\n") || !strings.Contains(v.answers[1], "CSeq: 2\r\n") {
					t.Errorf("answered by %q", v.answers)
				}
				if retry := strings.Contains(v.answers[0], "Retry-After: 5"); retry != strings.HasPrefix(c.status, "503") {
					t.Errorf("answered by %q", v.answers)
				}
			}
		})
	}
}

// TestWatchdogOfOthers leaves a silent source alone that is no device.
func TestWatchdogOfOthers(t *testing.T) {
	for _, device := range []bool{true, false} {
		w, _ := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.noDevice = !device })
		w.run(time.Second)
		w.camera.silent = true
		w.run(30 * time.Second)
		if f := w.s.Figures(); (f.Revived > 0) != device || (w.camera.opened > 1) != device {
			t.Errorf("device %v: revived %d times, opened %d times", device, f.Revived, w.camera.opened)
		}
	}
}

// TestWatchdogOfSlowCameras gives a camera of a frame in two seconds the time that it needs.
func TestWatchdogOfSlowCameras(t *testing.T) {
	w, _ := newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) {
		slow := *c.params
		slow.FramesPerSecond = 0.5
		c.params = &slow
		c.silent = true
		c.staysSilent = true
	})
	w.run(9900 * time.Millisecond)
	if f := w.s.Figures(); f.Revived != 0 {
		t.Errorf("revived %d times within five frames", f.Revived)
	}
	w.run(20500 * time.Millisecond)
	if f := w.s.Figures(); f.Revived != 2 || w.s.State() == cast.Opening {
		t.Errorf("revived %d times, the stream is %v", f.Revived, w.s.State())
	}
	if !strings.Contains(w.log.String(), "no frame has come") {
		t.Error("the log does not say why the camera is opened again")
	}
}

// TestRewatchTriesAgain has the watchdog find that the camera cannot be registered for a while.
func TestRewatchTriesAgain(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{}, nil)
	v := w.watch("10.0.1.1", false)
	w.run(time.Second)
	w.camera.silent = true
	failing := true
	w.k.Inject(func(c sim.Call) error {
		if failing && c.Name == "Watch" && c.FD == w.camera.fd {
			return unix.ENOMEM
		}
		return nil
	})
	w.run(1100 * time.Millisecond) // the watchdog has watched it anew, without success
	if !strings.Contains(w.log.String(), "source cannot be watched; trying again") {
		t.Fatal("the log does not say that the camera cannot be watched")
	}
	failing, w.camera.silent = false, false
	had := len(v.numbers)
	w.run(2 * time.Second)
	if len(v.numbers) < had+framesPerSecond-5 {
		t.Errorf("%d frames after it could be registered again", len(v.numbers)-had)
	}
	n.want(t, "opening", "live")
}

// TestErrorsOfClosing returns what the source says when it is closed for good, and only that.
func TestErrorsOfClosing(t *testing.T) {
	w, _ := newStatefulWorld(t, cast.StreamOptions{}, nil)
	w.run(time.Second)
	broken := errors.New("cannot be closed")
	w.camera.closing = broken
	w.camera.host.Lost(errors.New("unplugged"))
	if !strings.Contains(w.log.String(), `msg="source cannot be closed" stream=cam error="cannot be closed"`) {
		t.Error("the log does not say that the source could not be closed")
	}
	w.camera.closing = nil
	if err := w.s.Close(); err != nil { // it is not open at the moment
		t.Errorf("Close: %v", err)
	}
	w, _ = newStatefulWorld(t, cast.StreamOptions{}, func(c *camera) { c.closing = broken })
	w.run(time.Second)
	if err := w.s.Close(); !errors.Is(err, broken) {
		t.Errorf("Close: %v, want %v", err, broken)
	}
}

// TestStreamEndsWithinStateChanged closes the stream when its source comes to each state.
func TestStreamEndsWithinStateChanged(t *testing.T) {
	for _, state := range []cast.State{cast.Idle, cast.Opening, cast.Live, cast.Lingering, cast.Lost} {
		for _, opens := range []int{1, 2} {
			w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
			w.camera = newCamera(t, w.k)
			w.camera.absent = state == cast.Lost
			var told []cast.State
			came := 0
			s, err := w.b.AddStream("cam", w.camera, cast.StreamOptions{
				AwaitReader: true, Linger: time.Second,
				StateChanged: func(s *cast.Stream, now cast.State, _ error) {
					told = append(told, now)
					if now == state {
						if came++; came == opens {
							if err := s.Close(); err != nil {
								t.Error(err)
							}
						}
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range opens {
				v := w.connect("10.0.1.1")
				if v.setupUDP() == 200 {
					v.tell("PLAY", streamURL, "")
					w.run(time.Second)
					v.tell("TEARDOWN", streamURL, "")
				}
				w.run(5 * time.Second)
			}
			opened := w.camera.opened
			w.run(20 * time.Second)
			if s.State() != cast.Ended || w.camera.host != nil || w.camera.opened != opened || told[len(told)-1] != state {
				t.Errorf("%v, time %d: the stream is %v, the camera is open: %v; the program was told %v", state, opens, s.State(), w.camera.host != nil, told)
			}
			w.checkOnlyConnections()
			if err := w.b.Close(); err != nil {
				t.Error(err)
			}
			if open := w.k.OpenFDs(); len(open) > 0 {
				t.Errorf("%v: fds %v are open", state, open)
			}
		}
	}
}

// checkOnlyConnections fails if a session is counted.
func (w *world) checkOnlyConnections() {
	w.t.Helper()
	if counts := cast.Counts(w.b); counts.Readers+counts.SetUp > 0 {
		w.t.Errorf("still counted: %+v", counts)
	}
}
