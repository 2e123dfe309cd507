package http

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/multipart"
)

// stage is a server on a simulated kernel, to which sockets are handed over as by net/http.
type stage struct {
	t       *testing.T
	k       *sim.Kernel
	l       *loop.Loop
	b       *cast.Broadcaster
	cam     *cast.Stream
	s       *Server
	form    *form
	reasons []string
	picture []byte
}

var serverAt = netip.MustParseAddrPort("192.0.2.1:8080")

func newStage(t *testing.T, interval time.Duration) *stage {
	t.Helper()
	w := &stage{t: t, k: sim.New(1), form: partsForm(interval)}
	w.l = loop.NewOn(w.k)
	var err error
	w.b, err = cast.New(w.l, cast.Config{Random: w.k.Random, HTTP: true, Work: sim.NewWorker(w.l, 10*time.Millisecond), SessionTimeout: 5 * time.Second, Left: func(_ *cast.Session, reason string) { w.reasons = append(w.reasons, reason) }})
	if err != nil {
		t.Fatal(err)
	}
	if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.s = newServer(w.b, Options{})
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	w.picture = append(out.Bytes(), make([]byte, 100_000)...)
	ln, err := tcp.Listen(w.l, serverAt, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close(); _ = w.b.Close() })
	ln.Divert(func(fd int, peer netip.AddrPort) {
		if err := w.b.Connected(cast.HTTP, peer); err != nil {
			t.Fatal(err)
		}
		one := &reader{server: w.s, form: w.form}
		if one.contentType, err = one.form.contentType(w.cam); err != nil {
			t.Fatal(err)
		}
		if err := one.open(w.cam, peer, false, cast.Grant{}); err != nil {
			t.Fatal(err)
		}
		one.begin(fd, peer, serverAt, nil)
	})
	return w
}

func (w *stage) run(d time.Duration) {
	w.t.Helper()
	if err := sim.RunFor(w.l, d); err != nil {
		w.t.Fatal(err)
	}
}

// frames publishes so many, 20 in a second.
func (w *stage) frames(n int) {
	w.t.Helper()
	for range n {
		if err := w.cam.Publish(media.Frame{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48}, Bytes: w.picture}); err != nil {
			w.t.Fatal(err)
		}
		w.run(50 * time.Millisecond)
	}
}

func (w *stage) dial(data func([]byte)) *sim.TCPPeer {
	w.t.Helper()
	p, err := w.k.DialTCP(netip.MustParseAddrPort("198.51.100.1:0"), serverAt)
	if err != nil {
		w.t.Fatal(err)
	}
	p.OnData(data)
	w.run(time.Millisecond)
	return p
}

