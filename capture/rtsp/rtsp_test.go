package rtsp_test

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
)

// content is what must be the same of a frame that comes and of the one that was sent: its units, or
// the picture but for the headers that RTP does not carry.
type content struct {
	bytes           string
	tables          [2][64]byte
	key, disposable bool
}

func contentOf(t testing.TB, f media.Frame) content {
	t.Helper()
	if f.Params.Format != media.JPEG {
		return content{bytes: string(f.Bytes), key: f.Key, disposable: f.Disposable}
	}
	var picture jpeg.Image
	if err := picture.Parse(f.Bytes); err != nil {
		t.Fatal(err)
	}
	return content{bytes: string(picture.Scan), tables: [2][64]byte{picture.Luma, picture.Chroma}, key: f.Key}
}

// contents are those of a clip's frames.
func (c *clip) contents(t testing.TB) (all []content) {
	t.Helper()
	for _, f := range c.frames {
		all = append(all, contentOf(t, f))
	}
	return all
}

// TestFramesAreThoseThatWereSent by UDP and TCP, in each format: all of them from the first on that
// comes, unchanged, at once, and with the times at which they were taken.
func TestFramesAreThoseThatWereSent(t *testing.T) {
	clips := map[string]*clip{"jpeg": pictures(t)}
	for _, name := range []string{"baseline.h264", "bframes.h264", "slices.h264", "fields.h264", "baseline.h265", "bframes.h265", "cropped.h265"} {
		clips[name] = openClip(t, name)
	}
	for name, clip := range clips {
		for way, transport := range map[string]rtsp.Transport{"udp": rtsp.OnlyUDP, "tcp": rtsp.OnlyTCP, "any": rtsp.AnyTransport} {
			t.Run(name+" by "+way, func(t *testing.T) {
				s := newStage(t, 1)
				s.begin(clip, func(o *rtsp.Options) { o.Transport = transport })
				s.run(10 * time.Second)
				s.compare()
				d, want := s.source.Describe(), clip.frames[0].Params
				if d.Params.Width != want.Width || d.Params.Height != want.Height || d.Source != cameraURL {
					t.Errorf("%+v, %+v; want %+v", d, d.Params, want)
				}
				if wantTCP := way == "tcp"; strings.HasSuffix(d.Coding, "TCP") != wantTCP {
					t.Errorf("by %s: %s", way, d.Coding)
				}
				if !slices.Equal(s.host.reports, []string{"live"}) || s.source.Figures().Gaps != 0 {
					t.Errorf("%q, %+v", s.host.reports, s.source.Figures())
				}
			})
		}
	}
}

// compare compares all frames that have come to those that were sent.
func (s *stage) compare() {
	s.t.Helper()
	if len(s.host.frames) < 100 {
		s.t.Fatalf("%d frames; reports %q", len(s.host.frames), s.host.reports)
	}
	clip, first := s.film.contents(s.t), len(s.film.sent)-len(s.host.frames)
	if contentOf(s.t, s.host.frames[0]) != clip[s.film.sent[first]] {
		first-- // the last one is on its way
	}
	base := s.host.frames[0].Captured - s.film.at[first]
	for i, f := range s.host.frames {
		n := s.film.sent[first+i]
		if contentOf(s.t, f) != clip[n] {
			s.t.Fatalf("frame %d is not what was sent", i)
		}
		if i < 50 { // the depth of B-frames is not known at first, and times are set slowly
			continue
		}
		if off := f.Captured - s.film.at[first+i]; off.Abs() > 3*time.Millisecond && (off-base).Abs() > 2*time.Millisecond {
			s.t.Fatalf("frame %d was taken %v after it was, the first one %v", i, off, base)
		}
	}
}

