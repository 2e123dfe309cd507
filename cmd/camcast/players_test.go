//go:build players

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/camcast/camcast/capture/testcard"
)

// These tests play the test card in the players people have, and read the number in
// each picture that comes out: sixty pictures, one after the other, none missing. make
// test-players installs the players and runs this in a network namespace of its own,
// where multicast goes to the loopback interface.

const (
	wantFrames = 60
	cardWidth  = 640
	cardHeight = 480
)

var cardSource = fmt.Sprintf("testcard:?size=%dx%d&fps=30", cardWidth, cardHeight)

// checkConsecutive fails unless the pictures are wantFrames of the card's, in a row.
func checkConsecutive(t *testing.T, numbers []uint32) {
	t.Helper()
	if len(numbers) < wantFrames {
		t.Fatalf("%d frames, want %d", len(numbers), wantFrames)
	}
	for i, n := range numbers {
		if i > 0 && n != numbers[i-1]+1 {
			t.Fatalf("frame %d of the player is number %d, and the one before it %d", i, n, numbers[i-1])
		}
	}
	t.Logf("%d of %d frames, numbers %d to %d", len(numbers), wantFrames, numbers[0], numbers[len(numbers)-1])
}

// player is a running player that writes raw pictures, planar 4:2:0, to its standard
// output.
type player struct {
	t      *testing.T
	cmd    *exec.Cmd
	output io.Reader
	stderr bytes.Buffer
	ended  bool
	// drained is closed when the output has ended, once somebody reads the rest of it.
	drained chan struct{}
}

func startPlayer(t *testing.T, name string, args ...string) *player {
	t.Helper()
	// An ffmpeg that receives nothing ignores SIGTERM for minutes.
	p := &player{t: t, cmd: exec.Command("timeout", append([]string{"--foreground", "-k", "2", "30", name}, args...)...)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.output, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("%s says:\n%s", name, p.stderr.String())
		}
	})
	return p
}

// end ends the player as a person at a terminal would.
func (p *player) end() {
	if !p.ended {
		_ = p.cmd.Process.Signal(syscall.SIGINT)
		_ = p.wait() // ended by us: the status says nothing
	}
}

// drain reads the rest of the output: a player that nobody listens to stops.
func (p *player) drain() {
	p.drained = make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, p.output)
		close(p.drained)
	}()
}

// wait waits until the player ends.
func (p *player) wait() error {
	p.ended = true
	if p.drained == nil {
		p.drain()
	}
	<-p.drained
	return p.cmd.Wait()
}

// pictures reads n pictures and returns the numbers in them.
func (p *player) pictures(n int) (numbers []uint32) {
	p.t.Helper()
	picture := image.NewYCbCr(image.Rect(0, 0, cardWidth, cardHeight), image.YCbCrSubsampleRatio420)
	for range n {
		for _, plane := range [][]byte{picture.Y, picture.Cb, picture.Cr} {
			if _, err := io.ReadFull(p.output, plane); err != nil {
				p.t.Fatalf("after %d frames: %v", len(numbers), err)
			}
		}
		number, _, err := testcard.Read(picture)
		if err != nil {
			p.t.Fatalf("frame %d: %v", len(numbers), err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// crashed reports whether the player has died of a fault of its own before its first picture, as
// GStreamer's rtspsrc does now and then over TLS.
func (p *player) crashed() bool {
	output := bufio.NewReader(p.output)
	p.output = output
	if _, err := output.Peek(1); err == nil {
		return false
	}
	_ = p.wait() // the status tells
	const bySIGSEGV = 128 + int(syscall.SIGSEGV)
	state := p.cmd.ProcessState
	status, ok := state.Sys().(syscall.WaitStatus)
	return state.ExitCode() == bySIGSEGV || ok && status.Signaled() && status.Signal() == syscall.SIGSEGV
}

// playRaw takes wantFrames pictures of a player and ends it.
func playRaw(t *testing.T, name string, args ...string) {
	t.Helper()
	p := startUntilPicture(t, name, args...)
	checkConsecutive(t, p.pictures(wantFrames))
	p.end()
}

// startUntilPicture starts a player, and waits until it has a picture. One that crashes is started again, twice.
func startUntilPicture(t *testing.T, name string, args ...string) *player {
	t.Helper()
	p := startPlayer(t, name, args...)
	for again := 0; p.crashed(); again++ {
		if again == 2 {
			t.Fatalf("%s has crashed three times", name)
		}
		t.Logf("%s has crashed", name)
		p = startPlayer(t, name, args...)
	}
	if p.ended {
		t.Fatalf("%s has ended without a picture: %v", name, p.cmd.ProcessState)
	}
	return p
}

func ffmpegArgs(input ...string) []string {
	return slices.Concat([]string{"-nostdin", "-loglevel", "warning"}, input,
		[]string{"-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"})
}

func gstArgs(source ...string) []string {
	return slices.Concat([]string{"-q", "--no-fault"}, source, strings.Fields(
		"! rtpjpegdepay ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1 sync=false"))
}

func TestFFmpeg(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, cardSource)
			playRaw(t, "ffmpeg", ffmpegArgs("-timeout", "5000000", "-rtsp_transport", transport, "-i", d.url())...)
			d.awaitLog("reader left", "stream=cam")
		})
	}
}

