package bytestream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"golang.org/x/sys/unix"
)

// stage is a session that reads a pipe, on a host whose clock is the test's.
type stage struct {
	t       testing.TB
	host    *capturetest.Host
	session *Session
	source  *Source
	write   int // the pipe's other end
	over    []error
	reads   int // how often there was something to read
}

// capture.Source, so that the host can open it.
func (s *stage) Open(host capture.Host) {}
func (s *stage) Close() error           { s.session.Stop(); return nil }
func (s *stage) Describe() capture.Description {
	return s.source.Describe()
}
func (s *stage) Figures() capture.Figures { return s.source.Figures() }

func newStage(t testing.TB, o Options) *stage {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, host: capturetest.NewHost(t), write: p[1]}
	t.Cleanup(func() {
		s.hangUp()
		_ = unix.Close(p[0])
	})
	s.host.Readable = func(fd int) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(fds, 0)
		if n > 0 {
			s.reads++
		}
		return n > 0
	}
	var err error
	if s.source, err = NewSource(o); err != nil {
		t.Fatal(err)
	}
	s.host.Open(s)
	if s.session, err = s.source.Read(s.host, p[0], false, func() {}, func(err error) { s.over = append(s.over, err) }); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) hangUp() {
	if s.write >= 0 {
		_ = unix.Close(s.write)
	}
	s.write = -1
}

// send writes to the pipe, and has what fits be read.
func (s *stage) send(data []byte) {
	s.t.Helper()
	for len(data) > 0 {
		n, err := unix.Write(s.write, data)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			s.t.Fatal(err)
		}
		data = data[max(n, 0):]
		s.host.RunFor(0)
	}
}

