package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/cast/secrettest"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// The servers that are watched: camcast's own broadcaster, and gortsplib's, each with
// test cards, whose numbers tell what was lost.

const (
	cardWidth, cardHeight = 320, 240
	cardFPS               = 30
)

// broadcast is a running broadcaster, on a loop and a goroutine of its own.
type broadcast struct {
	t         *testing.T
	loop      *loop.Loop
	cast      *cast.Broadcaster
	rtsp, rtp uint16
	end       context.CancelFunc
	ended     chan error
	once      sync.Once
	log       logText
	secrets   *secrettest.Secrets // which the log must not have
}

// startBroadcast broadcasts test cards on free ports of the loopback address, as streams
// of these names.
func startBroadcast(t *testing.T, names ...string) *broadcast {
	t.Helper()
	return startBroadcastAt(t, cast.Config{RTP: netip.AddrPortFrom(loopback, 0)}, 0, names...)
}

// again starts a broadcast on the ports of one that has been stopped.
func (s *broadcast) again(names ...string) *broadcast {
	s.t.Helper()
	return startBroadcastAt(s.t, cast.Config{RTP: netip.AddrPortFrom(loopback, s.rtp)}, s.rtsp, names...)
}

var loopback = netip.MustParseAddr("127.0.0.1")

// startBroadcastAt broadcasts with a configuration, and RTSP on a port.
func startBroadcastAt(t *testing.T, config cast.Config, port uint16, names ...string) *broadcast {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &broadcast{t: t, loop: l, secrets: secrettest.New(), ended: make(chan error)}
	config.Log = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.Random = s.secrets.Watch(func(p []byte) { _, _ = rand.Read(p) })
	b, err := cast.New(l, config)
	if err != nil {
		t.Fatal(err)
	}
	join.Serve(b)
	front, err := rtsp.Listen(b, netip.AddrPortFrom(loopback, port), rtsp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		card, err := testcard.New(testcard.Options{Width: cardWidth, Height: cardHeight, FramesPerSecond: cardFPS})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.AddStream(name, card, cast.StreamOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, end := context.WithCancel(context.Background())
	s.cast, s.rtsp, s.rtp, s.end = b, front.Port(), b.RTPPort(), end
	go func() { s.ended <- errors.Join(l.Run(ctx), b.Close(), l.Close()) }()
	t.Cleanup(s.stop)
	return s
}

// joinURL is where a stream is to be had without RTSP.
func (s *broadcast) joinURL(name string) string {
	return fmt.Sprintf("camcast://127.0.0.1:%d/%s", s.rtp, name)
}

// url is where it is to be had by RTSP.
func (s *broadcast) url(name string) string {
	return fmt.Sprintf("rtsp://127.0.0.1:%d/%s", s.rtsp, name)
}

// stop ends the broadcast, which says goodbye to nobody.
func (s *broadcast) stop() {
	s.once.Do(func() {
		s.end()
		if err := <-s.ended; err != nil {
			s.t.Error(err)
		}
		s.secrets.Check(s.t, s.log.Bytes())
	})
}

// do runs f on the broadcast's loop and waits for it.
func (s *broadcast) do(f func()) {
	s.t.Helper()
	if err := s.loop.Do(context.Background(), f); err != nil {
		s.t.Fatal(err)
	}
}

// awaitReaders waits until the first stream has so many readers.
func (s *broadcast) awaitReaders(want int) {
	s.t.Helper()
	readers, changes := -1, time.NewTicker(10*time.Millisecond)
	defer changes.Stop()
	for deadline := time.Now().Add(patience); readers != want; <-changes.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d readers, want %d", readers, want)
		}
		s.do(func() { readers = s.cast.Streams()[0].Readers() })
	}
}

// otherServer is gortsplib's server, as its own example has it.
type otherServer struct {
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	ready  chan struct{} // closed when there is a stream
}

func (h *otherServer) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	<-h.ready
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

func (h *otherServer) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

func (h *otherServer) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// startOther serves test cards by gortsplib, and returns their URL. Without UDP it
// refuses that (461).
func startOther(t *testing.T, udp bool) string {
	t.Helper()
	port := freePorts(t)
	h := &otherServer{server: &gortsplib.Server{RTSPAddress: at(port)}, ready: make(chan struct{})}
	if udp {
		h.server.UDPRTPAddress, h.server.UDPRTCPAddress = at(port+2), at(port+3)
	}
	h.server.Handler = h
	if err := h.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.server.Close)
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.MJPEG{}}}
	h.stream = &gortsplib.ServerStream{Server: h.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := h.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	close(h.ready)
	t.Cleanup(h.stream.Close)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		h.send(t, media, stop)
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return fmt.Sprintf("rtsp://%s/cam", at(port))
}

func at(port uint16) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// freePorts finds an even port such that the three after it are free too.
func freePorts(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(l.Addr().(*net.TCPAddr).Port) &^ 1
		l.Close()
		free := port > 1024 && port < 65532
		for _, p := range []uint16{port + 2, port + 3} {
			c, err := net.ListenPacket("udp", at(p))
			if free = free && err == nil; err == nil {
				c.Close()
			}
		}
		if free {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

// send sends the card's pictures until stop is closed.
func (h *otherServer) send(t *testing.T, media *description.Media, stop chan struct{}) {
	card, err := testcard.New(testcard.Options{Width: cardWidth, Height: cardHeight, FramesPerSecond: cardFPS})
	if err != nil {
		t.Error(err)
		return
	}
	host := capturetest.NewHost(t)
	host.Open(card)
	defer host.Close()
	packetizer, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 1, FirstSequence: 65500, PacketSize: 1400, RunPackets: 16})
	if err != nil {
		t.Error(err)
		return
	}
	clock := rtp.NewClock(1 << 31)
	beat := time.NewTicker(time.Second / cardFPS)
	defer beat.Stop()
	var img jpeg.Image
	for {
		select {
		case <-stop:
			return
		case <-beat.C:
		}
		host.Frames = host.Frames[:0]
		for len(host.Frames) == 0 {
			host.RunFor(time.Second / cardFPS)
		}
		frame := host.Frames[0]
		err := img.Parse(frame.Bytes)
		var packets rtp.Packets
		if err == nil { // the library's queues keep the bytes
			packets, err = packetizer.Packetize(nil, &img, clock.At(frame.Captured))
		}
		for i := 0; i < packets.Count && err == nil; i++ {
			var p pion.Packet
			if err = p.Unmarshal(packets.Packet(i)); err == nil {
				err = h.stream.WritePacketRTP(media, &p)
			}
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}
