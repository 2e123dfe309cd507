//go:build players

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// These tests have the players prove a password by digest. A URL has the password escaped, which each
// of them undoes. That pictures come in a row is for the tests without passwords to see.

// playSome takes ten pictures of a player and ends it.
func playSome(t *testing.T, name string, args ...string) {
	t.Helper()
	p := startPlayer(t, name, args...)
	numbers := p.pictures(10)
	for i := range numbers[1:] {
		if numbers[i+1] <= numbers[i] {
			t.Fatalf("the pictures are %d", numbers)
		}
	}
	p.end()
}

// TestPlayersWithPassword plays with the right one.
func TestPlayersWithPassword(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		for name, args := range map[string]func(url string) []string{
			"ffmpeg": func(url string) []string {
				return ffmpegArgs("-timeout", "5000000", "-rtsp_transport", transport, "-i", url)
			},
			"gst-launch-1.0": func(url string) []string {
				return gstArgs("rtspsrc", "location="+url, "protocols="+transport)
			},
			"/usr/bin/python3": func(url string) []string { return []string{"testdata/opencv.py", transport, url} },
		} {
			t.Run(name+" "+transport, func(t *testing.T) {
				t.Parallel()
				d := startDaemon(t, "--auth", writeUsers(t), cardSource)
				playSome(t, name, args(d.urlAs("anna", annasPassword))...)
				d.awaitLog("reader joined", "stream=cam", "user=anna", "transport="+transport)
			})
		}
		t.Run("mpv "+transport, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, "--auth", writeUsers(t), cardSource)
			out, err := runMPV(transport, d.urlAs("anna", annasPassword))
			if err != nil {
				t.Fatalf("mpv: %v\n%s", err, out)
			}
			d.awaitLog("reader joined", "stream=cam", "user=anna", "transport="+transport)
		})
	}
	t.Run("gst-launch-1.0 multicast", func(t *testing.T) {
		t.Parallel()
		d := startDaemon(t, "--auth", writeUsers(t), "--send", "udp://239.255.12.36:15604?iface=lo", cardSource)
		playSome(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.urlAs("anna", annasPassword), "protocols=udp-mcast")...)
	})
}

// runMPV plays ten pictures, and returns what mpv says.
func runMPV(transport, url string) (string, error) {
	out, err := exec.Command("timeout", "-k", "2", "30", "mpv", "--no-config", "--ao=null", "--vo=null", "--frames=10",
		"--rtsp-transport="+transport, url).CombinedOutput()
	return string(out), err
}

// TestPlayersWithoutPassword has players come without a password and with a wrong one: they end by themselves, say why, and
// nothing is sent to them.
func TestPlayersWithoutPassword(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--auth", writeUsers(t), cardSource)
	for _, address := range []string{d.url(), d.urlAs("anna", "wrong")} {
		for _, player := range [][]string{
			append([]string{"ffmpeg"}, ffmpegArgs("-timeout", "5000000", "-rtsp_transport", "udp", "-i", address)...),
			append([]string{"gst-launch-1.0"}, gstArgs("rtspsrc", "location="+address, "protocols=tcp")...),
			{"mpv", "--no-config", "--ao=null", "--vo=null", "--rtsp-transport=udp", address},
			{"/usr/bin/python3", "testdata/opencv.py", "tcp", address},
		} {
			out, err := exec.Command("timeout", append([]string{"-k", "2", "20"}, player...)...).CombinedOutput()
			if text := strings.ToLower(string(out)); err == nil || !strings.Contains(text, "401") && !strings.Contains(text, "authorized") {
				t.Errorf("%s of %s: %v\n%s", player[0], address, err, out)
			}
		}
	}
	d.stop()
	if log := d.stderr.String(); strings.Contains(log, "reader joined") || strings.Contains(log, "s3same") {
		t.Errorf("somebody is sent frames, or a password is logged:\n%s", log)
	}
}
