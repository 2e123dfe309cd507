package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// TestStreamIsReplacedUnderLoad closes a stream that is watched by each protocol, in the middle
// of a frame, and adds another one under its name: nothing of the old one is left.
func TestStreamIsReplacedUnderLoad(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		stands, err := w.b.AddStream("other", newCamera(t, w.k), cast.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		beside := w.watchStream("10.0.9.1", "other")
		old := oneOfEach(w, 1)
		overUDP, overTCP := w.watch("10.0.1.7", false), w.watch("10.0.2.7", true)
		setUp := w.connect("10.0.1.8")
		setUp.setupUDP()
		w.run(time.Second + time.Duration(seed)*3*time.Millisecond) // somewhere in a frame
		closed, camera := w.s, w.camera
		replaceStream(w, nil)
		fresh := oneOfEach(w, 2)
		w.run(2 * time.Second)
		if camera.host != nil || closed.State() != cast.Ended {
			t.Errorf("seed %d: the camera is open: %v; the stream is %v", seed, camera.host != nil, closed.State())
		}
		for _, r := range old {
			had := r.frames()
			w.run(100 * time.Millisecond)
			if r.byes() != 1 || r.frames() != had || r.session.Playing() {
				t.Errorf("seed %d, %s: %d goodbyes, %d frames of a stream that is closed", seed, r.name, r.byes(), r.frames()-had)
			}
		}
		for _, v := range []*viewer{overUDP, overTCP, setUp} {
			for method, want := range map[string]int{"PLAY": 454, "GET_PARAMETER": 454, "TEARDOWN": 200} {
				if status, _ := v.ask(method, streamURL, ""); status != want {
					t.Errorf("seed %d: %s for a session of the old stream: %d, want %d", seed, method, status, want)
				}
			}
		}
		for _, r := range fresh {
			if r.byes() != 0 || r.frames() < 55 || r.session.Stream() != w.s {
				t.Errorf("seed %d, %s: %d goodbyes, %d frames", seed, r.name, r.byes(), r.frames())
			}
		}
		if beside.row(3 * framesPerSecond); beside.gaps > 0 || stands.Readers() != 1 {
			t.Errorf("seed %d: the reader of another stream has lost %d packets", seed, beside.gaps)
		}
		if overUDP.session = ""; overUDP.setupUDP() != 200 { // the connection lives on
			t.Errorf("seed %d: the new stream cannot be set up on the old connection", seed)
		}
	}
}

// watchStream has a reader watch a stream of another name over UDP.
func (w *world) watchStream(ip, name string) *viewer {
	w.t.Helper()
	v := w.connect(ip)
	v.name = name
	if status := v.setupUDP(); status != 200 {
		w.t.Fatalf("SETUP of %s: %d", name, status)
	}
	v.play()
	return v
}

// TestCloseWithinAFrame closes the stream while its frame is being sent, as a reader is lost by it.
func TestCloseWithinAFrame(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		var h hooks
		w := newWorld(t, 1, h.use)
		h.left = func(*cast.Session) {
			if err := w.s.Close(); err != nil && err != cast.ErrClosed {
				t.Error(err)
			}
		}
		for i := range 3 {
			w.watch(fmt.Sprintf("10.0.1.%d", i+1), tcp)
		}
		w.run(time.Second)
		if tcp {
			w.k.Inject(func(c sim.Call) error {
				if c.Name == "Writev" {
					return unix.ECONNRESET
				}
				return nil
			})
		} else {
			w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.2/32"), unix.EHOSTUNREACH))
		}
		w.run(10 * time.Second)
		if w.s.State() != cast.Ended || len(h.told) != 6 || w.camera.host != nil {
			t.Errorf("tcp %v: the stream is %v, the program was told %q", tcp, w.s.State(), h.told)
		}
		w.k.Inject(func(sim.Call) error { return nil })
		if err := w.b.Close(); err != nil {
			t.Error(err)
		}
		if open := w.k.OpenFDs(); len(open) > 0 {
			t.Errorf("tcp %v: fds %v are open", tcp, open)
		}
	}
}

