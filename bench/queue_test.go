package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// The narrow network: a sender, a router whose link to the receiver carries 1.5 times the
// stream's rate and has a queue of 64 packets, and a receiver.
const (
	narrowFPS     = 60
	narrowPackets = 150 // a picture of 210 kB
	narrowQueue   = 64
	narrowFrames  = 1000
	narrowRounds  = 5
)

var narrowReader = netip.MustParseAddrPort("10.98.2.2:5004")

// makeNarrow makes the network out of three namespaces and returns their names.
func makeNarrow(b *testing.B) (sender, receiver string) {
	b.Helper()
	if missing := rig.Missing(); missing != "" {
		skip(b, "absent: a narrow link needs "+missing)
	}
	id := rig.NewName()
	sender, router, receiver := id+"-tx", id+"-rt", id+"-rx"
	for _, namespace := range []string{sender, router, receiver} {
		must(b, rig.IP("netns add "+namespace))
		b.Cleanup(func() { must(b, rig.IP("netns del "+namespace)) })
	}
	rate := narrowPackets * model.PacketBytes * 8 * narrowFPS * 3 / 2
	must(b, rig.All(
		fmt.Sprintf("link add cctx netns %s type veth peer name ccin netns %s", sender, router),
		fmt.Sprintf("link add ccout netns %s type veth peer name ccrx netns %s", router, receiver),
		"-n "+sender+" addr add 10.98.1.1/24 dev cctx", "-n "+router+" addr add 10.98.1.2/24 dev ccin",
		"-n "+router+" addr add 10.98.2.1/24 dev ccout", "-n "+receiver+" addr add 10.98.2.2/24 dev ccrx",
		"-n "+sender+" link set cctx up", "-n "+router+" link set ccin up",
		"-n "+router+" link set ccout up", "-n "+receiver+" link set ccrx up",
		"-n "+sender+" route add default via 10.98.1.2", "-n "+receiver+" route add default via 10.98.2.1",
		"netns exec "+router+" sysctl -qw net.ipv4.ip_forward=1",
		// The router sees packets, as a real one does, not what the kernel would cut.
		"netns exec "+sender+" ethtool -K cctx tx-udp-segmentation off",
		fmt.Sprintf("netns exec %s tc qdisc add dev ccout root handle 1: tbf rate %dbit burst 4500 limit 1000000", router, rate),
		fmt.Sprintf("netns exec %s tc qdisc add dev ccout parent 1:1 handle 10: pfifo limit %d", router, narrowQueue),
	))
	// A first packet finds the addresses of the links.
	_ = exec.Command("ip", strings.Fields("netns exec "+sender+" ping -c 1 -W 1 10.98.2.2")...).Run()
	return sender, receiver
}