// TestJitter has frames come late by up to 30 ms: their times advance as if they did not.
func TestJitter(t *testing.T) {
	s := newStage(t, 3)
	s.k.SetLink(cameraNet, sim.Link{Delay: 5 * time.Millisecond, Jitter: 30 * time.Millisecond})
	s.begin(pictures(t), nil)
	s.run(20 * time.Second)
	if s.source.Figures().Gaps > 0 {
		t.Errorf("%+v", s.source.Figures())
	}
	for i := 100; i < len(s.host.frames); i++ {
		if d := s.host.frames[i].Captured - s.host.frames[i-1].Captured; (d - interval).Abs() > 2*time.Millisecond+interval/20 {
			t.Fatalf("frame %d was taken %v after the one before", i, d)
		}
	}
}

// TestCameraGoesAway for ten seconds, and comes back: the source is lost, opened again, and goes on
// with the same parameters.
func TestCameraGoesAway(t *testing.T) {
	s := newStage(t, 1)
	before := len(s.k.OpenFDs())
	s.begin(openClip(t, "baseline.h264"), nil)
	s.run(3 * time.Second)
	params := s.source.Describe().Params
	s.unplug()
	s.run(10 * time.Second)
	count, reports := s.host.count, len(s.host.reports)
	if reports < 10 || !strings.HasPrefix(s.host.reports[1], "lost: ") || s.host.reports[reports-1] == "live" {
		t.Errorf("%q", s.host.reports)
	}
	s.plugIn()
	s.until("it comes back", 3*time.Second, func() bool { return s.host.count > count+50 })
	if s.source.Describe().Params != params {
		t.Errorf("the parameters are others: %+v, %+v", s.source.Describe().Params, params)
	}
	s.host.close()
	s.run(time.Second)
	if n := s.camera.Readers(); n != 0 {
		t.Errorf("the camera has %d readers when the source is closed", n)
	}
	s.unplug()
	if n := len(s.k.OpenFDs()); n != before {
		t.Errorf("%d fds are open, %d were before", n, before)
	}
}

// TestLinkGoesDown for a while, without a word to either side.
func TestLinkGoesDown(t *testing.T) {
	for _, transport := range []rtsp.Transport{rtsp.OnlyUDP, rtsp.OnlyTCP} {
		for _, down := range []time.Duration{5 * time.Second, 15 * time.Second} {
			s := newStage(t, 2)
			s.begin(openClip(t, "baseline.h264"), func(o *rtsp.Options) { o.Transport = transport })
			s.run(3 * time.Second)
			s.k.SetLink(cameraNet, sim.Link{Down: true})
			s.run(down)
			s.k.SetLink(cameraNet, sim.Link{})
			count := s.host.count
			s.until("frames come again", 20*time.Second, func() bool { return s.host.count > count+50 })
			silent := slices.ContainsFunc(s.host.reports, func(r string) bool { return r == "lost: the camera sends nothing" })
			if silent != (down > 10*time.Second) {
				t.Errorf("transport %d, down for %v: %q", transport, down, s.host.reports)
			}
		}
	}
}

// failedSeed is one with which a frame was handed on whose key frame was lost.
const failedSeed = 141

var seeds = flag.Uint64("seeds", 4, "how many seeds TestNoFrameWithoutItsReference runs each clip with")

// TestNoFrameWithoutItsReference has packets lost, repeated and late, with -seeds seeds: a frame that
// is handed on follows the one before, but for those that no other one needs, or is a key frame.
func TestNoFrameWithoutItsReference(t *testing.T) {
	for _, name := range []string{"baseline.h264", "slices.h264", "bframes.h264", "baseline.h265", "bframes.h265", "jpeg"} {
		clip := pictures(t)
		if name != "jpeg" {
			clip = openClip(t, name)
		}
		lost := 0
		for seed := range *seeds + 1 {
			if seed == *seeds {
				seed = failedSeed
			}
			s := newStage(t, seed)
			s.k.SetLink(cameraNet, sim.Link{Loss: 0.02, Duplicate: 0.02, Reorder: 0.05, HoldBack: 10 * time.Millisecond, Jitter: 3 * time.Millisecond})
			s.begin(clip, func(o *rtsp.Options) { o.Transport = rtsp.OnlyUDP })
			s.run(10 * time.Second)
			lost += s.checkReferences(seed)
		}
		if lost == 0 {
			t.Errorf("%s: nothing was lost", name)
		}
	}
}