func TestHandedOver(t *testing.T) {
	w := newStage(t, 100*time.Millisecond)
	w.frames(1)
	header := partsForm(0).header(multipart.ContentType)
	var in []byte
	w.dial(func(p []byte) { in = append(in, p...) })
	w.run(10 * time.Minute) // the camera is away: nobody is ended
	w.frames(20)
	if !bytes.HasPrefix(in, header) {
		t.Fatalf("%.300q", in)
	}
	if n := bytes.Count(in[len(header):], []byte(multipart.Trailer)); n != 11 {
		t.Errorf("%d parts, want the one before and every second of 20", n)
	}
	if len(w.reasons) > 0 || len(w.s.readers) != 1 {
		t.Errorf("left: %q; %d readers", w.reasons, len(w.s.readers))
	}
	if err := w.cam.Close(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	if len(w.s.readers) > 0 || len(w.reasons) != 1 {
		t.Errorf("when the stream is gone: left %q, %d readers", w.reasons, len(w.s.readers))
	}
}

// TestTakesNothing has a viewer read nothing: it is ended when it was silent for too long, or when it hangs
// up, and is counted no more.
func TestTakesNothing(t *testing.T) {
	w := newStage(t, 0)
	w.frames(1)
	deaf := w.dial(nil)
	deaf.SetReceiveBuffer(1)
	w.frames(20 * 12)
	if len(w.reasons) != 1 || w.reasons[0] != "timeout" || len(w.s.readers) > 0 {
		t.Errorf("left: %q; %d readers", w.reasons, len(w.s.readers))
	}
	gone := w.dial(func([]byte) {})
	w.frames(10)
	gone.Close()
	w.frames(10)
	if len(w.reasons) != 2 || w.reasons[1] != "connection closed" || len(w.s.readers) > 0 {
		t.Errorf("left: %q; %d readers", w.reasons, len(w.s.readers))
	}
}

func TestAwaitFrame(t *testing.T) {
	w := newStage(t, 0)
	numbers, faults := []uint64{}, 0
	answer := func(f media.Frame, number uint64, err error) {
		if numbers = append(numbers, number); err != nil {
			faults++
		}
	}
	w.cam.AwaitFrame(answer)
	w.run(cast.FrameTimeout + time.Second)
	w.cam.AwaitFrame(answer) // the next frame answers it
	stop := w.cam.AwaitFrame(answer)
	stop()
	w.frames(1)
	w.cam.AwaitFrame(answer) // at once
	w.run(time.Minute)
	w.cam.AwaitFrame(answer) // the last one will do
	w.run(cast.FrameTimeout + time.Second)
	w.cam.AwaitFrame(answer)
	if err := w.cam.Close(); err != nil {
		t.Fatal(err)
	}
	w.cam.AwaitFrame(answer)
	if len(numbers) != 6 || faults != 3 || numbers[0] != 0 || numbers[1] != 1 || numbers[2] != 1 || numbers[3] != 1 || w.cam.Readers() != 0 {
		t.Errorf("%v, %d faults, %d wait", numbers, faults, w.cam.Readers())
	}
}

// TestSnapshotsAreBounded takes pictures that are never given back.
func TestSnapshotsAreBounded(t *testing.T) {
	w := newStage(t, 0)
	w.picture = append(w.picture, make([]byte, 1<<20)...)
	f := media.Frame{Bytes: w.picture, Captured: w.l.Now()}
	taken := map[netip.AddrPort]int{}
	var all []*picture
	for i := range 400 {
		peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i / 40)}), 1)
		if p, err := w.s.take(w.cam, f, uint64(i), peer); err == nil {
			taken[peer]++
			all = append(all, p)
		}
	}
	if n := w.s.snapshots.bytes; n > maxSnapshotBytes || n < maxSnapshotBytes*9/10 {
		t.Errorf("%d bytes", n)
	}
	for peer, n := range taken {
		if n > maxSnapshotBytesPerPeer>>20 {
			t.Errorf("%v has %d pictures", peer, n)
		}
	}
	if len(all) == 0 {
		t.Fatal("nobody has one")
	}
	for peer, n := range taken {
		for range n {
			w.s.snapshots.give(all[0], peer)
		}
	}
	if w.s.snapshots.bytes != 0 || len(w.s.snapshots.byAddress) > 0 {
		t.Errorf("%d bytes are left, of %d addresses", w.s.snapshots.bytes, len(w.s.snapshots.byAddress))
	}
}

// TestOnlyByHTTP has a stream that RTP cannot carry be refused to others, until its pictures are smaller; and
// frames of another format than the stream's be refused to all.
func TestOnlyByHTTP(t *testing.T) {
	w := newStage(t, 0)
	for _, width := range []int{4096, 64} {
		if err := w.cam.Publish(media.Frame{Params: &media.Params{Format: media.JPEG, Width: width, Height: 48}, Bytes: w.picture}); err != nil {
			t.Fatal(err)
		}
		for _, p := range []cast.Protocol{cast.RTSP, cast.HTTP} {
			s, err := w.b.OpenSession(cast.SessionOptions{Stream: w.cam, Protocol: p, Peer: netip.MustParseAddrPort("198.51.100.1:9")})
			if err != nil {
				t.Fatal(err)
			}
			if err = s.PlayGroup(); (err == nil) != (width == 64 || p == cast.HTTP) {
				t.Errorf("%d pixels by %v: %v", width, p, err)
			}
			s.Gone("test")
		}
	}
	if err := w.cam.Publish(media.Frame{Params: &media.Params{Format: media.H264, Width: 64, Height: 48}, Bytes: w.picture, Key: true}); err == nil {
		t.Error("a stream of JPEG takes H.264")
	}
}