// BenchmarkNarrow sends large frames through a small queue, at once and with the default
// pacing, and counts the frames that do not arrive whole. Those during which the machine stood
// still are told, and not judged: then the network did, too, and its queue.
func BenchmarkNarrow(b *testing.B) {
	for _, spread := range []float64{cast.AllAtOnce, cast.DefaultSpread} {
		b.Run(fmt.Sprintf("spread=%v", max(spread, 0)), func(b *testing.B) {
			sender, receiver := makeNarrow(b)
			for range b.N {
				var judged, unjudged narrowCount
				for range narrowRounds {
					j, u := sendNarrow(b, sender, receiver, spread)
					judged.add(j)
					unjudged.add(u)
				}
				share := float64(judged.lost) / float64(max(judged.frames, 1))
				switch {
				case judged.frames < narrowFrames:
					b.Errorf("only %d frames could be judged: the machine stands still too often", judged.frames)
				case spread == cast.AllAtOnce && share < 0.5:
					b.Errorf("%d of %d frames are lost without pacing: the link is not narrow", judged.lost, judged.frames)
				case spread > 0 && share >= 1./1000:
					b.Errorf("%d of %d frames are lost with pacing, want fewer than 1 in 1000", judged.lost, judged.frames)
				}
				b.ReportMetric(1000*share, "lost/1000-frames")
				b.ReportMetric(float64(judged.frames), "frames-judged")
				b.ReportMetric(float64(unjudged.lost), "lost-when-machine-stood-still")
				b.ReportMetric(float64(unjudged.frames), "frames-when-machine-stood-still")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// narrowCount is how many frames were sent, and how many of them did not arrive whole.
type narrowCount struct{ frames, lost int }

func (c *narrowCount) add(o narrowCount) {
	c.frames += o.frames
	c.lost += o.lost
}

// countNarrow counts frames by when they were sent: those that are judged, and those during which
// the machine stood still. The queue may still have packets of the frame before.
func countNarrow(sent []time.Duration, arrived func(frame int) bool, standstills []span) (judged, unjudged narrowCount) {
	for i, at := range sent {
		count := &judged
		if overlaps(standstills, span{at - time.Second/narrowFPS, at + time.Second/narrowFPS}) {
			count = &unjudged
		}
		count.frames++
		if !arrived(i) {
			count.lost++
		}
	}
	return judged, unjudged
}

// sendNarrow sends narrowFrames and counts those that do not arrive whole.
func sendNarrow(b *testing.B, sender, receiver string, spread float64) (judged, unjudged narrowCount) {
	b.Helper()
	arrived := receiveNarrow(b, receiver)
	l, err := loop.New()
	must(b, err)
	defer l.Close()
	var c *cast.Broadcaster
	must(b, rig.Within(sender, func() (err error) {
		c, err = cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("0.0.0.0:0"), MTU: model.MTU, Spread: spread})
		return err
	}))
	defer c.Close()
	params := &media.Params{Format: media.JPEG, Width: 1920, Height: 1080, FramesPerSecond: narrowFPS}
	stream, err := c.AddStream("narrow", nil, cast.StreamOptions{Params: params})
	must(b, err)
	_, err = stream.Join(cast.Address{RTP: narrowReader, RTCP: netip.AddrPortFrom(narrowReader.Addr(), narrowReader.Port()+1)}, nil)
	must(b, err)

	picture := narrowPicture()
	var sent []time.Duration
	ctx, done := context.WithCancel(context.Background())
	var beat *loop.Timer
	due := l.Now() + 10*time.Millisecond
	beat = l.NewTimer(func() {
		if len(sent) == narrowFrames {
			done()
			return
		}
		copy(numberOf(picture), []byte{byte(len(sent) / 100), byte(len(sent) % 100)})
		sent = append(sent, model.Now())
		if err := stream.Publish(media.Frame{Params: params, Bytes: picture, Captured: l.Now(), Key: true}); err != nil {
			b.Error(err)
		}
		due += time.Second / narrowFPS
		beat.Set(due)
	})
	beat.Set(due)
	machine := watchStandstills(b)
	err = l.Run(ctx)
	gaps := machine.end()
	must(b, err)
	return countNarrow(sent, arrived(), gaps)
}

// narrowPicture makes a picture of narrowPackets packets.
func narrowPicture() []byte {
	img := &jpeg.Image{Width: 1920, Height: 1080, Type: jpeg.Type420, Scan: make([]byte, narrowPackets*(model.PacketBytes-20)-140)}
	for i := range img.Luma {
		img.Luma[i], img.Chroma[i] = 1, 1
	}
	return jpeg.Append(nil, img)
}

// numberOf is where in a picture its number is: at the end of the scan, in two bytes below 100,
// as some bytes mean something there.
func numberOf(picture []byte) []byte { return picture[len(picture)-4:][:2] }

// receiveNarrow receives frames until the returned function is called, which tells which ones
// came whole.
func receiveNarrow(b *testing.B, namespace string) (arrived func() func(frame int) bool) {
	b.Helper()
	l, err := loop.New()
	must(b, err)
	var whole [narrowFrames]atomic.Bool
	var depacketizer rtp.JPEGDepacketizer
	var socket *udp.Socket
	must(b, rig.Within(namespace, func() (err error) {
		o := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 16 << 20}}
		socket, err = udp.Open(l, narrowReader, o, func(d udp.Datagram) {
			if picture, ok, err := depacketizer.Push(d.Payload); ok && err == nil {
				number := numberOf(picture)
				whole[int(number[0])*100+int(number[1])].Store(true)
			}
		})
		return err
	}))
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- l.Run(ctx) }()
	return func() func(int) bool {
		// What is on its way comes within a moment.
		fds := []unix.PollFd{{Fd: -1}}
		_, _ = unix.Poll(fds, 200)
		stop()
		must(b, <-stopped)
		must(b, errors.Join(socket.Close(), l.Close()))
		return func(frame int) bool { return whole[frame].Load() }
	}
}

// TestFramesOfAStandstillAreNotJudged has a machine stand still in the sixth frame of ten, whose
// packets may have the seventh wait.
func TestFramesOfAStandstillAreNotJudged(t *testing.T) {
	var sent []time.Duration
	for i := range 10 {
		sent = append(sent, time.Duration(i)*time.Second/narrowFPS)
	}
	lost := map[int]bool{2: true, 5: true}
	still := span{sent[5], sent[5] + 2*time.Millisecond}
	judged, unjudged := countNarrow(sent, func(frame int) bool { return !lost[frame] }, []span{still})
	if want := (narrowCount{frames: 8, lost: 1}); judged != want {
		t.Errorf("judged %+v, want %+v", judged, want)
	}
	if want := (narrowCount{frames: 2, lost: 1}); unjudged != want {
		t.Errorf("not judged %+v, want %+v", unjudged, want)
	}
}