// checkReferences finds each frame among those that were sent, and returns how many were not handed on.
func (s *stage) checkReferences(seed uint64) (lost int) {
	s.t.Helper()
	clip, at := s.film.contents(s.t), -1 // of the last one
	for i, f := range s.host.frames {
		got := contentOf(s.t, f)
		next := len(s.film.sent) - 1 // the last one before that was the same
		for next > at && (s.film.at[next] > s.host.at[i] || got != clip[s.film.sent[next]]) {
			next--
		}
		if next == at {
			s.t.Fatalf("seed %d: frame %d was not sent, or comes twice", seed, i)
		}
		if at >= 0 {
			lost += next - at - 1
		}
		for n := at + 1; n < next && at >= 0 && f.Params.Format.Dependent() && !f.Key; n++ {
			if missed := s.film.frames[s.film.sent[n]]; !missed.Disposable && (!isRASL(missed) || isRASL(f)) {
				s.t.Fatalf("%s, seed %d: frame %d of the clip's %d is handed on, and %d that it may need is not",
					f.Params.Format, seed, s.film.sent[next], len(s.film.frames), s.film.sent[n])
			}
		}
		at = next
	}
	if len(s.host.frames) == 0 {
		s.t.Fatalf("seed %d: no frame; %q", seed, s.host.reports)
	}
	return lost
}

// isRASL reports whether a frame of H.265 is shown before the key frame that it follows: where decoding
// has begun with that, it cannot be decoded, and no later one needs it.
func isRASL(f media.Frame) bool {
	for rest := f.Bytes; f.Params.Format == media.H265 && len(rest) > 0; {
		unit, after, err := nal.Next(rest)
		if err != nil || h265.IsSlice(unit) {
			return err == nil && h265.IsRASL(unit)
		}
		rest = after
	}
	return false
}

// TestKeyFramesAreAskedFor when the stream's host wants one, and after a loss.
func TestKeyFramesAreAskedFor(t *testing.T) {
	s := newStage(t, 1)
	if s.begin(openClip(t, "baseline.h264"), func(o *rtsp.Options) { o.Transport = rtsp.OnlyUDP }); s.source.RequestKeyFrame() == nil {
		t.Error("a key frame can be asked for before there is a session")
	}
	s.film.obeys = true
	s.run(3 * time.Second)
	asked := s.film.asked
	s.check(s.source.RequestKeyFrame())
	s.run(1500 * time.Millisecond)
	if s.film.asked != asked+1 {
		t.Errorf("asked for %d times, want once", s.film.asked-asked)
	}
	asked = s.film.asked
	s.k.SetLink(cameraNet, sim.Link{Loss: 1})
	s.run(interval)
	s.k.SetLink(cameraNet, sim.Link{})
	keys := s.keys()
	s.until("a key frame comes", 2*time.Second, func() bool { return s.keys() > keys })
	if s.film.asked == asked {
		t.Error("none was asked for after a loss")
	}
}

func (s *stage) keys() (n int) {
	for _, f := range s.host.frames {
		if f.Key {
			n++
		}
	}
	return n
}

// TestFallBack to TCP, where nothing comes by UDP; it is remembered.
func TestFallBack(t *testing.T) {
	s := newStage(t, 1)
	s.k.SetLink(cameraNet, sim.Link{Loss: 1})
	s.begin(pictures(t), nil)
	s.until("frames come", 5*time.Second, func() bool { return s.host.count > 10 })
	s.unplug()
	s.run(time.Second)
	s.plugIn()
	count, began := s.host.count, s.l.Now()
	s.until("frames come again", 3*time.Second, func() bool { return s.host.count > count })
	if took := s.l.Now() - began; took > time.Second || !strings.HasSuffix(s.source.Describe().Coding, "TCP") {
		t.Errorf("after %v, %s", took, s.source.Describe().Coding)
	}
	s = newStage(t, 1)
	s.k.SetLink(cameraNet, sim.Link{Loss: 1})
	s.begin(pictures(t), func(o *rtsp.Options) { o.Transport = rtsp.OnlyUDP })
	s.run(15 * time.Second)
	if want := []string{"lost: the camera sends nothing"}; !slices.Equal(s.host.reports, want) {
		t.Errorf("by UDP alone %q, want %q", s.host.reports, want)
	}
}

