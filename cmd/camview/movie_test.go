//go:build players

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

// movieCase is a stream of pictures that ffmpeg makes, of 25 frames in a second.
type movieCase struct {
	file    string
	options []string
	step    int // of the picture order count
}

var movieCases = []movieCase{
	{"clip.h264", []string{"-c:v", "libx264", "-x264-params", "keyint=40:bframes=0"}, 2},
	{"clip.h264", []string{"-c:v", "libx264", "-x264-params", "keyint=250:bframes=3:b-pyramid=normal:b-adapt=0"}, 2},
	{"clip.h265", []string{"-c:v", "libx265", "-x265-params", "keyint=25:bframes=4:b-pyramid=1:log-level=none"}, 1},
	{"clip.mjpeg", []string{"-c:v", "mjpeg", "-q:v", "5", "-huffman", "default"}, 1},
}

const movieFrames = 100

// pictures makes the stream, as a viewer gets it.
func (c movieCase) pictures(t *testing.T) (path string, pictures []view.Frame) {
	t.Helper()
	path = filepath.Join(t.TempDir(), c.file)
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=25:size=320x240", "-frames:v", fmt.Sprint(movieFrames)}, c.options...)
	if out, err := exec.Command("ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	format := fileFormats[filepath.Ext(path)]
	if format == media.JPEG {
		for n := 0; len(data) > 0; n++ {
			length, err := jpeg.Length(data)
			if err != nil {
				t.Fatal(err)
			}
			pictures = append(pictures, view.Frame{Format: format, Key: true, Bytes: data[:length], Timestamp: uint32(3600*n - 100_000)})
			data = data[length:]
		}
		return path, pictures
	}
	assembler := h264.NewAssembler(1 << 20)
	if format == media.H265 {
		assembler = h265.NewAssembler(1 << 20)
	}
	stream := nal.NewStream(assembler)
	stream.Push(data)
	stream.End()
	base, most := 0, -1
	for {
		f, ok, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return path, pictures
		}
		if f.Key && stream.Order() == 0 {
			base = most + 1
		}
		shown := base + stream.Order()/c.step
		most = max(most, shown)
		pictures = append(pictures, view.Frame{
			Format: format, Params: f.Params, Key: f.Key, Bytes: bytes.Clone(f.Bytes), Timestamp: uint32(3600*shown - 100_000),
		})
	}
}

// movieHashes decodes a file, and returns its pictures' hashes and their times in 1/90000 s, those that are not
// a frame after the one before.
func movieHashes(t *testing.T, path string) (hashes, odd []string) {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-f", "framemd5", "-")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s", path, err, stderr.String())
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			if at := strings.TrimSpace(fields[2]); at != fmt.Sprint(3600*len(hashes)) {
				odd = append(odd, at)
			}
			hashes = append(hashes, strings.TrimSpace(fields[5]))
		}
	}
	return hashes, odd
}

// TestMovies writes streams to MP4: ffmpeg decodes each picture at its time, and as it decodes the stream's own.
// A file that is not ended has all but the last second.
func TestMovies(t *testing.T) {
	for i, c := range movieCases {
		t.Run(fmt.Sprint(i, " ", c.file), func(t *testing.T) {
			t.Parallel()
			path, pictures := c.pictures(t)
			want, _ := movieHashes(t, path)
			name := filepath.Join(t.TempDir(), "clip.mp4")
			m, err := newMovie(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range pictures {
				if err := m.write(pictures[i:i+1], "", false); err != nil {
					t.Fatal(err)
				}
			}
			killed, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.close(); err != nil {
				t.Fatal(err)
			}
			got, odd := movieHashes(t, name)
			if len(want) != movieFrames || !slices.Equal(got, want) || len(odd) > 0 {
				t.Errorf("%d pictures, want %d, or others; of other times: %v", len(got), len(want), odd)
			}
			cut := filepath.Join(t.TempDir(), "killed.mp4")
			if err := os.WriteFile(cut, killed, 0o666); err != nil {
				t.Fatal(err)
			}
			got, odd = movieHashes(t, cut)
			if n := len(got); n < movieFrames-30 || !slices.Equal(got, want[:n]) || len(odd) > 0 {
				t.Errorf("%d pictures of a movie that was not ended, or others; of other times: %v", n, odd)
			}
		})
	}
}
