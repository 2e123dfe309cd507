package rtsp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// attackVariable has this program be the one that attacks, and says which address.
const attackVariable = "CAMCAST_ATTACK"

func TestMain(m *testing.M) {
	if address := os.Getenv(attackVariable); address != "" {
		if err := attack(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// attack has forty connections pipeline requests until these are closed.
func attack(address string) error {
	const connections, lot = 40, 1000
	requests := bytes.Repeat([]byte("DESCRIBE rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n"), lot)
	var all sync.WaitGroup
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		all.Go(func() {
			for {
				if _, err := conn.Write(requests); err != nil {
					return
				}
			}
		})
		all.Go(func() { _, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, conn, make([]byte, 64<<10)) })
	}
	fmt.Println("connected")
	all.Wait()
	return nil
}

// startAttack runs the attacker as a process of its own, as it has as much to do as the loop.
func startAttack(t *testing.T, port uint16) (connected *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=127.0.0.1:%d", attackVariable, port))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	return bufio.NewReader(stdout)
}

// TestPipelinedRequestsOnLoopback has forty connections pipeline requests on a real loop, beside
// a source that gives a frame when its time has come, as a camera does, and gives up those whose
// time has passed. Those that pass while the loop's thread hardly computes are the machine's fault.
func TestPipelinedRequestsOnLoopback(t *testing.T) {
	runtime.LockOSThread() // its CPU time is the loop's
	defer runtime.UnlockOSThread()
	const (
		interval = time.Second / 30
		frames   = 45
	)
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	front, err := rtsp.Listen(b, netip.MustParseAddrPort("127.0.0.1:0"), rtsp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	params := &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{Params: params})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	picture := jpeg.Append(nil, &jpeg.Image{Width: 64, Height: 48, Type: jpeg.Type420, Scan: make([]byte, 500)})
	taken, lost, heldUp, due := 0, 0, 0, time.Duration(0)
	var began, computed time.Duration // when the frame before was taken, and the CPU time until then
	var timer *loop.Timer
	timer = l.NewTimer(func() {
		if err := stream.Publish(media.Frame{Params: params, Bytes: picture, Captured: due, Key: true}); err != nil {
			t.Error(err)
		}
		taken++
		cpu := threadCPU(t)
		isBusy := 2*(cpu-computed) >= l.Now()-began
		began, computed = l.Now(), cpu
		for due += interval; due <= l.Now(); due += interval {
			if isBusy {
				lost++
			} else {
				heldUp++
			}
		}
		if timer.Set(due); taken+lost >= frames {
			cancel()
		}
	})
	connected := startAttack(t, front.Port())
	go func() {
		_, err := connected.ReadString('\n')
		_ = l.Post(func() {
			if err != nil {
				t.Error(err)
				cancel()
			}
			began, computed = l.Now(), threadCPU(t)
			due = began + interval
			timer.Set(due)
		})
	}()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}

	s, p := l.Stats(), b.PutOff()
	t.Logf("%d frames taken, %d lost, %d while the machine held the loop up; CPU of %d turns: p99.9 %v, max %v; put off %d times",
		taken, lost, heldUp, s.TurnCPU.Count, s.TurnCPU.Quantile(0.999), s.TurnCPU.Max, p.Requests)
	if lost > frames/10 || s.TurnCPU.Quantile(0.999) > 20*time.Millisecond || p.Requests == 0 {
		t.Errorf("%d frames taken, %d lost; turns used up to %v of CPU (p99.9); connections were put off %d times",
			taken, lost, s.TurnCPU.Quantile(0.999), p.Requests)
	}
}

// threadCPU is how long the calling thread has computed.
func threadCPU(t *testing.T) time.Duration {
	t.Helper()
	var spent unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent); err != nil {
		t.Fatal(err)
	}
	return time.Duration(spent.Nano())
}
