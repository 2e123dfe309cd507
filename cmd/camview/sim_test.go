package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/cast/secrettest"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
)

// These tests have the viewer and our own broadcaster on one simulated kernel, where
// minutes pass in no time and links do what they are told.

// scene is a broadcaster and a viewer.
type scene struct {
	t       *testing.T
	k       *sim.Kernel
	l       *loop.Loop
	picture *image.YCbCr
	cast    *cast.Broadcaster
	viewer  *viewer
	gate    cast.Gate
	secrets *secrettest.Secrets
	log     logText      // of the broadcaster
	said    bytes.Buffer // what the viewer tells on stderr
	over    bool         // the viewer has ended
}

const simSeed = 20

// logText is a log, which is written on another goroutine.
type logText struct {
	mutex sync.Mutex
	all   bytes.Buffer
}

func (x *logText) Write(p []byte) (int, error) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.all.Write(p)
}

// Bytes is what was logged so far.
func (x *logText) Bytes() []byte {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return bytes.Clone(x.all.Bytes())
}

// newScene has a camera whose pictures are grey: each is a packet or two.
func newScene(t *testing.T) *scene {
	return newSceneOf(t, grey())
}

func grey() *image.YCbCr {
	return image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
}

func newSceneOf(t *testing.T, picture *image.YCbCr) *scene {
	t.Helper()
	t.Logf("seed %d", simSeed)
	return newGuardedScene(t, picture, nil)
}

// newGuardedScene is a scene whose broadcaster has a gate. What the broadcaster logs, and what the viewer tells, is
// searched for secrets at the end.
func newGuardedScene(t *testing.T, picture *image.YCbCr, gate cast.Gate) *scene {
	t.Helper()
	s := &scene{t: t, k: sim.New(simSeed), picture: picture, gate: gate, secrets: secrettest.New()}
	t.Cleanup(func() {
		if err := s.cast.Close(); err != nil { // which waits for the log
			t.Error(err)
		}
		s.secrets.Check(t, s.log.Bytes())
		s.secrets.Check(t, s.said.Bytes())
	})
	s.l = loop.NewOn(s.k)
	s.broadcast()
	return s
}

