package recode

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
)

// pictures is a source whose reports the test makes.
type pictures struct {
	host   capture.Host // nil: closed
	opened int
	params *media.Params
}

func (p *pictures) Describe() capture.Description {
	return capture.Description{Source: "a camera", Coding: "MJPEG", Params: p.params}
}
func (p *pictures) Open(host capture.Host) { p.host, p.opened = host, p.opened+1 }
func (p *pictures) Close() error           { p.host = nil; return nil }
func (p *pictures) Figures() capture.Figures {
	return capture.Figures{Frames: 99, Gaps: 3, Broken: 1, Skipped: 2}
}

func (p *pictures) frame(text string) {
	p.host.Frame(media.Frame{Params: p.params, Bytes: []byte(text), Captured: p.host.Now(), Key: true})
}

// coder writes what it is asked for.
type coder struct {
	fails   bool
	quality int
	params  media.Params
	out     []byte
	closed  *int
}

func (c *coder) SetQuality(percent int) { c.quality = percent }
func (c *coder) Name() string           { return "the test" }
func (c *coder) Close()                 { *c.closed++ }

var errCoder = errors.New("no such luck")

func (c *coder) Encode(f media.Frame, key bool) (media.Frame, error) {
	if c.fails {
		return media.Frame{}, errCoder
	}
	c.out = append(c.out[:0], f.Bytes...)
	c.out = append(c.out, " at "+strconv.Itoa(c.quality)...)
	return media.Frame{Params: &c.params, Bytes: c.out, Captured: f.Captured, Key: key}, nil
}

// world is a source of made-up pictures on a host.
type world struct {
	*capturetest.Host
	pictures *pictures
	source   *Source
	coder    *coder // of the last opening
	closed   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Host: capturetest.NewHost(t), pictures: &pictures{params: &media.Params{Format: media.JPEG, Width: 64, Height: 48}}}
	w.source = New(w.pictures, func() (Encoder, error) {
		w.coder = &coder{params: media.Params{Format: media.H264, Width: 64, Height: 48}, closed: &w.closed}
		return w.coder, nil
	})
	if err := w.source.Prepare(); err != nil {
		t.Fatal(err)
	}
	w.Open(w.source)
	return w
}

// open opens the source again, and has it make an encoder.
func (w *world) open() {
	w.Open(w.source)
	if w.HoldJobs {
		w.RunJob()
	}
	w.Turn()
}

func (w *world) texts() (texts []string) {
	for _, f := range w.Frames {
		text := string(f.Bytes)
		if f.Key {
			text += " key"
		}
		texts = append(texts, text)
	}
	return texts
}

// TestFrames has the worker be slower than the camera: it is live with the first frame that is encoded, and
// then the newest one is, with the key frame and the quality that were asked for meanwhile.
func TestFrames(t *testing.T) {
	w := newWorld(t)
	w.HoldJobs = true
	w.pictures.host.Live()
	w.pictures.frame("1")
	w.Turn()
	if len(w.Reports) > 0 || w.source.Describe().Params != nil {
		t.Fatalf("%q before a frame is encoded", w.Reports)
	}
	for _, text := range []string{"2", "3"} {
		w.pictures.frame(text)
	}
	w.RunJob()
	w.source.SetQuality(1000)
	if err := w.source.RequestKeyFrame(); err != nil {
		t.Error(err)
	}
	w.Turn()
	w.pictures.frame("4") // replaces 3, which the next job already has; it waits
	w.RunJob()
	w.source.SetQuality(50)
	w.Turn()
	w.pictures.frame("5")
	w.RunJob()
	w.Turn()
	w.RunJob()
	w.Turn()
	if want := []string{"1 at 100", "3 at 100 key", "4 at 100", "5 at 50"}; !slices.Equal(w.texts(), want) || !slices.Equal(w.Reports, []string{"live"}) {
		t.Errorf("%q, %q; want %q", w.Reports, w.texts(), want)
	}
	if got, want := w.source.Figures(), (capture.Figures{Frames: 4, Gaps: 3, Broken: 1, Skipped: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if w.CodeJobs != 4 {
		t.Errorf("%d jobs of a lower priority, want 4", w.CodeJobs)
	}
	if d := w.source.Describe(); d.Source != "a camera" || d.Coding != "MJPEG, encoded to H.264 by the test" || d.Params.Format != media.H264 {
		t.Errorf("%+v", d)
	}
	w.Close()
	w.RunJob()
	if w.pictures.host != nil || w.closed != 1 {
		t.Errorf("closed: the camera %v, %d encoders", w.pictures.host == nil, w.closed)
	}
}

// TestOpenedAgain has the camera be lost and come back, with pictures of another size: the Params have a
// higher version, and stay when they are the same.
func TestOpenedAgain(t *testing.T) {
	w := newWorld(t)
	w.pictures.frame("1")
	w.Turn()
	w.pictures.host.Lost(errors.New("unplugged"))
	w.Close()
	first := w.source.Describe().Params
	w.open()
	w.pictures.frame("2")
	w.Turn()
	w.Close()
	if p := w.source.Describe().Params; p != first {
		t.Errorf("other Params of the same pictures: %+v", p)
	}
	w.open()
	w.coder.params.Width = 128
	w.pictures.frame("3")
	w.Turn()
	w.Close()
	if p := w.source.Describe().Params; p.Version != 1 || p.Width != 128 {
		t.Errorf("%+v", p)
	}
	if want := []string{"live", "lost: unplugged", "live", "live"}; !slices.Equal(w.Reports, want) || w.closed != 3 || len(w.Frames) != 3 {
		t.Errorf("%q, %d encoders closed, %d frames; want %q", w.Reports, w.closed, len(w.Frames), want)
	}
}

// TestFailures has frames fail: some are counted, and a source of which many in a row fail is lost, or has
// failed if none was encoded before.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	one := func() {
		w.pictures.frame("x")
		w.Turn()
	}
	w.coder.fails = true
	for range 2 {
		for range maxFailures - 1 {
			one()
		}
		w.coder.fails = false
		one()
		w.coder.fails = true
	}
	if want := []string{"live"}; !slices.Equal(w.Reports, want) || w.source.Figures().Broken != 1+2*(maxFailures-1) {
		t.Errorf("%q, %+v; want %q", w.Reports, w.source.Figures(), want)
	}
	for range maxFailures {
		one()
	}
	one()
	if want := []string{"live", "lost: pictures cannot be encoded to H.264: no such luck"}; !slices.Equal(w.Reports, want) {
		t.Errorf("%q, want %q", w.Reports, want)
	}
	w.Close()
	w.Reports = nil
	w.open()
	w.coder.fails = true
	for range maxFailures {
		one()
	}
	one()
	if want := []string{"failed: pictures cannot be encoded to H.264: no such luck"}; !slices.Equal(w.Reports, want) {
		t.Errorf("%q, want %q", w.Reports, want)
	}
	w.Close()
}

