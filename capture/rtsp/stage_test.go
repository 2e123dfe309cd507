package rtsp_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// interval is the time between the camera's frames.
const interval = 40 * time.Millisecond

// cameraURL is the camera's, and cameraNet what lies between it and the source.
const cameraURL = "rtsp://127.0.0.1:8554/cam"

var cameraNet = netip.MustParsePrefix("127.0.0.0/8")

// stage is a camera and a source on a simulated kernel. The camera is a broadcaster of ours.
type stage struct {
	t      testing.TB
	k      *sim.Kernel
	l      *loop.Loop
	film   *film
	camera *cast.Broadcaster // nil: it is gone
	host   *host
	source *rtsp.Source
}

// newStage has no camera yet.
func newStage(t testing.TB, seed uint64) *stage {
	s := &stage{t: t, k: sim.New(seed)}
	s.l = loop.NewOn(s.k)
	s.host = newHost(s)
	return s
}

// begin has a camera play a film, and a source watch it.
func (s *stage) begin(clip *clip, change func(*rtsp.Options)) {
	s.t.Helper()
	s.film = &film{clip: clip}
	s.plugIn()
	s.watch(change)
}

// plugIn starts the camera.
func (s *stage) plugIn() { s.camera = s.broadcast("127.0.0.1:5004", "127.0.0.1:8554", s.film) }

// broadcast starts a broadcaster with a stream, cam.
func (s *stage) broadcast(rtp, rtsp string, source capture.Source) *cast.Broadcaster {
	s.t.Helper()
	b, err := cast.New(s.l, cast.Config{RTP: netip.MustParseAddrPort(rtp), Random: s.k.Random, Work: sim.NewWorker(s.l, time.Millisecond)})
	s.check(err)
	_, err = front.Listen(b, netip.MustParseAddrPort(rtsp), front.Options{})
	s.check(err)
	_, err = b.AddStream("cam", source, cast.StreamOptions{})
	s.check(err)
	return b
}

// unplug has the camera vanish, and its connections with it.
func (s *stage) unplug() {
	s.t.Helper()
	s.check(s.camera.Close())
	s.camera = nil
}

// watch opens the source.
func (s *stage) watch(change func(*rtsp.Options)) {
	s.t.Helper()
	o := rtsp.Options{Loop: s.l, URL: cameraURL, Random: s.k.Random}
	if change != nil {
		change(&o)
	}
	var err error
	s.source, err = rtsp.New(o)
	s.check(err)
	s.host.open()
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) run(d time.Duration) {
	s.t.Helper()
	s.check(sim.RunFor(s.l, d))
}

func (s *stage) until(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	if err := sim.RunUntil(s.l, done, limit); err != nil {
		s.t.Fatalf("%s: %v; reports %q", what, err, s.host.reports)
	}
}

// host is the source's. As a stream does, it opens a source again that is lost.
type host struct {
	*stage
	reports []string // live, lost: ERROR, failed: ERROR
	frames  []media.Frame
	at      []time.Duration
	keep    bool // the frames; else they are only counted
	count   int
	isOpen  bool
	work    func(func() func())
	onFrame func(media.Frame)
	onLive  func()
	last    time.Duration // when the last frame was to be decoded
}

func newHost(s *stage) *host {
	return &host{stage: s, keep: true, work: sim.NewWorker(s.l, 10*time.Millisecond)}
}

func (h *host) open() {
	if !h.isOpen {
		h.isOpen = true
		h.source.Open(h)
	}
}

func (h *host) close() {
	h.isOpen = false
	h.check(h.source.Close())
}

func (h *host) Now() time.Duration                       { return h.l.Now() }
func (h *host) Wall() time.Time                          { return h.k.Wall() }
func (h *host) Watch(int, func()) (capture.Watch, error) { panic("the loop watches") }
func (h *host) NewTimer(f func()) capture.Timer          { return h.l.NewTimer(f) }
func (h *host) Post(f func()) error                      { return h.l.Post(f) }
func (h *host) Work(job func() func())                   { h.work(job) }
func (h *host) Code(job func() func())                   { h.work(job) }
func (h *host) Ended()                                   { h.t.Error("a camera has no end") }
func (h *host) Failed(err error)                         { h.over("failed: ", err) }
func (h *host) Lost(err error)                           { h.over("lost: ", err) }

// over closes the source, and opens it again as cast does.
func (h *host) over(what string, err error) {
	h.t.Helper()
	if !h.isOpen {
		h.t.Errorf("%s%v after Close", what, err)
	}
	if text := err.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 1000 || strings.Contains(text, "geheim") {
		h.t.Errorf("an error that cannot be shown: %q", text)
	}
	h.reports = append(h.reports, what+err.Error())
	h.close()
	h.l.NewTimer(h.open).SetAfter(250 * time.Millisecond)
}

func (h *host) Live() {
	if !h.isOpen || h.source.Describe().Params == nil {
		h.t.Error("live without parameters, or closed")
	}
	h.reports = append(h.reports, "live")
	if h.onLive != nil {
		h.onLive()
	}
}

