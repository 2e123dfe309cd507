//go:build players

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
)

// lossyKernel is the real kernel behind a link that drops some of the RTP packets: a known
// share of any number of them, not by chance.
type lossyKernel struct {
	loop.Kernel
	port  uint16
	fd    int
	share float64
	owed  float64 // packets that are still to be dropped
}

func (k *lossyKernel) OpenUDP(local netip.AddrPort, o loop.UDPOptions) (int, error) {
	fd, err := k.Kernel.OpenUDP(local, o)
	if local.Port() == k.port {
		k.fd = fd
	}
	return fd, err
}

// CanSegment is false, so that a message is a packet.
func (k *lossyKernel) CanSegment(int) bool { return false }

func (k *lossyKernel) Sendmmsg(fd int, messages []loop.Message) (int, error) {
	if fd != k.fd {
		return k.Kernel.Sendmmsg(fd, messages)
	}
	for i := range messages {
		if k.owed += k.share; k.owed >= 1 {
			k.owed--
			continue
		}
		if _, err := k.Kernel.Sendmmsg(fd, messages[i:i+1]); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

// TestReportedLoss has players receive by a link that drops a known share of the packets,
// and compares what their reports say.
func TestReportedLoss(t *testing.T) {
	viewer := filepath.Join(t.TempDir(), "camview")
	if out, err := exec.Command("go", "build", "-o", viewer, "../camview").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const wantPackets = 15000 // between two reports
	for _, share := range []float64{0.05, 0.2} {
		for name, command := range map[string]func(url string) []string{
			"ffmpeg": func(url string) []string {
				return []string{"ffmpeg", "-nostdin", "-loglevel", "quiet", "-rtsp_transport", "udp", "-i", url, "-c", "copy", "-f", "null", "-"}
			},
			"gstreamer": func(url string) []string {
				return []string{"gst-launch-1.0", "-q", "rtspsrc", "location=" + url, "protocols=udp", "!", "fakesink"}
			},
			"camview": func(url string) []string { return []string{viewer, "-o", "-", url} },
		} {
			t.Run(fmt.Sprintf("%s/%v", name, share), func(t *testing.T) {
				s := startLossy(t, share)
				args := command(s.url)
				startPlayer(t, args[0], args[1:]...).drain()
				first := s.await(func(f cast.ReaderFigures) bool { return f.Reports > 0 })
				last := s.await(func(f cast.ReaderFigures) bool { return f.HighestSequence-first.HighestSequence >= wantPackets })
				lost := float64(last.CumulativeLost-first.CumulativeLost) / float64(last.HighestSequence-first.HighestSequence)
				t.Logf("%.2f %% lost by the reports, %v %% dropped; jitter %v, round trip %v", 100*lost, 100*share, last.Jitter, last.RoundTrip)
				if lost < share-0.01 || lost > share+0.01 {
					t.Errorf("%.2f %% lost by the reports, want %v %%", 100*lost, 100*share)
				}
				// How long it is on a busy machine is uncertain; wrong units would be far off.
				if !last.RoundTripKnown || last.RoundTrip > 5*time.Second {
					t.Errorf("round trip %v, known: %v", last.RoundTrip, last.RoundTripKnown)
				}
			})
		}
	}
}

// lossyStream is a broadcast behind a lossy link.
type lossyStream struct {
	t      *testing.T
	loop   *loop.Loop
	stream *cast.Stream
	url    string
}

func startLossy(t *testing.T, share float64) *lossyStream {
	t.Helper()
	const rtpPort = 47004
	real, err := loop.NewKernel()
	must(t, err)
	s := &lossyStream{t: t, loop: loop.NewOn(&lossyKernel{Kernel: real, port: rtpPort, fd: -1, share: share})}
	local := netip.MustParseAddr("127.0.0.1")
	b, err := cast.New(s.loop, cast.Config{RTP: netip.AddrPortFrom(local, rtpPort), Adapt: cast.AdaptOff})
	must(t, err)
	front, err := rtsp.Listen(b, netip.AddrPortFrom(local, 0), rtsp.Options{})
	must(t, err)
	join.Serve(b)
	source, err := testcard.New(testcard.Options{Width: 1280, Height: 720, FramesPerSecond: 30, Quality: 95})
	must(t, err)
	s.stream, err = b.AddStream("cam", source, cast.StreamOptions{})
	must(t, err)
	s.url = fmt.Sprintf("rtsp://127.0.0.1:%d/cam", front.Port())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.loop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
		must(t, b.Close())
		must(t, s.loop.Close())
	})
	return s
}

// await returns the only reader's figures as soon as they are as wanted.
func (s *lossyStream) await(wanted func(cast.ReaderFigures) bool) (f cast.ReaderFigures) {
	s.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for {
		select {
		case <-look.C:
		case <-late:
			s.t.Fatalf("the last report says %+v", f)
		}
		var all []cast.ReaderFigures
		must(s.t, s.loop.Do(context.Background(), func() {
			for session := range s.stream.Sessions() {
				all = append(all, session.Figures())
			}
		}))
		if len(all) == 1 {
			if f = all[0]; wanted(f) {
				return f
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