// broadcast starts the broadcaster.
func (s *scene) broadcast() {
	s.t.Helper()
	config := cast.Config{
		RTP: netip.MustParseAddrPort("127.0.0.1:5004"), Random: s.secrets.Watch(s.k.Random), Gate: s.gate,
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var err error
	s.cast, err = cast.New(s.l, config)
	if err != nil {
		s.t.Fatal(err)
	}
	join.Serve(s.cast)
	if _, err := rtsp.Listen(s.cast, netip.MustParseAddrPort("127.0.0.1:8554"), rtsp.Options{}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.cast.AddStream("cam", newSimCamera(s.t, s.picture), cast.StreamOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// watch starts the viewer as the command line has it.
func (s *scene) watch(line string) {
	s.t.Helper()
	settings, err := parseArguments(strings.Fields(line))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := settings.deriveKey(); err != nil {
		s.t.Fatal(err)
	}
	v := &viewer{
		settings: settings, loop: s.l, resolver: &resolver{loop: s.l, host: settings.address.host}, room: udp.NewRoom(),
		messages: &s.said, began: s.l.Now(), end: func() { s.over = true },
	}
	v.presenter = &presenter{viewer: v}
	v.start()
	s.viewer = v
}

func (s *scene) run(d time.Duration) {
	s.t.Helper()
	if err := sim.RunFor(s.l, d); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) until(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	if err := sim.RunUntil(s.l, done, limit); err != nil {
		s.t.Fatalf("%s: %v; the viewer says %q", what, err, s.said.String())
	}
}

func (s *scene) readers() int { return s.cast.Streams()[0].Readers() }

// leave has the viewer's readers say goodbye.
func (s *scene) leave() {
	left := 0
	for _, r := range s.viewer.readers {
		r.leave(func() { left++ })
	}
	s.until("everybody leaves", time.Second, func() bool { return left == len(s.viewer.readers) && s.readers() == 0 })
}

// simCamera is a source of one and the same picture.
type simCamera struct {
	host   capture.Host
	beat   capture.Timer
	due    time.Duration
	frame  media.Frame
	number uint64
	// pictures is how many there are until the source ends; 0: it goes on.
	pictures uint64
}

func newSimCamera(t *testing.T, picture image.Image) *simCamera {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	params := &media.Params{Format: media.JPEG, Width: 320, Height: 240, FramesPerSecond: cardFPS}
	return &simCamera{frame: media.Frame{Params: params, Bytes: b.Bytes(), Key: true}}
}

func (c *simCamera) Describe() capture.Description {
	return capture.Description{Source: "simulation", Params: c.frame.Params}
}

func (c *simCamera) Open(h capture.Host) {
	c.host, c.beat, c.due = h, h.NewTimer(c.send), h.Now()
	h.Live()
	c.wait()
}

func (c *simCamera) wait() {
	c.due += time.Second / cardFPS
	c.beat.Set(c.due)
}

func (c *simCamera) send() {
	if c.pictures > 0 && c.number == c.pictures {
		c.host.Ended()
		return
	}
	c.number++
	c.frame.Captured = c.host.Now()
	c.wait()
	c.host.Frame(c.frame)
}

func (c *simCamera) Figures() capture.Figures { return capture.Figures{Frames: c.number} }

func (c *simCamera) Close() error {
	if c.beat != nil {
		c.beat.Stop()
	}
	return nil
}

// ways are the URLs and flags by which the scene's stream can be watched.
var ways = map[string]string{
	"udp":  "--transport udp rtsp://127.0.0.1:8554/cam",
	"tcp":  "--transport tcp rtsp://127.0.0.1:8554/cam",
	"join": "camcast://127.0.0.1:5004/cam",
}

// TestTenMinutes watches for ten minutes, which takes what keeps sessions alive, and then
// leaves nothing behind.
func TestTenMinutes(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			before := s.k.OpenFDs()
			s.watch("--readers 3 " + way)
			const minutes = 10
			s.run(minutes * time.Minute)
			sum := s.viewer.summary()
			if want := uint64(3 * minutes * 60 * cardFPS); sum.Frames < want-3*cardFPS || sum.Frames > want || sum.FramesLost+sum.FramesSkipped != 0 || sum.PacketsLost+sum.PacketsSkipped != 0 {
				t.Errorf("%+v, want about %d frames and none lost", sum, want)
			}
			if sum.ReadersServed != 3 || sum.Reconnects != 0 || s.said.Len() > 0 || s.readers() != 3 {
				t.Errorf("%+v, %d readers; the viewer says %q", sum, s.readers(), s.said.String())
			}
			// The buffer's 50 ms, and nothing else: in the simulation the way takes no time.
			if sum.Age == nil || sum.Age.P50 < 45 || sum.Age.Max > 75 {
				t.Errorf("ages %+v", sum.Age)
			}
			s.leave()
			s.run(time.Second)
			if after := s.k.OpenFDs(); !slices.Equal(after, before) {
				t.Errorf("fds %v, before that %v", after, before)
			}
		})
	}
}

// TestFallsBackToTCP loses all datagrams.
func TestFallsBackToTCP(t *testing.T) {
	s := newScene(t)
	s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 1})
	s.watch("rtsp://127.0.0.1:8554/cam")
	began := s.l.Now()
	s.until("pictures", 10*time.Second, func() bool { return s.viewer.summary().Frames > 10 })
	if took := s.l.Now() - began; took < udpTime || took > udpTime+time.Second {
		t.Errorf("pictures after %v", took)
	}
	if s.readers() != 1 || s.said.Len() > 0 {
		t.Errorf("%d readers, of whom one should be left; the viewer says %q", s.readers(), s.said.String())
	}
	s.leave()
	if s.over {
		t.Error("the viewer ended by itself")
	}
}

// TestOnlyUDP loses all datagrams too, but TCP is forbidden, or there is none: the viewer
// gives up.
func TestOnlyUDP(t *testing.T) {
	for name, want := range map[string]string{"udp": errSilent.Error(), "join": "no answer"} {
		s := newScene(t)
		s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 1})
		s.watch(ways[name])
		s.until(name+": the end", time.Minute, func() bool { return s.over })
		if s.viewer.failure == nil || !strings.Contains(s.viewer.failure.Error(), want) {
			t.Errorf("%s: %v, want %q", name, s.viewer.failure, want)
		}
	}
}

