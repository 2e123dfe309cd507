//go:build players

package main

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

// TestPlayersOverTLS plays rtsps://: ffmpeg on the connection, in plain, and GStreamer as SRTP. No player that is
// tested here verifies the certificate by itself but GStreamer, which is told not to.
func TestPlayersOverTLS(t *testing.T) {
	t.Parallel()
	_, flags := writeCertificate(t)
	t.Run("ffmpeg", func(t *testing.T) {
		d := startDaemon(t, append(flags, cardSource)...)
		playRaw(t, "ffmpeg", ffmpegArgs("-timeout", "5000000", "-rtsp_transport", "tcp", "-i", d.secureURL())...)
		d.awaitLog("reader left", "stream=cam")
	})
	for _, transport := range []string{"udp", "tcp"} {
		t.Run("gstreamer "+transport, func(t *testing.T) {
			d := startDaemon(t, append(flags, cardSource)...)
			playRaw(t, "gst-launch-1.0", gstArgs("rtspsrc", "location="+d.secureURL(), "protocols="+transport, "tls-validation-flags=0")...)
			d.awaitLog("reader joined", "transport="+transport, "srtp=true")
		})
	}
}

// TestGStreamerOverTheRollover has GStreamer come before the rollover of SRTP's sequence numbers, and ten times
// after it, when it must take the counter from what it is told of the keys.
func TestGStreamerOverTheRollover(t *testing.T) {
	t.Parallel()
	url := serveNearRollover(t)
	args := func(transport string) []string {
		return gstArgs("rtspsrc", "location="+url, "protocols="+transport, "latency=200", "tls-validation-flags=0")
	}
	playRaw(t, "gst-launch-1.0", args("udp")...)
	for range 5 {
		for _, transport := range []string{"udp", "tcp"} {
			p := startUntilPicture(t, "gst-launch-1.0", args(transport)...)
			p.pictures(3)
			p.end()
		}
	}
}

// TestRenegotiation has a client of TLS 1.2 want to shake hands once more: it is refused, and others are
// served.
func TestRenegotiation(t *testing.T) {
	_, flags := writeCertificate(t)
	d := startDaemon(t, append(flags, smallCard)...)
	client := exec.Command("timeout", "-k", "2", "20", "openssl", "s_client", "-connect", addressOf(d.secureURL()), "-tls1_2")
	stdin, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.WriteString(stdin, "R\n"); err != nil {
		t.Fatal(err)
	}
	out, err := client.CombinedOutput() // which ends by itself, with stdin open
	if err == nil || !containsAll(string(out), []string{"RENEGOTIATING", "alert"}) || time.Since(began) > 15*time.Second {
		t.Errorf("openssl: %v after %v\n%s", err, time.Since(began), out)
	}
	stdin.Close()
	c, err := newClient(t, d.secureURL(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	c.consecutive(5)
}
