package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"image"
	"image/jpeg"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/tlsbridge"
)

// TestSRTP watches by another implementation's client, over UDP and on the connection, both as SRTP.
func TestSRTP(t *testing.T) {
	t.Parallel()
	_, flags := writeCertificate(t)
	for name, protocol := range map[string]gortsplib.Protocol{"udp": gortsplib.ProtocolUDP, "tcp": gortsplib.ProtocolTCP} {
		t.Run(name, func(t *testing.T) {
			d := startDaemon(t, append(flags, smallCard)...)
			c, err := newClient(t, d.secureURL(), protocol)
			if err != nil {
				t.Fatal(err)
			}
			c.play()
			c.consecutive(20)
			d.awaitLog("reader joined", "transport="+name, "secure=true", "srtp=true")
			if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			d.awaitLog("  reader 127.0.0.1:", " by "+name+" with TLS: ")
			close(c.silent)
			c.rtsp.Close()
			if line := d.awaitLog("reader left", "reason=teardown"); !strings.Contains(line, "lags=0") {
				t.Error(line)
			}
		})
	}
}

// serveNearRollover serves a test card over TLS whose sequence numbers are some dozens before the rollover, and
// returns its URL.
func serveNearRollover(t *testing.T) (url string) {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0"), SRTP: true})
	if err != nil {
		t.Fatal(err)
	}
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	front, err := rtsp.Listen(b, netip.MustParseAddrPort("127.0.0.1:0"), rtsp.Options{TLS: tlsbridge.NewServer(&tls.Config{Certificates: []tls.Certificate{pair}})})
	if err != nil {
		t.Fatal(err)
	}
	card, err := testcard.New(testcard.Options{Width: 640, Height: 480, FramesPerSecond: 15})
	if err != nil {
		t.Fatal(err)
	}
	isLive, live := context.WithCancel(context.Background())
	s, err := b.AddStream("cam", card, cast.StreamOptions{StateChanged: func(_ *cast.Stream, state cast.State, _ error) {
		if state == cast.Live {
			live()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(isLive); err != nil {
		t.Fatal(err)
	}
	sealUntil(t, b, s, 1<<16-40)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return "rtsps://" + netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), front.Port()).String() + "/cam"
}

// sealUntil publishes pictures of some 20 packets to one SRTP reader until the next one has at least this number,
// while the loop does not run.
func sealUntil(t *testing.T, b *cast.Broadcaster, s *cast.Stream, sequence uint16) {
	t.Helper()
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	at := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	session, err := b.OpenSession(cast.SessionOptions{Stream: s, Protocol: cast.RTSP, Peer: at})
	if err != nil {
		t.Fatal(err)
	}
	defer session.End("the numbers are far enough")
	offer, _ := s.SRTP()
	if err := errors.Join(session.Seal(offer, srtp.Peer{Key: srtp.Key{1}}), session.PlayUDP(cast.Address{RTP: at, RTCP: at})); err != nil {
		t.Fatal(err)
	}
	noise := image.NewRGBA(image.Rect(0, 0, 640, 480))
	_, _ = rand.Read(noise.Pix[:len(noise.Pix)/10])
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, noise, nil); err != nil {
		t.Fatal(err)
	}
	f := media.Frame{Params: &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 15}, Bytes: picture.Bytes()}
	for session.NextSequence() < sequence {
		if err := s.Publish(f); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSRTPOverTheRollover has a reader watch over the rollover of the sequence numbers, and another one come
// after it, who is told the counter.
func TestSRTPOverTheRollover(t *testing.T) {
	t.Parallel()
	url := serveNearRollover(t)
	for range 2 {
		c, err := newClient(t, url, gortsplib.ProtocolUDP)
		if err != nil {
			t.Fatal(err)
		}
		c.play()
		c.consecutive(10)
		defer close(c.silent)
	}
}
