//go:build players

package rtp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// encoding is what ffmpeg is told.
type encoding struct {
	name, size, encoder string
	// crf is the quality: lower is better, and larger.
	crf, options string
}

// encodings are what players are sent: two seconds each, made by ffmpeg.
var encodings = []encoding{
	{"baseline", "320x240", "libx264", "28", "keyint=25:bframes=0:cabac=0:ref=1:8x8dct=0:weightp=0"},
	{"high, long groups", "320x240", "libx264", "28", "keyint=250:bframes=0"},
	{"four slices", "320x240", "libx264", "20", "keyint=12:bframes=0:slices=4"},
	{"small slices", "320x240", "libx264", "24", "keyint=12:bframes=0:slice-max-size=700:aud=1"},
	{"B-frames", "320x240", "libx264", "24", "keyint=20:bframes=3:b-pyramid=normal:b-adapt=0"},
	{"gradual refresh", "320x240", "libx264", "28", "keyint=20:intra-refresh=1:bframes=0"},
	{"fields", "320x240", "libx264", "28", "keyint=20:tff=1:bframes=0"},
	{"large IDR pictures", "1280x720", "libx264", "4", "keyint=25:bframes=0"},
	{"H.265", "320x240", "libx265", "28", "keyint=25:bframes=0:log-level=none"},
	{"H.265, slices, B-frames", "320x240", "libx265", "20", "keyint=16:bframes=3:slices=3:ctu=16:log-level=none"},
}

// clip is an encoding, and what it decodes to.
type clip struct {
	format        media.Format
	width, height int
	frames        []media.Frame
	hashes        []string // of the pictures, as they are shown
}

func makeClip(t *testing.T, e encoding) *clip {
	t.Helper()
	c := &clip{format: media.H264}
	extension, private := ".h264", "-x264-params"
	if e.encoder == "libx265" {
		c.format, extension, private = media.H265, ".h265", "-x265-params"
	}
	if _, err := fmt.Sscanf(e.size, "%dx%d", &c.width, &c.height); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clip"+extension)
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=25:size="+e.size, "-frames:v", "50",
		"-c:v", e.encoder, "-preset", "veryfast", "-crf", e.crf, private, e.options, "-pix_fmt", "yuv420p", path)
	c.hashes = frameHashes(string(run(t, "ffmpeg", "-v", "fatal", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := nal.NewStream(assemblerOf(c.format))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		f.Bytes = bytes.Clone(f.Bytes)
		c.frames = append(c.frames, f)
	}
	if len(c.hashes) != 50 || len(c.frames) < 50 {
		t.Fatalf("%d pictures of %d frames, want 50", len(c.hashes), len(c.frames))
	}
	return c
}

// run runs a program and returns what it writes, and no error line may be among it.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("timeout", append([]string{"60", name}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.String())
	}
	return out
}

// frameHashes reads the lines of ffmpeg's framemd5.
func frameHashes(text string) (hashes []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			hashes = append(hashes, strings.TrimSpace(fields[5]))
		}
	}
	return hashes
}

// packets lays the clip out, as if it were played n times, and calls send with each frame's packets.
func (c *clip) packets(t *testing.T, n int, send func(packets *rtp.Packets) bool) {
	t.Helper()
	p, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: c.format, PayloadType: 96, SSRC: 7, FirstSequence: 65500, PacketSize: 1200, RunPackets: 32})
	if err != nil {
		t.Fatal(err)
	}
	var buffer []byte
	for i := range n * len(c.frames) {
		// Presentation times do not matter to hashes, as long as they grow from picture to picture.
		packets, err := p.Packetize(buffer, &c.frames[i%len(c.frames)], uint32(i*3600))
		if err != nil {
			t.Fatal(err)
		}
		buffer = packets.Bytes
		if !send(&packets) {
			return
		}
	}
}

func (c *clip) encodingName() string {
	if c.format == media.H265 {
		return "H265"
	}
	return "H264"
}

