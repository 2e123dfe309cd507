//go:build players

package main

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGStreamerCamera sends on what GStreamer's RTSP server sends, by UDP and TCP, with a password.
func TestGStreamerCamera(t *testing.T) {
	t.Parallel()
	footages := []*footage{makePictures(t), openFootage(t, "baseline.h264"), openFootage(t, "baseline.h265")}
	pictures := filepath.Join(t.TempDir(), "clip.mkv")
	// Parsers drop the times of single pictures.
	if out, err := exec.Command("ffmpeg", "-loglevel", "error", "-stream_loop", "100", "-f", "mjpeg", "-framerate", "25",
		"-i", footages[0].file, "-c", "copy", pictures).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const loop = "multifilesrc loop=true location="
	server := exec.Command("/usr/bin/python3", "testdata/rtspcamera.py", cameraUser, cameraPassword, // the one that Debian's modules are for
		"filesrc location="+pictures+" ! matroskademux ! identity sync=true ! rtpjpegpay",
		loop+footages[1].file+" ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au ! identity sync=true ! rtph264pay config-interval=-1",
		loop+footages[2].file+" ! h265parse ! video/x-h265,stream-format=byte-stream,alignment=au ! identity sync=true ! rtph265pay config-interval=-1")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // killed: its status says nothing
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not tell its port: %v", err)
	}
	var sources []string
	for n := range footages {
		for _, transport := range []string{"udp", "tcp"} {
			sources = append(sources, fmt.Sprintf("%s%d=rtsp://%v@127.0.0.1:%s/%d?transport=%s",
				transport, n, url.UserPassword(cameraUser, cameraPassword), strings.TrimSpace(port), n, transport))
		}
	}
	d := startDaemon(t, sources...)
	var followers []*follower
	for n, f := range footages {
		for _, transport := range []string{"udp", "tcp"} {
			followers = append(followers, follow(t, d.streamURL(fmt.Sprint(transport, n)), f))
		}
	}
	awaitAll(t, 30, followers...)
}