// close closes the stream, or the whole broadcaster.
func (w *world) close(whole bool) {
	w.t.Helper()
	err := error(nil)
	if whole {
		err = w.b.Close()
	} else {
		err = w.s.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestEveryCallAfterClose calls what is exported on a stream that is closed, and on one whose
// broadcaster is: nothing is sent.
func TestEveryCallAfterClose(t *testing.T) {
	for _, whole := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:7000"), RTCP: netip.MustParseAddrPort("10.0.1.1:7001")}
		w.run(100 * time.Millisecond)
		r, err := w.s.Join(at, nil)
		if err != nil {
			t.Fatal(err)
		}
		open, err := w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: at.RTP})
		if err != nil {
			t.Fatal(err)
		}
		w.close(whole)
		sent := w.k.Counters().Sent
		d := cast.Destination{Peer: at.RTP}
		var awaited error
		w.s.Await(func(err error) { awaited = err })
		_, join := w.s.Join(at, nil)
		_, send := w.s.SendTo(d)
		_, sdp := w.s.SDP()
		_, sdpFor := w.s.SDPFor(d)
		_, session := w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: at.RTP})
		for name, err := range map[string]error{
			"Publish": w.s.Publish(w.camera.frame(9)), "Join": join, "SendTo": send, "SDP": sdp, "SDPFor": sdpFor,
			"Available": w.s.Available(), "Await": awaited, "Close": w.s.Close(), "OpenSession": session,
			"PlayUDP": open.PlayUDP(at), "PlayTCP": open.PlayTCP(nil, 0), "PlayGroup": open.PlayGroup(),
		} {
			if err != cast.ErrClosed {
				t.Errorf("%s: %v, want ErrClosed", name, err)
			}
		}
		if _, err := w.b.AddStream("cam", newCamera(t, w.k), cast.StreamOptions{}); errors.Is(err, cast.ErrClosed) != whole {
			t.Errorf("AddStream: %v", err)
		}
		r.Leave()
		new(cast.Feedback).Take(r, []byte{0x80, 201, 0, 1, 0, 0, 0, 0})
		_, group := w.s.Group(true)
		if w.s.Name() != "cam" || w.s.State() != cast.Ended || w.s.Readers() != 0 || group || w.s.Describe().Source != "simulation" || w.s.Params() == nil {
			t.Errorf("a closed stream says of itself: %s, %v, %d readers, %v", w.s.Name(), w.s.State(), w.s.Readers(), w.s.Describe())
		}
		_, _, _, _ = w.s.Figures(), w.s.SourceFigures(), w.s.SSRC(), w.s.NextSequence()
		for range w.s.Sessions() {
			t.Error("a closed stream has a session")
		}
		w.run(10 * time.Second)
		if n := w.k.Counters().Sent - sent; n != 0 {
			t.Errorf("%d datagrams were sent after Close", n)
		}
	}
}

// TestNothingIsLeftOfStreams closes streams that have readers which the program does not have
// leave: nothing of these streams is kept, and what such a reader sends is nobody's.
func TestNothingIsLeftOfStreams(t *testing.T) {
	for _, whole := range []bool{false, true} {
		w := newWorldOfBothFamilies(t)
		w.run(100 * time.Millisecond)
		var readers []*ownReader
		for i, ip := range []string{"10.0.1.1", "2001:db8:1::1", "10.0.1.2"} {
			at := cast.Address{RTP: netip.AddrPortFrom(netip.MustParseAddr(ip), 7000), RTCP: netip.AddrPortFrom(netip.MustParseAddr(ip), 7001)}
			o := &ownReader{}
			var observer cast.Observer = o
			if i == 2 {
				observer = nil
			}
			var err error
			if o.reader, err = w.s.Join(at, observer); err != nil {
				t.Fatal(err)
			}
			readers = append(readers, o)
		}
		w.watchFrom("10.0.1.3", false)
		w.joins("10.0.1.4:7000", "cam")
		w.run(time.Second)
		if n := cast.Indexed(w.b); n != 5 {
			t.Fatalf("%d readers are found by their addresses, want 5", n)
		}
		w.close(whole)
		if n := cast.Indexed(w.b); n != 0 || w.s.Readers() != 0 {
			t.Errorf("%d readers are found by their addresses, %d are the closed stream's", n, w.s.Readers())
		}
		for _, o := range readers {
			o.reader.Leave()
			if o.reader.Frames() < 20 {
				t.Errorf("a reader has had %d frames", o.reader.Frames())
			}
		}
		w.run(time.Second)
	}
}

// TestStreamWithoutASource publishes by itself: before the first picture nobody can be told what
// the stream is, and from then on it plays.
func TestStreamWithoutASource(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	w.camera = newCamera(t, w.k)
	var err error
	if w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	v := w.connect("10.0.1.1")
	for _, method := range []string{"DESCRIBE", "SETUP"} {
		status, head := v.ask(method, streamURL, udpTransport)
		if status != 503 || !strings.Contains(head, "503 Service Unavailable: nothing has been published yet\r\n") || !strings.Contains(head, "Retry-After: 5") {
			t.Errorf("%s before the first picture is answered by %s", method, head)
		}
	}
	if w.s.State() != cast.Live || w.s.Params() != nil || w.s.Describe().Params != nil {
		t.Errorf("before the first picture: %v, %v", w.s.State(), w.s.Params())
	}
	if err := w.s.Publish(media.Frame{Bytes: numbered(1, 500), Key: true}); err == nil {
		t.Error("a frame without params is taken")
	}
	publish := w.publishEvery(time.Second / framesPerSecond)
	w.run(time.Second)
	all := []*viewer{w.watch("10.0.1.2", false), w.watch("10.0.1.3", true)}
	w.run(2 * time.Second)
	for _, v := range all {
		v.row(58)
	}
	if f := w.s.Figures(); f.Frames < 85 || f.Unusable != 1 || w.s.SourceFigures().Frames != f.Frames {
		t.Errorf("%d frames, %d unusable", f.Frames, f.Unusable)
	}
	publish.stop = true
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	w.run(10 * time.Millisecond)
	if all[0].byes() != 1 || all[1].byes() != 1 {
		t.Errorf("%d and %d goodbyes", all[0].byes(), all[1].byes())
	}
}