// TestKeptAlive for three minutes, with reports, and without a gap.
func TestKeptAlive(t *testing.T) {
	for _, transport := range []rtsp.Transport{rtsp.OnlyUDP, rtsp.OnlyTCP} {
		s := newStage(t, 4)
		s.host.keep = false
		s.begin(openClip(t, "baseline.h264"), func(o *rtsp.Options) { o.Transport = transport })
		s.run(3 * time.Minute)
		if want := 3*60*25 - 25; s.host.count < want || len(s.host.reports) != 1 {
			t.Errorf("%d frames, want %d; %q", s.host.count, want, s.host.reports)
		}
	}
}

// TestClosedWithin each report, and at any time.
func TestClosedWithin(t *testing.T) {
	s := newStage(t, 1)
	s.host.onLive = func() { s.host.close() }
	s.begin(pictures(t), nil)
	s.run(5 * time.Second)
	if s.host.count != 0 || s.camera.Readers() != 0 {
		t.Errorf("%d frames, %d readers", s.host.count, s.camera.Readers())
	}
	s.host.onLive = nil
	s.host.onFrame = func(media.Frame) { s.host.close() }
	s.host.open()
	s.run(5 * time.Second)
	if s.host.count != 1 || s.camera.Readers() != 0 {
		t.Errorf("%d frames, %d readers", s.host.count, s.camera.Readers())
	}
	s.host.onFrame = nil
	for d := time.Duration(0); d < 200*time.Millisecond; d += 2 * time.Millisecond {
		s.host.open()
		s.run(d)
		s.host.close()
		s.check(s.source.Close())
	}
	s.run(time.Second)
	if s.camera.Readers() != 0 {
		t.Errorf("%d readers", s.camera.Readers())
	}
}

// TestSameSeedSameBytes runs the same twice and compares every system call.
func TestSameSeedSameBytes(t *testing.T) {
	trace := func() []byte {
		var b bytes.Buffer
		s := newStage(t, 7)
		s.k.Trace(&b)
		s.k.SetLink(cameraNet, sim.Link{Delay: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01})
		s.begin(openClip(t, "baseline.h264"), nil)
		s.run(5 * time.Second)
		return b.Bytes()
	}
	if a, b := trace(), trace(); !bytes.Equal(a, b) || len(a) == 0 {
		t.Errorf("two runs differ: %d and %d bytes of trace", len(a), len(b))
	}
}

// TestIPv6 has the camera at ::1.
func TestIPv6(t *testing.T) {
	s := newStage(t, 1)
	s.film = &film{clip: pictures(t)}
	s.camera = s.broadcast("[::1]:5004", "[::1]:8554", s.film)
	s.watch(func(o *rtsp.Options) { o.URL = "rtsp://[::1]:8554/cam" })
	s.run(5 * time.Second)
	s.compare()
}

// TestCameraClock has frames come 100 ms late: by the camera's reports it is known when they were taken.
func TestCameraClock(t *testing.T) {
	s := newStage(t, 1)
	s.k.SetLink(cameraNet, sim.Link{Delay: 100 * time.Millisecond})
	s.begin(pictures(t), nil)
	s.run(20 * time.Second)
	last := s.host.frames[len(s.host.frames)-1]
	off := interval
	for _, at := range s.film.at {
		if d := (last.Captured - at).Abs(); d < off {
			off = d
		}
	}
	if late := s.l.Now() - last.Captured; off > 3*time.Millisecond || late < 100*time.Millisecond {
		t.Errorf("a frame of %v ago was taken %v beside one that was sent", late, off)
	}
}
