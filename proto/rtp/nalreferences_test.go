//go:build players

package rtp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/nal"
)

// TestBeginAtAKeyFrame has ffmpeg begin at each key frame of streams whose groups are open: frames
// that follow one, and are shown before it, need the group before. It shows none of them; what is
// shown from the key frame on is as it was. Of H.264 it logs that it cannot drop pictures that it never
// had ("mmco: unref short failure").
func TestBeginAtAKeyFrame(t *testing.T) {
	for _, e := range []encoding{
		{"H.264", "320x240", "libx264", "28", "keyint=12:open-gop=1:bframes=3:b-adapt=0:scenecut=0"},
		{"H.265", "320x240", "libx265", "28", "keyint=12:min-keyint=12:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=none"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c, keys := makeClip(t, e), 0
			for first, f := range c.frames {
				if !f.Key || first > len(c.frames)-12 { // of less than a group ffmpeg shows less
					continue
				}
				keys++
				path := filepath.Join(t.TempDir(), "cut."+strings.ToLower(c.encodingName()))
				stream, err := nal.AppendAnnexB(nil, f.Params.ParameterSets, nil)
				for _, later := range c.frames[first:] {
					if err == nil {
						stream, err = nal.AppendAnnexB(stream, nil, later.Bytes)
					}
				}
				if err == nil {
					err = os.WriteFile(path, stream, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				got := frameHashes(string(run(t, "ffmpeg", "-v", "fatal", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")))
				// As many are shown before the key frame as frames before it in decoding order, and
				// those that follow it and are left out.
				if len(got) > len(c.frames)-first || len(got) < len(c.frames)-first-3 {
					t.Errorf("from frame %d on there are %d pictures, of %d frames", first, len(got), len(c.frames)-first)
				}
				c.checkEnd(t, got)
			}
			if keys < 4 {
				t.Errorf("%d key frames", keys)
			}
		})
	}
}

// checkEnd fails unless the pictures are the clip's last ones.
func (c *clip) checkEnd(t *testing.T, got []string) {
	t.Helper()
	for i, want := range c.hashes[len(c.hashes)-len(got):] {
		if got[i] != want {
			t.Fatalf("picture %d from the end is another one", len(got)-i)
		}
	}
}

// TestWithoutDisposableFrames has ffmpeg decode streams without the frames that no other one needs:
// all other pictures are as they were.
func TestWithoutDisposableFrames(t *testing.T) {
	for _, e := range []encoding{
		{"H.264", "320x240", "libx264", "28", "keyint=20:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0"},
		{"H.265", "320x240", "libx265", "28", "keyint=20:bframes=3:b-adapt=0:scenecut=0:log-level=none"},
		{"H.265, layers", "320x240", "libx265", "28", "keyint=20:bframes=3:b-adapt=0:scenecut=0:temporal-layers=3:log-level=none"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c := makeClip(t, e)
			var stream []byte
			left := 0
			for _, f := range c.frames {
				if f.Disposable {
					continue
				}
				left++
				var sets [][]byte
				if f.Key {
					sets = f.Params.ParameterSets
				}
				var err error
				if stream, err = nal.AppendAnnexB(stream, sets, f.Bytes); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(t.TempDir(), "left."+strings.ToLower(c.encodingName()))
			if err := os.WriteFile(path, stream, 0o600); err != nil {
				t.Fatal(err)
			}
			got := frameHashes(string(run(t, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")))
			if len(got) != left || left > 30 {
				t.Errorf("%d pictures of %d frames, of which %d were left", len(got), len(c.frames), left)
			}
			for at, i := 0, 0; i < len(got); i++ {
				for at < len(c.hashes) && c.hashes[at] != got[i] {
					at++
				}
				if at == len(c.hashes) {
					t.Fatalf("picture %d is another one", i)
				}
				at++
			}
		})
	}
}
