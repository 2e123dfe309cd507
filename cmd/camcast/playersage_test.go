//go:build players

package main

import (
	"bufio"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

// TestAgeInMPV has two mpv play one group of ten seconds, one from its key frame on, and one that is
// started when 1.9 seconds of it are over. In the last three seconds the second one shows each picture
// when the first one does: it has not stayed behind by what it was caught up with.
func TestAgeInMPV(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			c := makeCoded(t, longGroup, longFrames)
			d := startDaemon(t, c.path)
			var players sync.WaitGroup
			var shown [2][]position
			play := func(i int) { players.Go(func() { shown[i] = mpvPositions(t, transport, d.url()) }) }
			play(0)
			d.awaitLog("reader joined")
			clock, err := connectCoded(c, c.frames(t), d.url(), gortsplib.ProtocolTCP)
			if err != nil {
				t.Fatal(err)
			}
			defer clock.rtsp.Close()
			if err := clock.play(); err != nil {
				t.Fatal(err)
			}
			if _, err := clock.await(-1, joinFrame); err != nil {
				t.Fatal(err)
			}
			play(1)
			last, err := clock.await(joinFrame, longFrames-1)
			if err != nil {
				t.Fatal(err)
			}
			players.Wait()
			d.awaitEnd()
			came := last.at.Sub(epoch).Seconds()
			first, second := lastDelay(t, shown[0])-came, lastDelay(t, shown[1])-came
			behind := second - first
			t.Logf("pictures are shown %.3f s after they have come, and those of the second one %.3f s", first, second)
			if behind > 0.2 {
				t.Errorf("the one that was caught up is behind by %.3f s", behind)
			}
		})
	}
}

// position is what mpv says of where it is in the stream, in seconds, and when.
type position struct {
	seconds float64
	at      time.Time
}

// mpvPositions plays a stream to its end.
func mpvPositions(t *testing.T, transport, url string) (positions []position) {
	cmd := exec.Command("timeout", "-k", "2", "30", "mpv", "--no-config", "--ao=null", "--vo=null", "--term-status-msg=at ${=time-pos}\n",
		"--rtsp-transport="+transport, url)
	out, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = cmd.Stdout
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		_, text, _ := strings.Cut(lines.Text(), "at ")
		if seconds, err := strconv.ParseFloat(strings.TrimRight(text, "\x1b[K\r "), 64); err == nil {
			positions = append(positions, position{seconds, time.Now()})
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("mpv: %v", err)
	}
	return positions
}

// epoch is what instants are counted from.
var epoch = time.Now()

// lastDelay is, in seconds, by how much pictures of the last three seconds are shown later than if the
// last one were shown at once, against a clock that all players share. The last picture is the same for
// all, whatever its timestamp is for each.
func lastDelay(t *testing.T, positions []position) float64 {
	t.Helper()
	if len(positions) == 0 {
		t.Fatal("mpv says nothing of its position")
	}
	last := positions[len(positions)-1].seconds
	var delays []float64
	for _, p := range positions {
		if p.seconds > last-3 {
			delays = append(delays, p.at.Sub(epoch).Seconds()+last-p.seconds)
		}
	}
	slices.Sort(delays)
	t.Logf("%d positions, %d of the last three seconds, of %.3f s; they vary by %.3f s", len(positions), len(delays), last, delays[len(delays)-1]-delays[0])
	return delays[len(delays)/2]
}