// publisher is a program that makes pictures.
type publisher struct{ stop bool }

// publishEvery has the world's camera publish, without being a source.
func (w *world) publishEvery(interval time.Duration) *publisher {
	p := &publisher{}
	var publish func()
	publish = func() {
		if p.stop {
			return
		}
		w.camera.number++
		if err := w.s.Publish(w.camera.frame(w.camera.number)); err != nil {
			w.t.Error(err)
		}
		w.l.NewTimer(publish).SetAfter(interval)
	}
	publish()
	return p
}

// TestFrameThatSaysLittle publishes frames that say neither when they were taken nor that they are
// key frames: they count as taken now, and every JPEG is a key frame.
func TestFrameThatSaysLittle(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	w.camera = newCamera(t, w.k)
	var err error
	if w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: w.camera.params}); err != nil {
		t.Fatal(err)
	}
	readers := []*viewer{w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)}
	for number := range uint32(30) {
		w.run(time.Second / framesPerSecond)
		f := w.camera.frame(number)
		if err := w.s.Publish(media.Frame{Params: f.Params, Bytes: f.Bytes}); err != nil {
			t.Fatal(err)
		}
	}
	w.run(time.Second / framesPerSecond)
	for _, r := range readers {
		r.row(30)
	}
	if oldest := w.s.Figures().LastAge.Max; oldest > time.Second/framesPerSecond {
		t.Errorf("a frame was %v old when it was sent", oldest)
	}
}

// TestParamsChange has frames change their size and rate: the description gets a new version, and
// readers go on. A frame of another format, or one too large for RTP, is refused.
func TestParamsChange(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	w.camera = newCamera(t, w.k)
	var err error
	if w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.publishEvery(time.Second / framesPerSecond)
	readers := []*viewer{w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)}
	version := func() string {
		d, err := w.s.SDP()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d: %dx%d %v", d.Version, d.Width, d.Height, d.FrameRate)
	}
	if got := version(); got != "1: 640x480 30" {
		t.Errorf("described as %s", got)
	}
	same := *w.camera.params
	w.camera.params = &same // says the same by another pointer
	w.run(time.Second)
	if got := version(); got != "1: 640x480 30" {
		t.Errorf("described as %s", got)
	}
	w.camera.params = &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 15}
	w.run(time.Second)
	if got := version(); got != "2: 640x480 15" {
		t.Errorf("described as %s", got)
	}
	frames := w.s.Figures()
	for _, refused := range []*media.Params{
		{Format: media.H264, Width: 640, Height: 480}, {Format: media.JPEG, Width: 4096, Height: 480}, nil,
	} {
		if err := w.s.Publish(media.Frame{Params: refused, Bytes: numbered(1, 500), Key: true}); err == nil || errors.Is(err, cast.ErrClosed) {
			t.Errorf("%+v: %v", refused, err)
		}
	}
	if got := w.s.Figures(); got.Unusable != 3 || got.Frames != frames.Frames || version() != "2: 640x480 15" {
		t.Errorf("%d unusable, %d frames, described as %s", got.Unusable, got.Frames-frames.Frames, version())
	}
	w.run(time.Second)
	for _, r := range readers {
		if r.row(88); r.gaps > 0 || r.byes() > 0 {
			t.Errorf("%d gaps, %d goodbyes", r.gaps, r.byes())
		}
	}
}

// TestFirstFrameIsRefused publishes a frame that is too large for RTP/JPEG, and then frames of
// another format: the one that was refused does not decide the stream's format.
func TestFirstFrameIsRefused(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	s, err := w.b.AddStream("cam", nil, cast.StreamOptions{})
	w.must(err)
	tooLarge := &media.Params{Format: media.JPEG, Width: 4096, Height: 480}
	if err := s.Publish(media.Frame{Params: tooLarge, Bytes: numbered(1, 500)}); err == nil {
		t.Error("a frame 4096 pixels wide was taken")
	}
	w.must(s.Publish(newFilm(w.k, cast.Grouped, 500, 1).next()))
}
