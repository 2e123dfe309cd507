//go:build players

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
)

// lossyKernel is the real kernel behind links that drop some of the RTP packets: of those to each
// address a known share, not by chance.
type lossyKernel struct {
	loop.Kernel
	port  uint16
	fd    int
	share float64
	owed  map[netip.AddrPort]float64 // packets that are still to be dropped
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
		to := messages[i].Peer()
		if k.owed[to] += k.share; k.owed[to] >= 1 {
			k.owed[to]--
			continue
		}
		if _, err := k.Kernel.Sendmmsg(fd, messages[i:i+1]); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

// lossPlayers are the players whose reports are read.
var lossPlayers = []struct {
	name    string
	command func(viewer, url string) []string
}{
	{"ffmpeg", func(_, url string) []string {
		return []string{"ffmpeg", "-nostdin", "-loglevel", "quiet", "-rtsp_transport", "udp", "-i", url, "-c", "copy", "-f", "null", "-"}
	}},
	{"gstreamer", func(_, url string) []string {
		return []string{"gst-launch-1.0", "-q", "rtspsrc", "location=" + url, "protocols=udp", "!", "fakesink"}
	}},
	{"camview", func(viewer, url string) []string { return []string{viewer, "-o", "-", url} }},
}

// TestReportedLoss has players receive by links that drop a known share of the packets,
// and compares what their reports say. They watch the same broadcast at the same time.
func TestReportedLoss(t *testing.T) {
	t.Parallel()
	viewer := filepath.Join(t.TempDir(), "camview")
	if out, err := exec.Command("go", "build", "-o", viewer, "../camview").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const wantPackets = 15000 // between two reports
	for i, share := range []float64{0.05, 0.2} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			s := startLossy(t, share, uint16(15800+4*i))
			var readers []*cast.Session
			for _, p := range lossPlayers {
				args := p.command(viewer, s.url)
				startPlayer(t, args[0], args[1:]...).drain()
				readers = append(readers, s.awaitAnother(readers))
			}
			first := make([]cast.ReaderFigures, len(readers))
			for n := range readers {
				first[n] = s.await(readers[n], func(f cast.ReaderFigures) bool { return f.Reports > 0 })
			}
			for n, p := range lossPlayers {
				first := first[n]
				last := s.await(readers[n], func(f cast.ReaderFigures) bool { return f.HighestSequence-first.HighestSequence >= wantPackets })
				lost := float64(last.CumulativeLost-first.CumulativeLost) / float64(last.HighestSequence-first.HighestSequence)
				t.Logf("%s: %.2f %% lost by the reports, %v %% dropped; jitter %v, round trip %v", p.name, 100*lost, 100*share, last.Jitter, last.RoundTrip)
				if lost < share-0.01 || lost > share+0.01 {
					t.Errorf("%s: %.2f %% lost by the reports, want %v %%", p.name, 100*lost, 100*share)
				}
				// How long it is on a busy machine is uncertain; wrong units would be far off.
				if !last.RoundTripKnown || last.RoundTrip > 5*time.Second {
					t.Errorf("%s: round trip %v, known: %v", p.name, last.RoundTrip, last.RoundTripKnown)
				}
			}
		})
	}
}

// lossyStream is a broadcast behind a lossy link.
type lossyStream struct {
	t      *testing.T
	loop   *loop.Loop
	stream *cast.Stream
	url    string
}

func startLossy(t *testing.T, share float64, rtpPort uint16) *lossyStream {
	t.Helper()
	real, err := loop.NewKernel()
	must(t, err)
	s := &lossyStream{t: t, loop: loop.NewOn(&lossyKernel{Kernel: real, port: rtpPort, fd: -1, share: share, owed: map[netip.AddrPort]float64{}})}
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

// awaitAnother returns a reader that plays, and is none of the others, as soon as there is one.
func (s *lossyStream) awaitAnother(others []*cast.Session) (another *cast.Session) {
	s.t.Helper()
	s.look(func() bool {
		for session := range s.stream.Sessions() {
			if session.Playing() && !slices.Contains(others, session) {
				another = session
			}
		}
		return another != nil
	})
	return another
}

// await returns a reader's figures as soon as they are as wanted.
func (s *lossyStream) await(reader *cast.Session, wanted func(cast.ReaderFigures) bool) (f cast.ReaderFigures) {
	s.t.Helper()
	s.look(func() bool {
		f = reader.Figures()
		return wanted(f)
	})
	return f
}

// look calls seen on the loop until it is true.
func (s *lossyStream) look(seen func() bool) {
	s.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for done := false; !done; {
		select {
		case <-again.C:
		case <-late:
			s.t.Fatal("not in a minute")
		}
		must(s.t, s.loop.Do(context.Background(), func() { done = seen() }))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