// TestComesBack has the server away for half a minute: the viewer asks rarer and rarer,
// and goes on when it is back.
func TestComesBack(t *testing.T) {
	for _, name := range []string{"udp", "tcp"} {
		s := newScene(t)
		s.watch(ways[name])
		s.run(5 * time.Second)
		if err := s.cast.Close(); err != nil {
			t.Fatal(err)
		}
		s.run(30 * time.Second)
		var waits []string
		for line := range strings.Lines(s.said.String()) {
			_, wait, _ := strings.Cut(strings.TrimSpace(line), "trying again in ")
			waits = append(waits, wait)
		}
		if want := []string{"500ms", "1s", "2s", "4s", "5s", "5s", "5s", "5s", "5s"}; !slices.Equal(waits, want) {
			t.Errorf("%s: waits %q, want %q", name, waits, want)
		}
		frames := s.viewer.summary().Frames
		s.broadcast()
		s.until(name+": pictures again", 10*time.Second, func() bool { return s.viewer.summary().Frames > frames+100 })
		sum := s.viewer.summary()
		if sum.Reconnects != 1 || sum.ReadersServed != 1 || sum.PacketsLost+sum.PacketsSkipped != 0 {
			t.Errorf("%s: %+v", name, sum)
		}
		if r := s.viewer.readers[0]; r.backoff != minBackoff {
			t.Errorf("%s: the next wait would be %v", name, r.backoff)
		}
		s.leave()
	}
}

// TestServerVanishes has the server's machine fall silent, without a word.
func TestServerVanishes(t *testing.T) {
	s := newScene(t)
	s.watch(ways["join"])
	s.run(5 * time.Second)
	frames := s.viewer.summary().Frames
	s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 1})
	s.until("the loss is told", silentTime+2*time.Second, func() bool { return s.said.Len() > 0 })
	if !strings.Contains(s.said.String(), errSilent.Error()) {
		t.Errorf("the viewer says %q", s.said.String())
	}
	s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{})
	s.until("pictures again", 10*time.Second, func() bool { return s.viewer.summary().Frames > frames+100 })
}

// TestStandstill stops the process of the viewer, and of the server: the server has the rest of its
// time to send something.
func TestStandstill(t *testing.T) {
	for name, line := range ways {
		s := newScene(t)
		s.watch(line)
		s.run(5 * time.Second)
		s.k.Advance(10 * time.Second) // less than the session timeout
		s.run(5 * time.Second)
		if sum := s.viewer.summary(); s.said.Len() > 0 || sum.Reconnects > 0 {
			t.Errorf("%s: the viewer says %q; %d reconnects", name, s.said.String(), sum.Reconnects)
		}
	}
}

// TestLossyLink loses, repeats and reorders packets: what is told must fit what was done.
func TestLossyLink(t *testing.T) {
	for _, name := range []string{"udp", "join"} {
		s := newSceneOf(t, noisy())
		s.watch(ways[name])
		s.run(time.Second)
		s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01, Reorder: 0.05, HoldBack: 3 * time.Millisecond})
		s.run(9 * time.Second)
		sum := s.viewer.summary()
		// Frames of some twenty packets are hardly ever lost whole: what was skipped was not sent, as
		// chance may have the reader be thinned for a while.
		share := float64(sum.PacketsLost) / float64(sum.Packets+sum.PacketsLost)
		if share < 0.004 || share > 0.02 || sum.FramesLost == 0 || sum.FramesLost > sum.PacketsLost || sum.FramesSkipped > sum.PacketsSkipped {
			t.Errorf("%s: %.3f of the packets lost, want about 0.01: %+v", name, share, sum)
		}
		if *sum.Jitter < 0.05 || *sum.Jitter > 6 {
			t.Errorf("%s: jitter %v ms", name, *sum.Jitter)
		}
		s.leave()
	}
}

// noisy is a picture of some twenty packets.
func noisy() *image.YCbCr {
	picture, random := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420), rand.New(rand.NewPCG(simSeed, 1))
	for i := range picture.Y {
		picture.Y[i] = uint8(random.IntN(64))
	}
	return picture
}

// TestThinnedReader has a link lose so many packets that the server sends every 2nd frame. Frames
// that it skips are told from those that the network damages: once the link is well again nothing
// more is lost, but every 2nd frame is skipped still, until the server tries more.
func TestThinnedReader(t *testing.T) {
	for _, name := range []string{"udp", "join"} {
		s := newSceneOf(t, noisy())
		s.watch(ways[name])
		s.run(time.Second)
		s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 0.1})
		s.until("the reader is thinned", time.Minute, func() bool { return s.cast.Streams()[0].Figures().Thinned == 1 })
		if sum := s.viewer.summary(); sum.FramesLost == 0 || sum.PacketsLost < 50 {
			t.Errorf("%s: %+v; want losses", name, sum)
		}
		s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{})
		s.run(time.Second)
		before := s.viewer.summary()
		const seconds = 5
		s.run(seconds * time.Second)
		sum := s.viewer.summary()
		skipped, whole := sum.FramesSkipped-before.FramesSkipped, sum.Frames-before.Frames
		const half = seconds * cardFPS / 2
		if sum.PacketsLost != before.PacketsLost || sum.FramesLost != before.FramesLost || skipped < half-2 || skipped > half+2 || whole < half-2 || whole > half+2 {
			t.Errorf("%s: %d frames are skipped and %d whole, want %d each and none lost: %+v", name, skipped, whole, half, sum)
		}
		s.leave()
	}
}

