//go:build players

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// These tests play files of H.264 and H.265 in real players: each picture that comes out is, bit by
// bit, the one that ffmpeg decodes from the file. A file that is played once begins with its reader, so
// by UDP and TCP all pictures are compared. A multicast group has no such moment: its file is played
// again and again, and a player is compared from where it begins.

// coding is what the encoder is told.
type coding struct{ name, source, encoder, options string }

const cardsOf320 = "testsrc2=rate=25:size=320x240"

// codings are pictures of five seconds. The first picture of "large IDR pictures" has noise that those
// after it repeat. H.265's groups are closed where there are slices: of a picture that ffmpeg skips
// after an open group's beginning, it takes all slices but the first for errors.
var codings = []coding{
	{"baseline", cardsOf320, "libx264", "keyint=25:bframes=0:cabac=0:ref=1:8x8dct=0:weightp=0"},
	{"high, four slices", cardsOf320, "libx264", "keyint=50:bframes=0:slices=4"},
	{"CABAC, one long group", cardsOf320, "libx264", "keyint=250:bframes=0"},
	{"large IDR pictures", "testsrc2=rate=25:size=640x480,noise=alls=90", "libx264", "keyint=50:bframes=0:crf=14"},
	{"B-frames", cardsOf320, "libx264", "keyint=50:bframes=3:b-pyramid=normal:b-adapt=0"},
	{"H.265, open groups", cardsOf320, "libx265", "keyint=25:bframes=3:log-level=none"},
	{"H.265, slices, B-frames", cardsOf320, "libx265", "keyint=16:bframes=3:slices=3:ctu=16:open-gop=0:log-level=none"},
}

const codedFrames = 125

// coded is such a file.
type coded struct {
	format media.Format
	path   string
	hashes []string // of its pictures
}

func (c *coded) extension() string { return strings.TrimPrefix(filepath.Ext(c.path), ".") }

func makeCoded(t *testing.T, e coding, frames int) *coded {
	t.Helper()
	c := &coded{format: media.H264, path: filepath.Join(t.TempDir(), "clip.h264")}
	if e.encoder == "libx265" {
		c.format, c.path = media.H265, filepath.Join(t.TempDir(), "clip.h265")
	}
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", e.source, "-frames:v", fmt.Sprint(frames), "-c:v", e.encoder,
		"-preset", "veryfast", "-"+strings.TrimPrefix(e.encoder, "lib")+"-params", e.options, "-pix_fmt", "yuv420p", c.path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if c.hashes, err = decode(c.path, nil); err != nil || len(c.hashes) != frames {
		t.Fatalf("%d pictures, want %d: %v", len(c.hashes), frames, err)
	}
	return c
}

// decode returns the hashes of the pictures of a file, or of data if the file is "pipe:0".
func decode(file string, data []byte) ([]string, error) {
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", file, "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		return nil, fmt.Errorf("decoding: %v\n%s", err, stderr.String())
	}
	return pictureHashes(string(out)), nil
}

// hungUp is what GStreamer, having got its end of the stream, now and then says on a busy machine: one of its threads
// has closed the connection before another one sends PAUSE. By strace it was GStreamer that closed first, in 3 of 12
// runs, and the daemon 0.1 to 2 ms later.
var hungUp = regexp.MustCompile(`ERROR: from element \S+rtspsrc0: Could not write to resource\.\nAdditional debug info:\n\S+ gst_rtspsrc_(try_send|pause) \(\): \S+\nCould not send message\. \(Received end-of-file\)\n`)

// ended is what ffmpeg says when a response ends whose length was not told, whatever its header says.
var ended = regexp.MustCompile(`\[http @ \S+\] Stream ends prematurely at \d+, should be 18446744073709551615\n|http:\S+: Input/output error\n|    Last message repeated \d+ times\n`)

