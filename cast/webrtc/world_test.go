package webrtc

import (
	"bytes"
	"net/netip"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/whep"
)

var (
	serverAt = netip.MustParseAddr("192.0.2.1")
	viewerAt = netip.MustParseAddrPort("198.51.100.7:40000")
	movedTo  = netip.MustParseAddrPort("203.0.113.5:41000")
)

// stage is a Server on a simulated kernel, whose handshakes the test does.
type stage struct {
	t       *testing.T
	k       *sim.Kernel
	l       *loop.Loop
	b       *cast.Broadcaster
	cam     *cast.Stream
	s       *Server
	params  *media.Params
	frames  int
	begun   []*fakeHandshake
	reasons []string
	delay   cast.PlayoutDelay // of the viewers that open sessions
}

func newStage(t *testing.T, change func(*cast.Config)) *stage {
	t.Helper()
	w := &stage{t: t, k: sim.New(1)}
	w.l = loop.NewOn(w.k)
	config := cast.Config{
		RTP: netip.MustParseAddrPort("[::]:5004"), Random: w.k.Random, Work: sim.NewWorker(w.l, 10*time.Millisecond),
		Left: func(_ *cast.Session, reason string) { w.reasons = append(w.reasons, reason) },
	}
	if change != nil {
		change(&config)
	}
	var err error
	if w.b, err = cast.New(w.l, config); err != nil {
		t.Fatal(err)
	}
	w.params = &media.Params{Format: media.H264, Width: 320, Height: 240, FramesPerSecond: 20, ParameterSets: [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce, 0x3c, 0x80}}}
	if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: w.params}); err != nil {
		t.Fatal(err)
	}
	if w.s, err = Serve(w.b, Options{DTLS: w}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.b.Close(); err != nil {
			t.Error(err)
		}
		w.run(10 * time.Millisecond)
		for i, h := range w.begun {
			if !h.closed {
				t.Errorf("handshake %d is left open", i)
			}
		}
		if s := w.s; len(s.byID)+len(s.byUfrag)+len(s.byAddress)+len(s.handshakes.waiting) > 0 {
			t.Errorf("%d, %d, %d, %d are left", len(s.byID), len(s.byUfrag), len(s.byAddress), len(s.handshakes.waiting))
		}
	})
	return w
}

func (w *stage) run(d time.Duration) {
	w.t.Helper()
	if err := sim.RunFor(w.l, d); err != nil {
		w.t.Fatal(err)
	}
}

// publish publishes frames for so long, 20 in a second.
func (w *stage) publish(d time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= 50 * time.Millisecond {
		p := bytes.Repeat([]byte{byte(w.frames)}, 3000)
		copy(p, []byte{0, 0, byte((len(p) - 4) >> 8), byte(len(p) - 4), 0x41})
		isKey := w.frames%20 == 0
		if isKey {
			p[4] = 0x65
		}
		w.frames++
		if err := w.cam.Publish(media.Frame{Params: w.params, Bytes: p, Key: isKey}); err != nil {
			w.t.Fatal(err)
		}
		w.run(50 * time.Millisecond)
	}
}

// fakeHandshake is a handshake that the test does.
type fakeHandshake struct {
	isPeer func([]byte) bool
	send   func([]byte)
	done   func(Keys, error)
	gone   func()
	taken  [][]byte
	closed bool
	at     time.Duration
}

func (w *stage) Fingerprint() whep.Fingerprint { return whep.FingerprintOf([]byte("the server's")) }

func (w *stage) Begin(isPeer func([]byte) bool, send func([]byte), done func(Keys, error), closed func()) Handshake {
	h := &fakeHandshake{isPeer: isPeer, send: send, done: done, gone: closed, at: w.l.Now()}
	w.begun = append(w.begun, h)
	return h
}

func (h *fakeHandshake) Take(p []byte) { h.taken = append(h.taken, bytes.Clone(p)) }
func (h *fakeHandshake) Close()        { h.closed = true }

// offerText is Chromium's offer, with a fingerprint ("": its own).
func offerText(t testing.TB, fingerprint string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	if fingerprint != "" {
		text = regexp.MustCompile(`a=fingerprint:[^\r]*`).ReplaceAll(text, []byte("a=fingerprint:"+fingerprint))
	}
	return text
}

// offerOf is Chromium's offer.
func offerOf(t testing.TB) *whep.Offer {
	t.Helper()
	o, err := whep.ParseOffer(offerText(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// sessions is how many sessions there are, and how many of them play.
func (w *stage) sessions() (n, playing int) {
	for s := range w.b.Sessions() {
		if n++; s.Playing() {
			playing++
		}
	}
	return n, playing
}