func (h *host) Frame(f media.Frame) {
	when := f.Captured
	if f.Decode > 0 {
		when = f.Decode
	}
	switch {
	case !h.isOpen:
		h.t.Fatal("a frame after Close")
	case f.Params != h.source.Describe().Params:
		h.t.Fatal("other parameters than described")
	case when < h.last || when > f.Captured || f.Captured > h.l.Now()+interval:
		h.t.Fatalf("frame %d: captured %v, decoded %v, after %v, at %v", h.count, f.Captured, f.Decode, h.last, h.l.Now())
	}
	h.last = when
	h.count++
	if h.keep {
		f.Bytes = bytes.Clone(f.Bytes)
		h.frames, h.at = append(h.frames, f), append(h.at, h.l.Now())
	}
	if h.onFrame != nil {
		h.onFrame(f)
	}
}

// clip is what a film plays, again and again.
type clip struct {
	frames []media.Frame
	// shift is by how many frames each one is shown after it is decoded, less than 0 for B-frames.
	shift       []int
	first, last int // the least and the greatest of them
}

// reorder sets the shifts by the frames' picture order counts.
func (c *clip) reorder(order []int) {
	for begin := 0; begin < len(order); {
		end := begin + 1
		for end < len(order) && !c.frames[end].Key {
			end++
		}
		shown := slices.Sorted(slices.Values(order[begin:end]))
		for i := begin; i < end; i++ {
			at, _ := slices.BinarySearch(shown, order[i])
			c.shift = append(c.shift, begin+at-i)
		}
		begin = end
	}
	c.first, c.last = slices.Min(c.shift), slices.Max(c.shift)
}

// times are those of a frame that is sent at a time.
func (c *clip) times(n int, now time.Duration) (captured, decode time.Duration) {
	if c.first == c.last {
		return now, 0
	}
	return now + time.Duration(c.shift[n]-c.last)*interval, now + time.Duration(c.first-c.last)*interval
}

// openClip reads a file of proto/nal/testdata.
func openClip(t testing.TB, name string) *clip {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../proto/nal/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	assembler := h264.NewAssembler(1 << 20)
	if filepath.Ext(name) == ".h265" {
		assembler = h265.NewAssembler(1 << 20)
	}
	stream := nal.NewStream(assembler)
	stream.Push(data)
	stream.End()
	c, order := &clip{}, []int{}
	for f, ok, err := stream.Next(); ok; f, ok, err = stream.Next() {
		if err != nil {
			t.Fatal(err)
		}
		f.Bytes = bytes.Clone(f.Bytes)
		c.frames, order = append(c.frames, f), append(order, assembler.Order())
	}
	c.reorder(order)
	return c
}

// pictures is a clip of JPEGs.
func pictures(t testing.TB) *clip {
	t.Helper()
	c, err := encoded()
	if err != nil {
		t.Fatal(err)
	}
	return &clip{frames: c.frames}
}

// encoded makes the pictures once for all tests.
var encoded = sync.OnceValues(func() (*clip, error) {
	c := &clip{}
	params := &media.Params{Format: media.JPEG, Width: 320, Height: 240, FramesPerSecond: 25}
	for n := range 10 {
		picture := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
		for i := range picture.Y {
			picture.Y[i] = color.Gray{Y: byte(i*n) ^ byte(i>>7)}.Y
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, picture, nil); err != nil {
			return nil, err
		}
		c.frames = append(c.frames, media.Frame{Params: params, Bytes: b.Bytes(), Key: true})
	}
	return c, nil
})

// film is the camera's own source: it plays a clip.
type film struct {
	*clip
	host   capture.Host
	beat   capture.Timer
	due    time.Duration
	number int
	sent   []int // which frames of the clip, in order
	at     []time.Duration
	silent bool
	asked  int  // for key frames
	obeys  bool // it begins the clip anew when it is asked for one
}

func (f *film) Describe() capture.Description {
	return capture.Description{Source: "film", Params: f.frames[0].Params}
}

func (f *film) Open(h capture.Host) {
	f.host, f.beat, f.due = h, h.NewTimer(f.send), h.Now()
	h.Work(func() func() { return func() { h.Live(); f.wait() } })
}

func (f *film) wait() {
	f.due += interval
	f.beat.Set(f.due)
}

func (f *film) send() {
	f.wait()
	if f.silent {
		return
	}
	n := f.number % len(f.frames)
	f.number++
	frame := f.frames[n]
	frame.Captured, frame.Decode = f.times(n, f.host.Now())
	f.sent, f.at = append(f.sent, n), append(f.at, frame.Captured)
	f.host.Frame(frame)
}

func (f *film) RequestKeyFrame() error {
	f.asked++
	if f.obeys {
		f.number = 0
	}
	return nil
}

func (f *film) Figures() capture.Figures { return capture.Figures{} }

func (f *film) Close() error {
	if f.beat != nil {
		f.beat.Stop()
	}
	return nil
}