// TestNewSource has the server come back with other sequence numbers, within the same session
// as far as the viewer knows: nothing is forgotten, and no line of figures is beyond reason.
func TestNewSource(t *testing.T) {
	s := newScene(t)
	s.watch(ways["join"])
	s.run(5 * time.Second)
	r := s.viewer.readers[0]
	before := s.viewer.summary()
	packet := make([]byte, 1200)
	packet[0], packet[1], packet[11] = 0x80, 26, 77 // another SSRC
	for i := range byte(10) {
		packet[3] = i
		r.RTP(packet)
	}
	after := s.viewer.summary()
	if after.Packets != before.Packets+10 || after.PacketsLost+after.PacketsSkipped != 0 {
		t.Errorf("%d packets, %d lost; want %d and none", after.Packets, after.PacketsLost, before.Packets+10)
	}
	if line := statsLine(before, after, &histogram.Histogram{}); !strings.Contains(line, "lost 0.0%  skipped 0.0%") {
		t.Errorf("%q", line)
	}
}

// TestJunkIsNoLife has the server's machine send nothing but junk, where reports come: that is
// no server.
func TestJunkIsNoLife(t *testing.T) {
	s := newScene(t)
	s.watch(ways["join"])
	s.run(5 * time.Second)
	s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 1})
	for range 15 {
		s.run(time.Second)
		if r := s.viewer.readers[0]; r.session != nil {
			r.RTCP([]byte{0x80, 200, 0, 99, 1, 2, 3})
		}
	}
	if !strings.Contains(s.said.String(), errSilent.Error()) {
		t.Errorf("the viewer says %q", s.said.String())
	}
}

// TestManyLeave has more readers leave than may say so at once: the goodbyes are spread over
// some seconds, and all arrive.
func TestManyLeave(t *testing.T) {
	const readers = 200
	s := newScene(t)
	s.watch(fmt.Sprintf("--readers %d %s", readers, ways["join"]))
	s.until("all are there", 10*time.Second, func() bool { return s.readers() == readers })
	s.run(10 * time.Second) // until all know how many they are
	left := 0
	for _, r := range s.viewer.readers {
		r.leave(func() { left++ })
	}
	s.run(time.Second)
	if left > readers/10 {
		t.Errorf("%d of %d have left within a second", left, readers)
	}
	most, before := 0, left
	for range 21 {
		s.run(100 * time.Millisecond)
		most, before = max(most, left-before), left
	}
	if left != readers || s.readers() != 0 || most > readers/4 {
		t.Errorf("%d of %d have left after 3.1 s, %d are there for the server; up to %d within 0.1 s", left, readers, s.readers(), most)
	}
}

// TestEnds ends by the number of pictures and by time.
func TestEnds(t *testing.T) {
	for args, want := range map[string]time.Duration{"--frames 30": time.Second, "--duration 5s": 5 * time.Second, "--readers 100 --frames 30": time.Second} {
		s := newScene(t)
		began := s.l.Now()
		s.watch(args + " " + ways["join"])
		s.until(args, 10*time.Second, func() bool { return s.over })
		if took := s.l.Now() - began; took < want || took > want+400*time.Millisecond {
			t.Errorf("%s: ended after %v", args, took)
		}
		s.viewer.settle()
		sum := s.viewer.summary()
		if sum.ReadersServed != sum.Readers {
			t.Errorf("%s: %+v", args, sum)
		}
		if n := s.viewer.settings.frames; n > 0 && sum.Frames != uint64(n*sum.Readers) {
			t.Errorf("%s: %d frames, want %d each and no more", args, sum.Frames, n)
		}
		s.run(time.Second) // they leave
		if after := s.viewer.summary(); after != sum && *after.Age != *sum.Age {
			t.Errorf("%s: %+v after the end, %+v at it", args, after, sum)
		}
	}
}
