//go:build players

package main

import "testing"

// TestPlayersOverTLS plays rtsps://, over the connection. No player that is tested here verifies the
// certificate by itself but GStreamer, which is told not to.
func TestPlayersOverTLS(t *testing.T) {
	_, flags := writeCertificate(t)
	t.Run("ffmpeg", func(t *testing.T) {
		d := startDaemon(t, append(flags, cardSource)...)
		playRaw(t, "ffmpeg", ffmpegArgs("-timeout", "5000000", "-rtsp_transport", "tcp", "-i", d.secureURL())...)
		d.awaitLog("reader left", "stream=cam")
	})
	t.Run("gstreamer", func(t *testing.T) {
		d := startDaemon(t, append(flags, cardSource)...)
		playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.secureURL(), "protocols=tcp", "tls-validation-flags=0")...)
	})
}