// TestEnd has the source end while a frame is encoded: that is still delivered. One whose only picture cannot be
// encoded has failed.
func TestEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails bool
		held  bool
		want  []string
	}{
		{"at once", false, false, []string{"live", "ended"}}, {"while it is encoded", false, true, []string{"live", "ended"}},
		{"and it fails", true, true, []string{"failed: pictures cannot be encoded to H.264: no such luck"}},
	} {
		w := newWorld(t)
		w.coder.fails, w.HoldJobs = c.fails, true
		w.pictures.frame("1")
		if !c.held {
			w.RunJob()
			w.Turn()
		}
		w.pictures.host.Ended()
		if c.held {
			w.RunJob()
			w.Turn()
		}
		if !slices.Equal(w.Reports, c.want) {
			t.Errorf("%s: %q, want %q", c.name, w.Reports, c.want)
		}
		w.Close()
	}
}

// TestClosedMeanwhile closes the source in its own reports, and while a frame is encoded: nothing is
// reported after that, which the host checks, and all encoders are closed.
func TestClosedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.OnReport = func(string) { w.Close() }
	w.pictures.frame("1")
	w.Turn()
	w.OnReport = nil
	w.open()
	w.OnFrame = func(media.Frame) { w.Close() }
	w.pictures.frame("2")
	w.Turn()
	w.OnFrame = nil
	w.open()
	w.HoldJobs = true
	w.pictures.frame("3")
	w.Close()
	w.RunJob()
	w.RunFor(time.Second)
	if w.closed != 3 || len(w.Frames) != 1 {
		t.Errorf("%d encoders closed, %d frames; want 3 and 1", w.closed, len(w.Frames))
	}
}

// TestNoEncoder has an encoder be missing at start, and when the source is opened again.
func TestNoEncoder(t *testing.T) {
	fault, closed := errCoder, 0
	s := New(&pictures{}, func() (Encoder, error) {
		if fault != nil {
			return (*coder)(nil), fault // as a function does that returns what it has been given
		}
		return &coder{closed: &closed}, nil
	})
	if err := s.Prepare(); !errors.Is(err, errCoder) {
		t.Errorf("%v, want %v", err, errCoder)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	fault = nil
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || closed != 1 {
		t.Errorf("%v, %d encoders closed", err, closed)
	}
	fault = errCoder
	h := capturetest.NewHost(t)
	h.Open(s)
	h.Turn()
	h.Close()
	if want := []string{"failed: pictures cannot be encoded to H.264: no such luck"}; !slices.Equal(h.Reports, want) {
		t.Errorf("%q, want %q", h.Reports, want)
	}
}

// TestEncoderIsMadeByAJob has Open return before the encoder is made, and the source be closed at each moment of
// that: the encoder is closed.
func TestEncoderIsMadeByAJob(t *testing.T) {
	for name, steps := range map[string]func(h *capturetest.Host){
		"before the job": func(h *capturetest.Host) { h.Close(); h.RunJob() },
		"after the job":  func(h *capturetest.Host) { h.RunJob(); h.Close() },
		"and opened":     func(h *capturetest.Host) { h.RunJob(); h.Turn(); h.Close(); h.RunJob() },
		"the loop ends":  func(h *capturetest.Host) { h.Die(); h.RunJob(); h.Close() },
	} {
		h, p, made, closed := capturetest.NewHost(t), &pictures{}, 0, 0
		h.HoldJobs = true
		s := New(p, func() (Encoder, error) {
			made++
			return &coder{closed: &closed}, nil
		})
		h.Open(s)
		if made != 0 || h.Jobs() != 1 || s.Describe().Coding != "MJPEG, encoded to H.264" {
			t.Errorf("%s: %d encoders made by Open, %d jobs, %+v", name, made, h.Jobs(), s.Describe())
		}
		steps(h)
		h.Turn()
		if made != 1 || closed != 1 || p.host != nil || h.Jobs() != 0 || len(h.Reports) > 0 {
			t.Errorf("%s: %d encoders made, %d closed, the camera is closed: %v, %d jobs, %q", name, made, closed, p.host == nil, h.Jobs(), h.Reports)
		}
	}
}
