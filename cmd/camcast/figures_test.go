package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// TestFiguresOnSignal has the daemon print its figures while it runs, and at its end.
func TestFiguresOnSignal(t *testing.T) {
	d := startDaemon(t, "testcard:?size=64x48")
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" missing in the source", "delivered ", "first reader -; last reader -", "sockets: ", "loop: "} {
		if line := d.awaitLog(want); line == "" {
			t.Errorf("%q is not printed", want)
		}
	}
	d.stop()
	if out := d.stderr.String(); strings.Count(out, "delivered ") != 2 {
		t.Errorf("printed %q, want figures twice", out)
	}
}

// TestDestinationsInFigures counts a destination as one, and not as a reader.
func TestDestinationsInFigures(t *testing.T) {
	d := startDaemon(t, "--send", "udp://127.0.0.1:6000", smallCard)
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if line := d.awaitLog(" missing in the source"); !strings.HasSuffix(line, ", 0 readers, 1 destination") {
		t.Errorf("%q", line)
	}
}

// TestFiguresOnAnEarlySignal has the signal come between two runs of the loop, as when the daemon
// has just announced itself: the figures are printed when the loop runs again.
func TestFiguresOnAnEarlySignal(t *testing.T) {
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
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	printed := &firstWrite{w: io.Discard, begun: make(chan struct{})}
	defer printFiguresOnSignal(l, b, printed, printFigures)()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	fd, _ := l.FD()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); n != 1 {
		t.Fatalf("the signal has posted nothing: %v", err)
	}
	if _, err := l.Turn(0); err != nil {
		t.Fatal(err)
	}
	<-printed.begun
}

// TestFiguresWaitForNobody has nobody read the figures: the loop goes on.
func TestFiguresWaitForNobody(t *testing.T) {
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
	read, write := io.Pipe()
	defer read.Close()
	began := &firstWrite{w: write, begun: make(chan struct{})}
	stop := printFiguresOnSignal(l, b, began, printFigures)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	<-began.begun // and nobody reads it
	turned := make(chan struct{})
	if err := l.Post(func() { close(turned) }); err != nil {
		t.Fatal(err)
	}
	<-turned
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	stop()
}

// firstWrite tells when it is written to.
type firstWrite struct {
	w     io.Writer
	begun chan struct{}
	told  bool
}

func (f *firstWrite) Write(p []byte) (int, error) {
	if !f.told {
		f.told = true
		close(f.begun)
	}
	return f.w.Write(p)
}

// tired is a source whose encoder is too slow.
type tired struct{}

func (tired) Describe() capture.Description { return capture.Description{Source: "tired"} }
func (tired) Open(capture.Host)             {}
func (tired) Close() error                  { return nil }
func (tired) Figures() capture.Figures      { return capture.Figures{Frames: 3, Skipped: 7} }

// TestSkippedFrames are printed where there are some.
func TestSkippedFrames(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = "skipped as the CPU was too slow: 7 frames not encoded, 0 not transcoded\n"
	var lines bytes.Buffer
	if printFigures(l, b, &lines, udp.SystemCounters{}); strings.Contains(lines.String(), "skipped") {
		t.Errorf("printed %q, and nothing was skipped", lines.String())
	}
	if _, err := b.AddStream("tired", tired{}, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if printFigures(l, b, &lines, udp.SystemCounters{}); !strings.Contains(lines.String(), want) {
		t.Errorf("printed %q, want %q", lines.String(), want)
	}
}

// TestUsersInFigures names the users whom a gate has admitted.
func TestUsersInFigures(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	params := &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 10}
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{Params: params})
	if err != nil {
		t.Fatal(err)
	}
	for i, user := range []string{"anna", ""} {
		peer := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1000+i))
		s, err := b.OpenSession(cast.SessionOptions{Stream: stream, Protocol: cast.RTSP, Peer: peer, Grant: cast.Grant{User: user}})
		if err == nil {
			err = s.PlayGroup()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var text, json bytes.Buffer
	printFigures(l, b, &text, udp.SystemCounters{})
	printFiguresAsJSON(l, b, &json, udp.SystemCounters{})
	for _, want := range []string{`reader 192.0.2.1:1000 (user "anna") by multicast: `, `reader 192.0.2.1:1001 by multicast: `} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("printed %q, want %q", text.String(), want)
		}
	}
	if strings.Count(json.String(), `"user":`) != 1 || !strings.Contains(json.String(), `"user":"anna"`) {
		t.Errorf("printed %s", json.String())
	}
}
