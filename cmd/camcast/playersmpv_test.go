//go:build players

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mpvsFirst is what mpv says of the first picture, of any server: ffmpeg, which it reads RTP with, gives the
// first packet of H.264 and H.265 no time (av_parser_parse2, where packets have no position). A stream that
// ffmpeg itself sends by RTP has the same.
var mpvsFirst = regexp.MustCompile(`^(No video PTS! Making something up\. Using .* FPS\.|Invalid video timestamp: .* -> .*)$`)

// escapes are what a terminal is told.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// TestCodedInMPV plays each coding to its end, by UDP and TCP: the position comes there, and nothing is
// complained about.
func TestCodedInMPV(t *testing.T) {
	const frames = 25
	for _, e := range codings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c := makeCoded(t, e, frames)
			d := startDaemon(t, "udp="+c.path, "tcp="+c.path)
			var players sync.WaitGroup
			for _, transport := range []string{"udp", "tcp"} {
				players.Go(func() {
					if err := playInMPV(transport, strings.TrimSuffix(d.url(), "udp")+transport, float64(frames)/25); err != nil {
						t.Errorf("mpv by %s: %v", transport, err)
					}
				})
			}
			players.Wait()
			d.awaitEnd()
		})
	}
}

// playInMPV plays a stream of so many seconds.
func playInMPV(transport, url string, seconds float64) error {
	out, err := exec.Command("timeout", "-k", "2", "30", "mpv", "--no-config", "--ao=null", "--vo=null",
		"--msg-level=all=warn,statusline=status", "--term-status-msg=at ${=time-pos}\n", "--rtsp-transport="+transport, url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	last := 0.0
	for line := range strings.FieldsFuncSeq(escapes.ReplaceAllString(string(out), ""), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(line)
		at, isStatus := strings.CutPrefix(line, "at ")
		if position, err := strconv.ParseFloat(at, 64); isStatus && err == nil {
			last = max(last, position)
		} else if line != "" && !isStatus && !mpvsFirst.MatchString(line) {
			return fmt.Errorf("it says: %s", line)
		}
	}
	if last < seconds-0.3 {
		return fmt.Errorf("it comes to %.2f s of %.2f", last, seconds)
	}
	return nil
}
