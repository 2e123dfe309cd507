//go:build players

package main

import (
	"bufio"
	"encoding/json"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGStreamerServer plays from GStreamer's RTSP server, over UDP and TCP.
func TestGStreamerServer(t *testing.T) {
	server := exec.Command("/usr/bin/python3", "testdata/rtspserver.py") // the one that Debian's modules are for
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
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not tell its URL: %v", err)
	}
	url := strings.TrimSpace(line)
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			status, stdout, stderr := runCamview(t, "--transport", transport, "--frames", "60", "--json", url)
			var s struct {
				Frames        int `json:"frames"`
				FramesLost    int `json:"frames_lost"`
				FramesSkipped int `json:"frames_skipped"`
			}
			if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != 0 {
				t.Fatalf("status %d, %v:\n%s%s", status, err, stdout, stderr)
			}
			t.Logf("%d frames, %d lost", s.Frames, s.FramesLost)
			if s.Frames < 60 || s.FramesLost+s.FramesSkipped > 0 {
				t.Errorf("%d frames, %d lost, want 60 and none", s.Frames, s.FramesLost)
			}
		})
	}
	name := filepath.Join(t.TempDir(), "frame.jpg")
	if status, _, stderr := runCamview(t, "-o", name, url); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if picture, err := jpeg.Decode(file); err != nil || picture.Bounds().Dx() != 320 {
		t.Errorf("the picture: %v", err)
	}
}