// TestPlayersDecode has ffmpeg and GStreamer put the packets together: each picture is as it was.
func TestPlayersDecode(t *testing.T) {
	for _, e := range encodings {
		t.Run(e.name, func(t *testing.T) {
			c := makeClip(t, e)
			t.Run("GStreamer", c.throughGStreamer)
			t.Run("ffmpeg", c.throughFFmpeg)
		})
	}
}

// throughGStreamer has GStreamer make a stream of the packets again.
func (c *clip) throughGStreamer(t *testing.T) {
	// RFC 4571: each packet behind its length.
	var stream []byte
	packets, runs := 0, 0
	c.packets(t, 1, func(p *rtp.Packets) bool {
		for n := range p.Count {
			stream = binary.BigEndian.AppendUint16(stream, uint16(len(p.Packet(n))))
			stream = append(stream, p.Packet(n)...)
		}
		packets, runs = packets+p.Count, runs+p.Runs()
		return true
	})
	t.Logf("%d packets in %d runs, of %d frames", packets, runs, len(c.frames))
	folder, name := t.TempDir(), strings.ToLower(c.encodingName())
	in, out := filepath.Join(folder, "in"), filepath.Join(folder, "out."+name)
	if err := os.WriteFile(in, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "gst-launch-1.0", "-q", "filesrc", "location="+in, "!",
		"application/x-rtp-stream,media=video,clock-rate=90000,encoding-name="+c.encodingName(), "!", "rtpstreamdepay", "!",
		"rtp"+name+"depay", "!", "video/x-"+name+",stream-format=byte-stream,alignment=au", "!", "filesink", "location="+out)
	c.check(t, frameHashes(string(run(t, "ffmpeg", "-v", "error", "-i", out, "-fps_mode", "passthrough", "-f", "framemd5", "-"))))
}

// check fails unless the pictures are the clip's.
func (c *clip) check(t *testing.T, got []string) {
	t.Helper()
	if len(got) < len(c.hashes) {
		t.Fatalf("%d pictures, want %d", len(got), len(c.hashes))
	}
	for i, want := range c.hashes {
		if got[i] != want {
			t.Fatalf("picture %d is another one", i)
		}
	}
}

// throughFFmpeg sends ffmpeg the packets by UDP.
func (c *clip) throughFFmpeg(t *testing.T) {
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().(*net.UDPAddr)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	fmtp := h264.FormatParameters(c.frames[0].Params.ParameterSets)
	if c.format == media.H265 {
		fmtp = h265.FormatParameters(c.frames[0].Params.ParameterSets)
	}
	sdp := filepath.Join(t.TempDir(), "clip.sdp")
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video %d RTP/AVP 96\r\na=rtpmap:96 %s/90000\r\na=fmtp:96 %s\r\n",
		address.Port, c.encodingName(), fmtp)
	if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("timeout", "40", "ffmpeg", "-v", "error", "-protocol_whitelist", "file,udp,rtp", "-buffer_size", "8000000",
		"-probesize", "10000000", "-i", sdp, "-fps_mode", "passthrough", "-frames:v", "50", "-f", "framemd5", "-")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := c.send(t, address, ended); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	c.check(t, frameHashes(stdout.String()))
}

// send sends the clip to an address, again and again until the player there ends, from when its
// port is open.
func (c *clip) send(t *testing.T, to *net.UDPAddr, ended <-chan error) (err error) {
	t.Helper()
	conn, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	done := false
	wait := func() bool {
		select {
		case err = <-ended:
			done = true
		case <-tick.C:
		}
		return !done
	}
	// While the port is closed, each second write fails.
	for open := 0; open < 4 && wait(); {
		if open++; func() error { _, err := conn.Write([]byte{0}); return err }() != nil {
			open = 0
		}
	}
	c.packets(t, 40, func(p *rtp.Packets) bool {
		for n := range p.Count {
			if n%30 == 29 && !wait() { // players' buffers are small
				return false
			}
			if _, err := conn.Write(p.Packet(n)); err != nil && !done {
				continue // it is about to end
			}
		}
		return wait()
	})
	if !done {
		err = <-ended
	}
	return err
}
