//go:build players

package main

import (
	"encoding/json"
	"os/exec"
	"reflect"
	"testing"
)

// TestWebRTCInAiortc has aiortc, which shares no code with browsers, play by WHEP: H.264 of a source, and of pictures that are
// encoded for it, with audio asked for and without. It has frames in their order, of which a busy machine decodes fewer.
func TestWebRTCInAiortc(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		also   []string // what is asked for besides video
	}{"H.264": {"testcard:?size=320x240&encode=h264", []string{"audio"}}, "JPEG": {"testcard:?size=320x240", nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, "--http", "127.0.0.1:0", c.source)
			cmd := exec.Command("timeout", append([]string{"-k", "2", "60", "/usr/bin/python3", "testdata/whep.py", d.pictureURL() + "/whep", "4"}, c.also...)...)
			out, err := cmd.Output()
			var played struct {
				Frames  int
				Ordered bool
				Sizes   [][]int
			}
			if err == nil {
				err = json.Unmarshal(out, &played)
			}
			if err != nil {
				t.Fatalf("%v: %s\n%s", err, out, d.stderr)
			}
			t.Logf("%d frames in 4 s", played.Frames)
			if played.Frames < 60 || !played.Ordered || !reflect.DeepEqual(played.Sizes, [][]int{{320, 240}}) {
				t.Errorf("played: %+v", played)
			}
			d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
		})
	}
}
