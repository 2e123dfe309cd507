//go:build clone

package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/camcast/camcast/bench/rig"
)

// TestClonedReaders has the daemon serve viewers in another network namespace, by RTSP and
// by joining, with copies that the kernel makes, of JPEG and of H.264. make test-clone runs it, as root.
func TestClonedReaders(t *testing.T) {
	const readers, frames = 50, 120
	camview := t.TempDir() + "/camview"
	if out, err := exec.Command("go", "build", "-o", camview, "../camview").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, err := rig.New("veth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	// The rig drops what is sent to most of the usual ports.
	if out, err := exec.Command("ip", "netns", "exec", r.Far, "sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 29999").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	host := r.Host().String()
	var d *daemon
	if err := r.Do(func() error {
		d = startDaemon(t, "--clone", rig.Device, "--rtsp", host+":8554", "--rtp", host+":5004", "testcard:?size=640x480&fps=30", "film=../../proto/nal/testdata/slices.h264?fps=30&loop=1")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"rtsp://" + host + ":8554/cam", "camcast://" + host + ":5004/cam",
		"rtsp://" + host + ":8554/film", "camcast://" + host + ":5004/film",
	} {
		cmd := exec.Command("ip", "netns", "exec", r.Far, camview,
			"--readers", strconv.Itoa(readers), "--frames", strconv.Itoa(frames), "--json", url)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v: %s%s", url, err, out, &stderr)
		}
		var got struct {
			Readers        int
			Frames         int
			FramesLost     int `json:"frames_lost"`
			FramesSkipped  int `json:"frames_skipped"`
			PacketsLost    int `json:"packets_lost"`
			PacketsSkipped int `json:"packets_skipped"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s: %+v", url, got)
		if got.Readers != readers || got.Frames < readers*frames || got.FramesLost+got.FramesSkipped+got.PacketsLost+got.PacketsSkipped != 0 {
			t.Errorf("%s: %+v, want %d frames for each of %d readers, and nothing lost", url, got, frames, readers)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	line := d.awaitLog("cloned by the kernel")
	t.Log(line)
	cloned := regexp.MustCompile(`of (\d+) messages \((\d+) cloned`).FindStringSubmatch(line)
	if cloned == nil {
		t.Fatalf("%q", line)
	}
	messages, _ := strconv.Atoi(cloned[1])
	copies, _ := strconv.Atoi(cloned[2])
	if copies < messages*9/10 {
		t.Errorf("%d of %d messages were cloned, want nearly all", copies, messages)
	}
}
