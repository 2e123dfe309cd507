package cast_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// coder is a source that makes frames of another one's by a function. It is live with the first.
type coder struct {
	capture.Source
	capture.Host
	code   func(media.Frame) media.Frame
	isLive bool
	params *media.Params // nil: not known
	opened int
}

func (c *coder) Describe() capture.Description {
	d := c.Source.Describe()
	d.Params = c.params
	return d
}

func (c *coder) Open(h capture.Host) {
	c.opened++
	c.Host, c.isLive = h, false
	c.Source.Open(c)
}

func (c *coder) Close() error {
	c.Host = nil
	return c.Source.Close()
}

func (c *coder) Live() {}

func (c *coder) Frame(f media.Frame) {
	f = c.code(f)
	c.params = f.Params
	if !c.isLive {
		c.isLive = true
		c.Host.Live()
	}
	if c.Host != nil {
		c.Host.Frame(f)
	}
}

// plain leaves frames as they are, but with Params of their own.
func plain(f media.Frame) media.Frame {
	f.Params = &media.Params{Format: f.Params.Format, Width: f.Params.Width, Height: f.Params.Height, FramesPerSecond: framesPerSecond}
	return f
}

var codedParams = &media.Params{Format: media.H264, Width: 640, Height: 480, FramesPerSecond: framesPerSecond,
	ParameterSets: [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce, 0x3c, 0x80}}}

// coded makes up a key frame of H.264.
func coded(f media.Frame) media.Frame {
	f.Params, f.Key, f.Bytes = codedParams, true, []byte{0, 0, 0, 4, 0x65, 0x88, 0x84, 0x21}
	return f
}

// encodes gives StreamOptions.Encode, which counts in coders.
func encodes(code func(media.Frame) media.Frame, coders *[]*coder) func(capture.Source) (capture.Source, error) {
	return func(pictures capture.Source) (capture.Source, error) {
		c := &coder{Source: pictures, code: code}
		*coders = append(*coders, c)
		return c, nil
	}
}

