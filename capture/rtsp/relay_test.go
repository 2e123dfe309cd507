package rtsp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/view"
)

// reader watches the stream that is made of the camera's. It is a receive.Listener.
type reader struct {
	*stage
	reception *receive.Reception
	session   *receive.RTSP
	frames    int
	wrong     int // frames that are none of the film's
	ended     bool
}

func (r *reader) Started(s receive.Start) { r.reception.Started(s) }
func (r *reader) RTP(p []byte)            { r.reception.RTP(p) }
func (r *reader) RTCP(p []byte)           { r.reception.RTCP(p) }
func (r *reader) Ended(err error) {
	r.ended = true
	r.reception.Stop()
}

func (r *reader) picture(f view.Frame, _ time.Time, _ bool) {
	r.frames++
	for _, sent := range r.film.frames {
		if len(sent.Bytes) == len(f.Bytes) && string(sent.Bytes) == string(f.Bytes) {
			return
		}
	}
	r.wrong++
}

// relay is a broadcaster of the source's stream, at an address of its own.
func (s *stage) relay() (b *cast.Broadcaster) {
	s.t.Helper()
	var err error
	s.source, err = rtsp.New(rtsp.Options{Loop: s.l, URL: cameraURL, Random: s.k.Random})
	s.check(err)
	b, err = cast.New(s.l, cast.Config{RTP: netip.MustParseAddrPort("192.0.2.1:5006"), Random: s.k.Random, Work: sim.NewWorker(s.l, time.Millisecond)})
	s.check(err)
	_, err = front.Listen(b, netip.MustParseAddrPort("192.0.2.1:8554"), front.Options{})
	s.check(err)
	_, err = b.AddStream("far", s.source, cast.StreamOptions{})
	s.check(err)
	return b
}

// TestReadersStay has a hundred readers, by UDP and TCP, of a camera that is one reader's to it. It goes
// away for ten seconds: first its network, then the camera itself. The readers stay, and go on when it
// is back; what they get is what the camera has sent.
func TestReadersStay(t *testing.T) {
	s := newStage(t, 5)
	s.film = &film{clip: openClip(t, "baseline.h264")}
	s.plugIn()
	b := s.relay()
	s.run(2 * time.Second)
	room := udp.NewRoom()
	var readers []*reader
	for i := range 100 {
		r := &reader{stage: s}
		var err error
		r.session, err = receive.OpenRTSP(s.l, netip.MustParseAddrPort("192.0.2.1:8554"), receive.RTSPConfig{
			URL: "rtsp://192.0.2.1:8554/far", OnlyTCP: i%2 == 0, Room: room,
		}, r)
		s.check(err)
		r.reception = receive.NewReception(s.l, r.session, receive.ReceptionConfig{
			SSRC: uint32(i), CNAME: "reader", Buffer: view.NewBuffer(0), Picture: r.picture, Random: func() float64 { return 0.5 },
		})
		readers = append(readers, r)
	}
	// all has each reader see so many frames within a time.
	all := func(what string, frames int, limit time.Duration) {
		t.Helper()
		var want []int
		for _, r := range readers {
			want = append(want, r.frames+frames)
		}
		if err := sim.RunUntil(s.l, func() bool {
			for i, r := range readers {
				if r.frames < want[i] {
					return false
				}
			}
			return true
		}, limit); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n := s.camera.Readers(); n != 1 {
			t.Errorf("%s: the camera has %d readers, want 1", what, n)
		}
	}
	all("at first", 50, 5*time.Second)
	s.k.SetLink(cameraNet, sim.Link{Down: true})
	s.run(10 * time.Second)
	s.k.SetLink(cameraNet, sim.Link{})
	all("when the network is back", 50, 10*time.Second)
	s.unplug()
	s.run(10 * time.Second)
	if state := b.Streams()[0].State(); state == cast.Live {
		t.Errorf("the stream is %v without its camera", state)
	}
	s.plugIn()
	all("when the camera is back", 50, 10*time.Second)
	for i, r := range readers {
		if r.ended || r.wrong > 0 {
			t.Errorf("reader %d: ended %v, %d frames are not the camera's", i, r.ended, r.wrong)
		}
		r.session.Close()
	}
	s.check(b.Close())
	s.run(time.Second)
	if n := s.camera.Readers(); n != 0 {
		t.Errorf("the camera has %d readers at the end", n)
	}
}