func TestGStreamer(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, cardSource)
			playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.url(), "protocols="+transport)...)
		})
	}
}

func TestMPV(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, cardSource)
			folder := t.TempDir()
			out, err := exec.Command("timeout", "-k", "2", "30", "mpv", "--no-config", "--ao=null", "--untimed", "--framedrop=no",
				"--vo=image", "--vo-image-format=jpg", "--vo-image-outdir="+folder, "--frames="+fmt.Sprint(wantFrames),
				"--rtsp-transport="+transport, d.url()).CombinedOutput()
			if err != nil {
				t.Fatalf("mpv: %v\n%s", err, out)
			}
			checkConsecutive(t, numbersInFiles(t, folder))
		})
	}
}

// numbersInFiles reads the card's numbers from a folder of JPEGs.
func numbersInFiles(t *testing.T, folder string) (numbers []uint32) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := jpeg.Decode(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		number, _, err := testcard.Read(picture)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// TestSDPFile plays what is sent to a fixed address, which knows nothing of players.
func TestSDPFile(t *testing.T) {
	t.Parallel()
	for name, destination := range map[string]string{
		"unicast":   "udp://127.0.0.1:15004",
		"multicast": "udp://239.255.12.34:15104?iface=lo",
		"ipv6":      "udp://[::1]:15204",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("ffmpeg", func(t *testing.T) {
				file := sendTo(t, destination)
				playRaw(t, "ffmpeg", ffmpegArgs("-protocol_whitelist", "file,udp,rtp", "-i", file)...)
			})
			if name == "ipv6" {
				return // sdpdemux listens for a host's packets on IPv4 alone
			}
			t.Run("gstreamer", func(t *testing.T) {
				file := sendTo(t, destination)
				playRaw(t, "gst-launch-1.0", gstArgs("filesrc", "location="+file, "!", "sdpdemux")...)
			})
		})
	}
}

// sendTo runs a daemon that sends to destination and returns the SDP file.
func sendTo(t *testing.T, destination string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "cam.sdp")
	startDaemon(t, "--send", destination, "--sdp", file, cardSource)
	return file
}

// TestMulticastByRTSP plays a group that the server names in its answer to SETUP.
func TestMulticastByRTSP(t *testing.T) {
	d := startDaemon(t, "--send", "udp://239.255.12.35:15304?iface=lo", cardSource)
	playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.url(), "protocols=udp-mcast")...)
}

// TestShutdown ends the daemon while players play: all of them end by themselves.
func TestShutdown(t *testing.T) {
	d := startDaemon(t, cardSource)
	u := d.url()
	players := []*player{
		startPlayer(t, "ffmpeg", ffmpegArgs("-timeout", "20000000", "-rtsp_transport", "udp", "-i", u)...),
		startPlayer(t, "ffmpeg", ffmpegArgs("-timeout", "20000000", "-rtsp_transport", "tcp", "-i", u)...),
		startPlayer(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+u, "protocols=udp", "latency=100")...),
		startPlayer(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+u, "protocols=tcp", "latency=100")...),
	}
	for _, p := range players {
		p.pictures(5)
		p.drain()
	}
	d.stop()
	for _, p := range players {
		if err := p.wait(); err != nil {
			t.Errorf("%s: %v", strings.Join(p.cmd.Args, " "), err)
		}
	}
	if left := strings.Count(d.stderr.String(), "reader left"); left != len(players) {
		t.Errorf("%d readers left, want %d:\n%s", left, len(players), d.stderr)
	}
}

// TestAnnouncedCommands checks that the commands the daemon prints are those that the
// other tests run, but for the sink.
func TestAnnouncedCommands(t *testing.T) {
	d := startDaemon(t, cardSource, "../../proto/nal/testdata/baseline.h264?loop=1", "../../proto/nal/testdata/baseline.h265?loop=1")
	u, err := url.Parse(d.url())
	if err != nil || u.Path != "/cam" {
		t.Fatalf("announced %q: %v", d.url(), err)
	}
	commands := regexp.MustCompile(`(?m)^\s*(gst-launch-1\.0 .*) ! videoconvert ! autovideosink$`).FindAllStringSubmatch(d.stdout, -1)
	if len(commands) != 3 {
		t.Fatalf("no GStreamer command for each of three streams in:\n%s", d.stdout)
	}
	for _, command := range commands {
		args := strings.Fields(command[1])
		out, err := exec.Command("timeout", slices.Concat([]string{"-k", "2", "30"}, args,
			strings.Fields("! fakesink num-buffers=10"))...).CombinedOutput()
		// Once it has had all its pictures, GStreamer may complain of a connection that it is
		// itself about to close.
		if err != nil && !bytes.Contains(out, []byte("Got EOS from element")) {
			t.Errorf("%s: %v\n%s; the daemon says %s", command[1], err, out, d.stderr)
		}
	}
	for _, want := range []string{"ffplay ", "vlc ", fmt.Sprintf("%dx%d at 30 frames/s", cardWidth, cardHeight)} {
		if !strings.Contains(d.stdout, want) {
			t.Errorf("the announcement lacks %q:\n%s", want, d.stdout)
		}
	}
}