// TestTap makes a stream of another one's pictures: both are watched, and the camera is opened once. It is
// lost and found, and both streams with it; then the first one is removed, and the other ends.
func TestTap(t *testing.T) {
	w, n := newStatefulWorld(t, cast.StreamOptions{AwaitReader: true, Linger: time.Second}, nil)
	var states []string
	low, err := w.b.AddStream("low", &coder{Source: w.s.Tap(), code: plain}, cast.StreamOptions{
		AwaitReader: true, Linger: time.Second,
		StateChanged: func(_ *cast.Stream, state cast.State, err error) { states = append(states, state.String()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run(5 * time.Second)
	n.want(t, "opening", "idle", "opening", "live", "lingering", "idle")
	if w.camera.host != nil || low.State() != cast.Idle {
		t.Fatalf("nobody watches, and the camera is open: %v", low.State())
	}
	opened := w.camera.opened
	both := []*viewer{w.watchStream("10.0.1.2", "low"), w.watch("10.0.1.1", false)}
	w.run(time.Second)
	if w.camera.opened != opened+1 || w.s.State() != cast.Live || low.State() != cast.Live {
		t.Errorf("the camera was opened %d times, %v, %v", w.camera.opened-opened, w.s.State(), low.State())
	}
	w.camera.lost, w.camera.opened = true, 0
	w.until(func() bool { return w.s.State() == cast.Live && low.State() == cast.Live && w.camera.opened == 3 })
	w.run(time.Second)
	for _, v := range both {
		v.row(50)
	}
	if err := w.s.Close(); err != nil {
		t.Error(err)
	}
	w.run(time.Second)
	want := []string{"opening", "idle", "opening", "live", "lost", "opening"}
	if !slices.Equal(states[:len(want)], want) || states[len(states)-1] != "ended" || low.State() != cast.Ended {
		t.Errorf("low: %q", states)
	}
}

// TestEncoded has a stream deliver what is made of its source's pictures, while it is watched. It is one stream
// for all who ask, the camera stays open, and pictures can be had besides.
func TestEncoded(t *testing.T) {
	var coders []*coder
	w, n := newStatefulWorld(t, cast.StreamOptions{Encode: encodes(plain, &coders), Encoded: true}, nil)
	w.run(time.Second)
	n.want(t, "opening", "idle")
	camera := w.camera.number
	if len(w.b.Streams()) != 1 || w.b.Stream("cam") != w.s || camera < 28 || w.s.Params() != coders[0].params {
		t.Errorf("%d streams, %d frames of the camera", len(w.b.Streams()), camera)
	}
	if _, err := w.b.AddStream("cam", newCamera(t, w.k), cast.StreamOptions{}); err == nil {
		t.Error("the name is free")
	}
	v := w.watch("10.0.1.1", false)
	w.run(time.Second)
	v.row(28)
	v.ask("TEARDOWN", v.url(), "")
	w.run(10 * time.Second)
	n.want(t, "opening", "idle", "opening", "live", "lingering", "idle")
	if coders[0].opened != 2 || w.camera.opened != 1 || coders[0].Host != nil {
		t.Errorf("encoding began %d times, the camera was opened %d times", coders[0].opened, w.camera.opened)
	}
	if err := w.s.Close(); err != nil || w.camera.host != nil || w.b.Stream("cam") != nil {
		t.Errorf("%v; the camera is closed: %v", err, w.camera.host == nil)
	}
	if _, err := w.b.AddStream("cam", newCamera(t, w.k), cast.StreamOptions{}); err != nil {
		t.Error(err)
	}
}

// TestEncodedOfAFile opens a source that awaits readers anew for the first of them.
func TestEncodedOfAFile(t *testing.T) {
	var coders []*coder
	w, n := newStatefulWorld(t, cast.StreamOptions{Encode: encodes(plain, &coders), Encoded: true, AwaitReader: true}, nil)
	w.run(3 * time.Second)
	n.want(t, "opening", "idle")
	if w.camera.host != nil {
		t.Fatal("the file is played though nobody watches")
	}
	v := w.watch("10.0.1.1", true)
	w.run(time.Second)
	v.row(28)
	w.camera.host.Ended()
	w.run(time.Second)
	if w.s.State() != cast.Ended || w.s.Readers() != 0 {
		t.Errorf("the stream is %v after the file's end", w.s.State())
	}
}

// TestEncodedFails has the source fail at start, and the encoder not be there: the error comes once.
func TestEncodedFails(t *testing.T) {
	var coders []*coder
	w, n := newStatefulWorld(t, cast.StreamOptions{Encode: encodes(plain, &coders), Encoded: true}, func(c *camera) { c.fails = errors.New("no such size") })
	w.run(time.Second)
	n.want(t, "opening", "ended: no such size")
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("the log says what the program is told")
	}

	w = newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	camera, missing := newCamera(t, w.k), errors.New("no encoder")
	_, err := w.b.AddStream("cam", camera, cast.StreamOptions{Encoded: true, Encode: func(p capture.Source) (capture.Source, error) { return nil, errors.Join(missing, p.Close()) }})
	if !errors.Is(err, missing) || w.b.Stream("cam") != nil || camera.host != nil {
		t.Errorf("%v; want %v, and no stream", err, missing)
	}
}

// withoutEncoder is a source of another one's pictures that finds no encoder when it is opened.
type withoutEncoder struct{ capture.Source }

var errNoEncoder = errors.New("no encoder is installed")

func (withoutEncoder) Open(h capture.Host) { _ = h.Post(func() { h.Failed(errNoEncoder) }) }

// TestRenditionFails has no encoder be there for a rendition: those who ask first and later are told, and the
// stream goes on.
func TestRenditionFails(t *testing.T) {
	w, _ := newStatefulWorld(t, cast.StreamOptions{Encode: func(p capture.Source) (capture.Source, error) { return withoutEncoder{p}, nil }}, nil)
	w.run(time.Second)
	for range 2 {
		s, err := w.s.Rendition(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		var answer error
		s.Await(func(err error) { answer = err })
		w.until(func() bool { return answer != nil })
		if r := cast.RefusalOf(answer); r.Kind != cast.NotCarried || r.Reason != errNoEncoder.Error() {
			t.Errorf("%+v, want %v", r, errNoEncoder)
		}
	}
	if n := strings.Count(w.log.String(), errNoEncoder.Error()); n != 1 || w.s.State() != cast.Live {
		t.Errorf("%d lines are logged, the stream is %v", n, w.s.State())
	}
	if err := w.s.Close(); err != nil {
		t.Error(err)
	}
	s, _ := w.s.Rendition(media.H264)
	if err := s.Available(); !errors.Is(err, cast.ErrClosed) {
		t.Errorf("%v, want %v", err, cast.ErrClosed)
	}
}

// TestRenditions asks a stream of JPEG for H.264, which is encoded while it is watched, and a stream of H.264
// for the pictures that it is made of.
func TestRenditions(t *testing.T) {
	var coders []*coder
	w, _ := newStatefulWorld(t, cast.StreamOptions{Encode: encodes(coded, &coders)}, nil)
	w.run(time.Second)
	if s, err := w.s.Rendition(media.JPEG); s != w.s || err != nil {
		t.Error("the camera's pictures are not JPEG", err)
	}
	if s, err := w.s.Rendition(media.H265); s != nil || err != nil {
		t.Error("H.265 is made of JPEG", err)
	}
	s, err := w.s.Rendition(media.H264)
	if err != nil || s == nil || s == w.s || s.Name() != "cam" || len(w.b.Streams()) != 1 {
		t.Fatal("no rendition of H.264", err)
	}
	var known error = errors.New("not answered")
	s.Await(func(err error) { known = err })
	w.until(func() bool { return known == nil })
	if all := w.s.Renditions(); !slices.Equal(all, []*cast.Stream{w.s, s}) {
		t.Errorf("%d renditions", len(all))
	}
	if again, _ := w.s.Rendition(media.H264); again != s || len(coders) != 1 || s.Params() == nil {
		t.Error("another rendition of the same format")
	}
	w.run(10 * time.Second)
	if s.State() != cast.Idle {
		t.Errorf("it is encoded though nobody watches: %v", s.State())
	}
	var got media.Frame
	s.AwaitFrame(func(f media.Frame, _ uint64, err error) {
		if got = f; err != nil {
			t.Error(err)
		}
	})
	w.until(func() bool { return got.Params != nil })
	if got.Params.Format != media.H264 || s.State() != cast.Lingering {
		t.Errorf("%+v, %v", got.Params, s.State())
	}
	if err := w.s.Close(); err != nil || s.State() != cast.Ended {
		t.Errorf("%v, the rendition is %v", err, s.State())
	}
	if s, err := w.s.Rendition(media.H264); s == nil || err != nil || s.State() != cast.Ended {
		t.Error("a rendition of a stream that is closed", err)
	}

	w, _ = newStatefulWorld(t, cast.StreamOptions{Encode: encodes(coded, &coders), Encoded: true}, nil)
	w.run(time.Second)
	pictures, err := w.s.Rendition(media.JPEG)
	if err != nil || pictures == nil || pictures == w.s || pictures.Params() != w.camera.params {
		t.Fatal("the pictures are no rendition", err)
	}
	if s, _ := w.s.Rendition(media.H264); s != w.s {
		t.Error("H.264 is not the stream itself")
	}
}

// TestPixels has pictures that are not coded: they go to an encoder and to no viewer.
func TestPixels(t *testing.T) {
	pixels := func(c *camera) { c.params = &media.Params{Format: media.I420, Width: 640, Height: 480} }
	_, n := newStatefulWorld(t, cast.StreamOptions{}, pixels)
	n.want(t, "opening", "ended: I420 cannot be sent by RTP")
	var coders []*coder
	w, n := newStatefulWorld(t, cast.StreamOptions{Encode: encodes(coded, &coders), Encoded: true}, pixels)
	w.run(time.Second)
	n.want(t, "opening", "idle")
	if s, err := w.s.Rendition(media.JPEG); s != nil || err != nil {
		t.Error("JPEG is made of pixels", err)
	}
	if p := w.s.Params(); p == nil || p.Format != media.H264 {
		t.Errorf("%+v", p)
	}
}
