//go:build adapt

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

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// The stream of H.264: groups of two seconds, each picture of which needs the one before.
const (
	h264GroupFrames = 60
	h264ClipGroups  = 5
	h264GroupTicks  = h264GroupFrames * rtp.ClockHz / adaptRate
)

// netUnits is what a reader of H.264 makes of the packets.
type netUnits struct {
	*rtp.NALDepacketizer
	chain h264.Chain
	alone int // frames that came without one that they need
	// kept has frames kept, which are those of a reader that is looked at.
	kept   bool
	frames []netFrame
}

// netFrame is a frame that came whole. follows: no frame that it needs is missing before it.
type netFrame struct {
	timestamp    uint32
	frame        media.Frame
	key, follows bool
}

func (u *netUnits) push(p []byte) (complete bool, err error) {
	f, complete, err := u.Push(p)
	if !complete {
		return false, err
	}
	follows := u.chain.Next(&f, h264.Arrival{Timestamp: u.Timestamp(), Packets: u.Packets(), Missing: u.Missing()}) || !u.Gap()
	if !follows {
		u.alone++
	}
	if u.kept {
		f.Bytes = bytes.Clone(f.Bytes)
		u.frames = append(u.frames, netFrame{u.Timestamp(), f, f.Key, follows})
	}
	return true, err
}

// joinH264From is joinFrom for a stream of H.264.
func joinH264From(t *testing.T, namespace, host string, port int, kept bool) *netReader {
	t.Helper()
	r := &netReader{units: &netUnits{NALDepacketizer: rtp.NewNALDepacketizer(media.H264, 1<<20), kept: kept}}
	return r.join(t, namespace, host, port)
}

// unitsOutsideTrials returns what came whole from a timestamp on, but in trials of a higher rate and the
// second after each, and how many frames did not come whole there. Outside trials the reader is sent key
// frames alone, a group apart.
func (r *netReader) unitsOutsideTrials(from uint32) (came []netFrame, lost, tried int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	touched := since(r.touched, from)
	whole := map[uint32]netFrame{}
	for _, f := range r.units.frames {
		whole[f.timestamp] = f
	}
	trial := from - rtp.ClockHz - 1
	for i, t := range touched[:max(len(touched)-1, 0)] { // the last may still be coming
		if touched[i+1]-t < h264GroupTicks/2 {
			trial = touched[i+1]
		}
		f, ok := whole[t]
		switch {
		case int32(t-trial) <= rtp.ClockHz:
			tried++
		case ok:
			came = append(came, f)
		default:
			lost++
		}
	}
	return came, lost, tried
}