// units are the frames of a clip, each with start codes and its parameter sets, if it is a key frame.
func units(t testing.TB, file string) (frames [][]byte) {
	t.Helper()
	d := NewDemuxer(Auto, 1<<20, func(f media.Frame, _ int, _ bool) {
		var sets [][]byte
		if f.Key {
			sets = f.Params.ParameterSets
		}
		b, err := nal.AppendAnnexB(nil, sets, f.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b)
	})
	if err := d.Push(load(t, file), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := d.End(time.Hour); err != nil {
		t.Fatal(err)
	}
	return frames
}

// TestSilenceEndsAFrame sends frames without lengths: each is known half a frame later, when nothing more
// comes.
func TestSilenceEndsAFrame(t *testing.T) {
	s := newStage(t, Options{FramesPerSecond: 20})
	for i, frame := range units(t, "nal/testdata/baseline.h264")[:10] {
		sent := s.host.Now()
		s.send(frame)
		s.host.RunFor(24 * time.Millisecond)
		if len(s.host.Frames) != i {
			t.Fatalf("%d frames 24 ms after frame %d was sent", len(s.host.Frames), i)
		}
		s.host.RunFor(2 * time.Millisecond)
		if len(s.host.Frames) != i+1 || s.host.Frames[i].Captured != sent {
			t.Fatalf("%d frames 26 ms after frame %d was sent at %v: %+v", len(s.host.Frames), i, sent, s.host.Frames)
		}
		s.host.RunFor(24 * time.Millisecond)
	}
	if d := s.source.Describe(); d.Params.FramesPerSecond != 20 || d.Coding != "H.264" {
		t.Errorf("%+v, %+v", d, d.Params)
	}
}

// TestPauseWithinAFrame has a program pause in the middle of frames: what depends on the frame that was
// taken for whole is dropped, and longer pauses are waited for from then on.
func TestPauseWithinAFrame(t *testing.T) {
	s := newStage(t, Options{FramesPerSecond: 20})
	frames := units(t, "nal/testdata/baseline.h264")
	second := 1 + slices.IndexFunc(frames[1:], func(f []byte) bool { return f[4]&31 == 7 })
	if second == 0 {
		frames = append(frames, frames...)
		second = len(frames) / 2
	}
	for _, frame := range frames[:second+5] {
		half := len(frame) / 2
		s.send(frame[:half])
		s.host.RunFor(30 * time.Millisecond)
		s.send(frame[half:])
		s.host.RunFor(60 * time.Millisecond)
	}
	got := s.source.Figures()
	if got.Broken == 0 || got.Frames < 4 {
		t.Errorf("%+v", got)
	}
	last := s.host.Frames[len(s.host.Frames)-1]
	if b, err := nal.AppendAnnexB(nil, nil, last.Bytes); err != nil || !bytes.HasSuffix(frames[second+4], b[4:]) {
		t.Errorf("the last frame is not as it was sent: %v", err)
	}
}

// TestLengthsNeedNoSilence wants frames whose length is known at once.
func TestLengthsNeedNoSilence(t *testing.T) {
	for file, frames := range map[string]int{"flv/testdata/h264.flv": 8, "multipart/testdata/ffmpeg.multipart": 3, "mjpeg": 6} {
		s := newStage(t, Options{})
		s.send(load(t, file))
		if len(s.host.Frames) != frames {
			t.Errorf("%s: %d frames at once, want %d", file, len(s.host.Frames), frames)
		}
		if s.host.Timers() != 0 {
			t.Errorf("%s: %d timers are set", file, s.host.Timers())
		}
	}
}

// sorenson is what ffmpeg's FLV has if it is not told another codec.
var sorenson = []byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x84\x00")

// TestEnd delivers what is left at the end.
func TestEnd(t *testing.T) {
	for _, test := range []struct {
		data   []byte
		frames int
		want   string
	}{
		{load(t, "mpegts/testdata/h264.ts"), 8, "EOF"},
		{nil, 0, "EOF"},
		{sorenson, 0, "malformed FLV: neither H.264 nor H.265, but Sorenson H.263; have the program encode H.264, as by ffmpeg's -c:v libx264 -tune zerolatency"},
		{[]byte("hello"), 0, "its first bytes, 68 65 6c 6c 6f, begin none of MJPEG, multipart, H.264 or H.265 with start codes, FLV, MPEG-TS; format=NAME says which one it is"},
		{slices.Concat(load(t, "flv/testdata/h264.flv"), []byte("hello, world")), 8, "malformed FLV: no tag where one should begin"},
	} {
		s := newStage(t, Options{})
		s.send(test.data)
		s.hangUp()
		s.host.RunFor(0)
		if got := fmt.Sprint(s.over); len(s.host.Frames) != test.frames || got != "["+test.want+"]" {
			t.Errorf("%d frames and %s, want %d and %s", len(s.host.Frames), got, test.frames, test.want)
		}
		if s.host.RunFor(time.Minute); len(s.over) != 1 || s.host.Timers() != 0 {
			t.Errorf("it goes on: %v", s.over)
		}
	}
}

// TestStop closes the source within its reports, and gets no more.
func TestStop(t *testing.T) {
	s := newStage(t, Options{})
	s.host.OnReport = func(string) { s.host.Close() }
	s.send(load(t, "flv/testdata/h264.flv"))
	if len(s.host.Frames) != 0 || len(s.host.Reports) != 1 {
		t.Errorf("closed when it was live: %d frames, %q", len(s.host.Frames), s.host.Reports)
	}
	s = newStage(t, Options{})
	s.host.OnFrame = func(media.Frame) { s.host.Close() }
	s.send(load(t, "flv/testdata/h264.flv"))
	if len(s.host.Frames) != 1 {
		t.Errorf("closed with its first frame: %d frames", len(s.host.Frames))
	}
}

// TestParamsGoOn keeps the parameters of a source that is opened again, and raises their version when they change.
func TestParamsGoOn(t *testing.T) {
	source, err := NewSource(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var versions []uint32
	for _, file := range []string{"flv/testdata/h264.flv", "flv/testdata/h264.flv", "mjpeg"} {
		s := newStage(t, Options{})
		s.session.source, s.source = source, source
		s.send(load(t, file))
		versions = append(versions, source.params.Version)
	}
	if !slices.Equal(versions, []uint32{0, 0, 1}) || source.Describe().Coding != "JPEG" || source.Figures().Frames != 22 {
		t.Errorf("versions %v, %+v, %+v", versions, source.Describe(), source.Figures())
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Format: "mp4"}, {FramesPerSecond: 0.001}, {FramesPerSecond: 1001}, {FramesPerSecond: -1}, {MaxFrame: 5}} {
		if _, err := NewSource(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// TestInletFails reports what the system says.
func TestInletFails(t *testing.T) {
	h := capturetest.NewHost(t)
	h.FailWatch = errors.New("no")
	if _, err := OpenInlet(h, 0, false, nil, nil); !errors.Is(err, h.FailWatch) {
		t.Errorf("%v", err)
	}
	h.FailWatch = nil
	var got error
	i, err := OpenInlet(h, -1, false, func([]byte) {}, func(err error) { got = err })
	if err != nil {
		t.Fatal(err)
	}
	h.CallReady()
	if i.Stop(); !errors.Is(got, unix.EBADF) || errors.Is(got, io.EOF) {
		t.Errorf("%v", got)
	}
}

var _ capture.Source = (*stage)(nil)