// runPlayer runs a player that ends by itself, at the latest when the server does, and returns what it
// writes. That it complains is an error. If the stream has begun before, ffmpeg may miss what H.265's first
// frames need.
func runPlayer(args []string, begun bool) ([]byte, error) {
	cmd := exec.Command("timeout", append([]string{"-k", "2", "40"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	said := hungUp.ReplaceAllString(stderr.String(), "")
	if strings.Contains(said, "Stream ends prematurely") {
		said = ended.ReplaceAllString(said, "")
	}
	if said != stderr.String() && cmd.ProcessState.ExitCode() == 1 {
		err = nil
	}
	complaints := slices.DeleteFunc(strings.Split(strings.TrimSpace(said), "\n"), func(line string) bool {
		return line == "" || begun && (strings.Contains(line, "Could not find ref with POC") || strings.Contains(line, "Last message repeated"))
	})
	if err != nil || len(complaints) > 0 {
		return nil, fmt.Errorf("%q: %v\n%s", args, err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// playCoded has a player play a stream by one of the transports, and compares its pictures.
func (c *coded) playCoded(player, transport, url string) error {
	isMulticast := transport == "multicast"
	var got []string
	if player == "ffmpeg" {
		args := []string{"-nostdin", "-v", "error", "-timeout", "5000000",
			"-rtsp_transport", strings.Replace(transport, "multicast", "udp_multicast", 1), "-i", url, "-fps_mode", "passthrough"}
		if isMulticast {
			args = append(args, "-frames:v", fmt.Sprint(codedFrames+20))
		}
		out, err := runPlayer(append([]string{"ffmpeg"}, append(args, "-f", "framemd5", "-")...), isMulticast)
		if err != nil {
			return err
		}
		got = pictureHashes(string(out))
	} else {
		pipeline := fmt.Sprintf("rtspsrc location=%s protocols=%s tls-validation-flags=0 ! rtp%sdepay ! video/x-%[3]s,stream-format=byte-stream,alignment=au",
			url, strings.Replace(transport, "multicast", "udp-mcast", 1), c.extension())
		if isMulticast {
			// It may begin in the middle of a group.
			pipeline += fmt.Sprintf(" ! identity eos-after=%d", codedFrames+60)
		}
		out, err := runPlayer(strings.Fields("gst-launch-1.0 -q "+pipeline+" ! fdsink fd=1"), isMulticast)
		if err != nil {
			return err
		}
		if out, err = c.fromKeyFrame(out); err != nil {
			return err
		}
		if got, err = decode("pipe:0", out); err != nil {
			return err
		}
		if isMulticast { // some of the last ones may be shown after one that was not awaited
			got = got[:max(len(got)-4, 0)]
		}
	}
	return c.check(got, isMulticast)
}

// assembler makes frames of the clip's units.
func (c *coded) assembler() *nal.Assembler {
	if c.format == media.H265 {
		return h265.NewAssembler(1 << 20)
	}
	return h264.NewAssembler(1 << 20)
}

// fromKeyFrame returns a stream of the clip's format from its first key frame on.
func (c *coded) fromKeyFrame(data []byte) ([]byte, error) {
	stream := nal.NewStream(c.assembler())
	stream.Push(data)
	stream.End()
	var out []byte
	for {
		frame, ok, err := stream.Next()
		if err != nil || !ok {
			return out, err
		}
		var sets [][]byte
		if frame.Key {
			sets = frame.Params.ParameterSets
		} else if out == nil {
			continue
		}
		if out, err = nal.AppendAnnexB(out, sets, frame.Bytes); err != nil {
			return nil, err
		}
	}
}

// check compares pictures with the clip's: all of them, or, of a clip that is played again and again,
// as many in a row.
func (c *coded) check(got []string, again bool) error {
	first := 0
	if again {
		// What comes before the first key frame lacks what it needs.
		begin := max(slices.IndexFunc(got, func(hash string) bool { return slices.Contains(c.hashes, hash) }), 0)
		if got = got[begin:]; len(got) > 0 {
			first = slices.Index(c.hashes, got[0])
		}
	}
	switch {
	case first < 0:
		return errors.New("no picture is one of the clip's")
	case !again && len(got) != len(c.hashes) || len(got) < len(c.hashes):
		return fmt.Errorf("%d pictures, want %d", len(got), len(c.hashes))
	}
	for i, hash := range got {
		if hash != c.hashes[(first+i)%len(c.hashes)] {
			return fmt.Errorf("picture %d of %d is another one than the clip's number %d", i, len(got), (first+i)%len(c.hashes))
		}
	}
	return nil
}

// TestPlayersOfCoded combines codings, transports and players pairwise.
func TestPlayersOfCoded(t *testing.T) {
	for i, e := range codings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c := makeCoded(t, e, codedFrames)
			d := startDaemon(t, "--send", fmt.Sprintf("multicast=udp://239.255.12.40:%d?iface=lo", 15400+4*i),
				"udp="+c.path, "tcp="+c.path, "multicast="+c.path+"?loop=1")
			var players sync.WaitGroup
			for j, transport := range []string{"udp", "tcp", "multicast"} {
				player := []string{"ffmpeg", "gstreamer"}[(i+j)%2]
				players.Go(func() {
					if err := c.playCoded(player, transport, strings.TrimSuffix(d.url(), "udp")+transport); err != nil {
						t.Errorf("%s by %s: %v", player, transport, err)
					}
				})
			}
			players.Wait()
			if t.Failed() {
				d.stop()
				t.Logf("camcast says:\n%s", d.stderr)
			}
		})
	}
}
