//go:build players

package main

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// shownFrame is a frame, and which of the clip's pictures it is.
type shownFrame struct {
	media.Frame
	picture int
}

// shown are the clip's frames, in the order of decoding.
func (c *coded) shown(t *testing.T) (frames []shownFrame) {
	t.Helper()
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if c.format == media.H264 {
		step = 2
	}
	stream := nal.NewStream(c.assembler())
	stream.Push(data)
	stream.End()
	base, most := 0, -1
	for {
		f, ok, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return frames
		}
		if f.Key && stream.Order() == 0 {
			base = most + 1
		}
		picture := base + stream.Order()/step
		most = max(most, picture)
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, shownFrame{f, picture})
	}
}

// TestThinnedCodedIsWhole decodes what is left of streams with B-frames that others need, and of open groups, when
// frames are not sent: each picture is as it is in the whole stream, and nothing is missed.
func TestThinnedCodedIsWhole(t *testing.T) {
	for _, e := range []coding{codings[4], codings[5]} {
		c := makeCoded(t, e, codedFrames)
		frames := c.shown(t)
		second := 1 + slices.IndexFunc(frames[1:], func(f shownFrame) bool { return f.Key })
		begun := false
		var chain264 h264.Chain
		var chain265 h265.Chain
		lacks, missing := false, 0
		for name, isSent := range map[string]func(i int, f shownFrame) bool{
			"all":                    func(int, shownFrame) bool { return true },
			"those that others need": func(_ int, f shownFrame) bool { return !f.Disposable },
			"key frames":             func(_ int, f shownFrame) bool { return f.Key },
			"those that can be decoded when each seventh does not come": func(i int, f shownFrame) bool {
				if i%7 == 3 {
					missing = 1
					return false
				}
				whole := false
				if c.format == media.H265 {
					whole = chain265.Next(&f.Frame)
				} else {
					whole = chain264.Next(&f.Frame, h264.Arrival{Timestamp: uint32(3600 * f.picture), Packets: 1, Missing: missing})
				}
				lacks, missing = !whole || lacks && !f.Key, 0
				return !lacks
			},
			"from the second key frame": func(i int, f shownFrame) bool {
				begun = i > second && (begun || f.Key)
				return i >= second && (begun || !f.Leading)
			},
		} {
			var stream []byte
			var pictures []int
			for i, f := range frames {
				if !isSent(i, f) {
					continue
				}
				var sets [][]byte
				if f.Key {
					sets = f.Params.ParameterSets
				}
				var err error
				if stream, err = nal.AppendAnnexB(stream, sets, f.Bytes); err != nil {
					t.Fatal(err)
				}
				pictures = append(pictures, f.picture)
			}
			if name != "all" && len(pictures) == len(frames) || len(pictures) < 3 {
				t.Errorf("%s, %s: %d of %d pictures are sent", e.name, name, len(pictures), len(frames))
			}
			got, err := decode("pipe:0", stream)
			if err != nil {
				t.Errorf("%s, %s: %v", e.name, name, err)
				continue
			}
			slices.Sort(pictures)
			if len(got) != len(pictures) {
				t.Errorf("%s, %s: %d pictures, want %d", e.name, name, len(got), len(pictures))
				continue
			}
			for i, n := range pictures {
				if got[i] != c.hashes[n] {
					t.Errorf("%s, %s: picture %d is another one than number %d", e.name, name, i, n)
					break
				}
			}
		}
	}
}
