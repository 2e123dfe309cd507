//go:build players

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// These tests have the players prove a password by digest. A URL has the password escaped, which each
// of them undoes.

// TestPlayersWithPassword plays with the right one.
func TestPlayersWithPassword(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run("ffmpeg/"+transport, func(t *testing.T) {
			d := startDaemon(t, "--auth", writeUsers(t), cardSource)
			playRaw(t, "ffmpeg", ffmpegArgs("-timeout", "5000000", "-rtsp_transport", transport, "-i", d.urlAs("anna", annasPassword))...)
			d.awaitLog("reader left", "stream=cam", "user=anna")
		})
		t.Run("gstreamer/"+transport, func(t *testing.T) {
			d := startDaemon(t, "--auth", writeUsers(t), cardSource)
			playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.urlAs("anna", annasPassword), "protocols="+transport)...)
		})
		t.Run("mpv/"+transport, func(t *testing.T) {
			d := startDaemon(t, "--auth", writeUsers(t), cardSource)
			playFiles(t, "--rtsp-transport="+transport, d.urlAs("anna", annasPassword))
		})
	}
	t.Run("gstreamer/multicast", func(t *testing.T) {
		d := startDaemon(t, "--auth", writeUsers(t), "--send", "udp://239.255.12.36:15404?iface=lo", cardSource)
		playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.urlAs("anna", annasPassword), "protocols=udp-mcast")...)
	})
}

// TestPlayersWithoutPassword has players come without a password, with a wrong one and by Basic's: they end by themselves, and
// nothing is sent to them.
func TestPlayersWithoutPassword(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		d := startDaemon(t, "--auth", writeUsers(t), cardSource)
		for _, address := range []string{d.url(), d.urlAs("anna", "wrong"), d.urlAs("otto", annasPassword)} {
			for _, player := range [][]string{
				append([]string{"ffmpeg"}, ffmpegArgs("-timeout", "5000000", "-rtsp_transport", transport, "-i", address)...),
				append([]string{"gst-launch-1.0"}, gstArgs("rtspsrc", "location="+address, "protocols="+transport)...),
				{"mpv", "--no-config", "--ao=null", "--vo=null", "--rtsp-transport=" + transport, address},
			} {
				out, err := exec.Command("timeout", append([]string{"-k", "2", "20"}, player...)...).CombinedOutput()
				if text := strings.ToLower(string(out)); err == nil || !strings.Contains(text, "401") && !strings.Contains(text, "unauthorized") && !strings.Contains(text, "not authorized") {
					t.Errorf("%s by %s of %s: %v\n%s", player[0], transport, address, err, out)
				}
			}
		}
		d.stop()
		if log := d.stderr.String(); strings.Contains(log, "reader joined") {
			t.Errorf("somebody is sent frames:\n%s", log)
		}
	}
}