// TestSlowReaderOfH264InANetwork has a link carry a third of the rate of a stream whose frames depend on
// each other: what the reader decodes is right, but in trials, and it is sent all again when the link
// carries all.
func TestSlowReaderOfH264InANetwork(t *testing.T) {
	t.Parallel() // it has networks of its own, and waits for most of its time
	for _, program := range []string{"tc", "ffmpeg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	clip := makeNetClip(t)
	n := makeForkedNetwork(t)
	var d *daemon
	if err := rig.Within(n.sender, func() error {
		d = startDaemon(t, "--rtsp", senderHost+":8554", "--rtp", senderHost+":5004", fmt.Sprintf("%s?fps=%d&loop=1", clip.path, adaptRate))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var healthy []*netReader
	for i := range adaptHealthy {
		healthy = append(healthy, joinH264From(t, n.near, nearHost, 6000+2*i, false))
	}
	slow := joinH264From(t, n.slow, slowHost, 6000, true)
	healthy[0].await(t, h264GroupFrames)
	rate := clip.bytes * 8 * adaptRate / len(clip.hashes)

	n.slowDown(rate / 3)
	healthy[0].await(t, 14*adaptRate) // two reports, and ten seconds
	if line := d.thinned(); !strings.Contains(line, "1 reader now") {
		t.Errorf("14 s after the link became slow: %s", line)
	}
	clip.mustBeRight(t, slow, healthy[0], rate)

	n.recover()
	recovered := 0
	// A trial is a group, two seconds.
	for seconds := 4; seconds <= 60 && recovered == 0; seconds += 4 {
		from := healthy[0].newest()
		healthy[0].await(t, 4*adaptRate)
		if lost, sent := slow.lostSince(from); lost == 0 && sent >= 4*adaptRate-2 {
			recovered = seconds
		}
	}
	t.Logf("at the full rate for four seconds %d s after the link's recovery", recovered)
	if line := d.thinned(); recovered == 0 || !strings.Contains(line, "0 readers now") {
		t.Errorf("not at the full rate in a minute: %s", line)
	}
	for i, r := range healthy {
		r.mustHaveAll(t, i)
	}
	if !t.Failed() {
		t.Logf("%d healthy readers have had all of %d frames", len(healthy), len(healthy[0].frames()))
	}
}

// mustHaveAll fails if a healthy reader has lost anything, or has a frame without one that it needs.
func (r *netReader) mustHaveAll(t *testing.T, i int) {
	t.Helper()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.reception.Lost() != 0 || r.units.Dropped > 0 || r.units.alone > 0 || r.err != nil {
		t.Errorf("healthy reader %d has lost %d packets, %d frames, and has %d without those they need: %v", i, r.reception.Lost(), r.units.Dropped, r.units.alone, r.err)
	}
}

// mustBeRight watches the slow reader for eight groups, a trial among them.
func (c *netClip) mustBeRight(t *testing.T, slow, reference *netReader, rate int) {
	t.Helper()
	from := reference.newest()
	reference.await(t, 8*h264GroupFrames)
	came, lost, tried := slow.unitsOutsideTrials(from)
	var stream []byte
	var want []string
	for _, f := range came {
		if !f.follows {
			t.Errorf("a frame came without one that it needs")
		}
		index, ok := c.index[string(f.frame.Bytes)]
		if !ok {
			t.Fatal("a frame came that is none of the clip's")
		}
		var sets [][]byte
		if f.key {
			sets = f.frame.Params.ParameterSets
		}
		var err error
		if stream, err = nal.AppendAnnexB(stream, sets, f.frame.Bytes); err != nil {
			t.Fatal(err)
		}
		want = append(want, c.hashes[index])
	}
	t.Logf("a link of %d kbit/s, a third of the rate: from 14 s on %d frames have come and %d are lost in 16 s, besides %d in trials", rate/3000, len(came), lost, tried)
	if lost > 0 || len(came) < 3 {
		t.Fatalf("%d frames came and %d are lost outside trials, want at least 3 and none", len(came), lost)
	}
	path := filepath.Join(t.TempDir(), "came.h264")
	if err := os.WriteFile(path, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := hashesOf(t, path); !slices.Equal(got, want) {
		t.Errorf("%d pictures are decoded of %d frames, and are not the right ones", len(got), len(want))
	}
}

// netClip is a file of H.264, with the hash of each picture, and the frames' indexes by what is in them.
type netClip struct {
	path   string
	bytes  int
	hashes []string
	index  map[string]int
}

func makeNetClip(t *testing.T) *netClip {
	t.Helper()
	c := &netClip{path: filepath.Join(t.TempDir(), "clip.h264"), index: map[string]int{}}
	options := fmt.Sprintf("keyint=%d:min-keyint=%d:scenecut=0:bframes=0:ref=1", h264GroupFrames, h264GroupFrames)
	// Noise that stands still, with something moving before it: the frames are about as large as a camera's, 5 and
	// 40 packets.
	const pictures = "color=gray:size=640x480:rate=%[1]d,noise=alls=8:all_seed=7,trim=end_frame=1,loop=-1:1:0,setpts=N/%[1]d/TB[still];" +
		"testsrc2=rate=%[1]d:size=560x420[moving];[still][moving]overlay=40:40:shortest=1"
	ffmpeg(t, "-filter_complex", fmt.Sprintf(pictures, adaptRate), "-frames:v", fmt.Sprint(h264ClipGroups*h264GroupFrames), "-r", fmt.Sprint(adaptRate),
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-x264-params", options, "-pix_fmt", "yuv420p", c.path)
	c.hashes = hashesOf(t, c.path)
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	c.bytes = len(data)
	s := nal.NewStream(h264.NewAssembler(1 << 20))
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
		c.index[string(f.Bytes)] = len(c.index)
	}
	if len(c.index) != h264ClipGroups*h264GroupFrames || len(c.hashes) != len(c.index) {
		t.Fatalf("%d pictures of %d different frames, want %d", len(c.hashes), len(c.index), h264ClipGroups*h264GroupFrames)
	}
	return c
}

// hashesOf decodes a file, and returns the hash of each picture.
func hashesOf(t *testing.T, path string) []string {
	t.Helper()
	return pictureHashes(string(ffmpeg(t, "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")))
}
