//go:build players

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestFFmpegURLs has ffmpeg ask for the stream by URLs with users and passwords of special
// characters, which it is given as a person would type them.
func TestFFmpegURLs(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, cardSource)
	for _, user := range []string{"me:pw@", "me:p%w@", "me:[p]w@x@", "m%40e:p%23w@", "me:p w@"} {
		url := strings.Replace(d.url(), "rtsp://", "rtsp://"+user, 1) + "?x=1"
		out, err := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-frames:v", "1", "-f", "null", "-").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", url, err, out)
		}
	}
	if strings.Contains(d.stderr.String(), "p%w") {
		t.Errorf("the log shows a password:\n%s", d.stderr)
	}
}
