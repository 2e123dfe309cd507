package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// jpegs is one picture.
func jpegs(text string) []view.Frame {
	return []view.Frame{{Format: media.JPEG, Bytes: []byte(text), Key: true}}
}

// writeAll offers pictures to a sink of an output and closes it.
func writeAll(t *testing.T, o output, pictures ...string) (failed error) {
	t.Helper()
	var errs = make(chan error, 1)
	s := newSink(o, len(pictures), 0, func(err error) { errs <- err })
	for _, p := range pictures {
		if !s.picture(jpegs(p), "") {
			t.Fatal("the queue is full too early")
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	select {
	case failed = <-errs:
	default:
	}
	return failed
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestClip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "clip.mjpeg")
	c, err := newClip(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAll(t, c, "one", "two", "three"); err != nil {
		t.Error(err)
	}
	if got := content(t, name); got != "onetwothree" {
		t.Errorf("%q", got)
	}
	if _, err := newClip(filepath.Join(name, "clip.mjpeg")); err == nil {
		t.Error("a file in a file: no error")
	}
}

// TestClipWithoutPictures wants the file that was there kept, and none made, if no picture
// comes; and what a picture does not cover gone.
func TestClipWithoutPictures(t *testing.T) {
	folder := t.TempDir()
	old, none := filepath.Join(folder, "old.mjpeg"), filepath.Join(folder, "none.mjpeg")
	if err := os.WriteFile(old, []byte("before, and long"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		pictures []string
		want     string
	}{{old, nil, "before, and long"}, {none, nil, ""}, {old, []string{"one"}, "one"}} {
		o, err := newClip(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeAll(t, o, c.pictures...); err != nil {
			t.Error(err)
		}
		if c.want == "" {
			if _, err := os.Stat(c.name); !os.IsNotExist(err) {
				t.Errorf("%s was made: %v", c.name, err)
			}
		} else if got := content(t, c.name); got != c.want {
			t.Errorf("%q: the file is %q, want %q", c.pictures, got, c.want)
		}
	}
}

// TestPhoto wants the first picture, and the file that was there kept if there is none.
func TestPhoto(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "frame.jpg")
	if err := os.WriteFile(name, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pictures []string
		want     string
		err      error
	}{{nil, "before", nil}, {[]string{"one", "two"}, "one", errEnough}} {
		p, err := newPhoto(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeAll(t, p, c.pictures...); !errors.Is(err, c.err) {
			t.Errorf("%q: %v, want %v", c.pictures, err, c.err)
		}
		if got := content(t, name); got != c.want {
			t.Errorf("%q: the file is %q, want %q", c.pictures, got, c.want)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, ".*.part")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestPipeCloses has the reader of a pipe end.
func TestPipeCloses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	if err := writeAll(t, &pipe{w: w}, "one", "two"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

// slowOutput waits with each picture until it is let go on.
type slowOutput struct {
	goOn chan struct{}
	got  []string
}

func (s *slowOutput) write(pictures []view.Frame, status string, _ bool) error {
	<-s.goOn
	text := ""
	for _, p := range pictures {
		text += string(p.Bytes)
	}
	s.got = append(s.got, text+status)
	return nil
}

func (s *slowOutput) close() error { return nil }

// TestSlowOutput wants the pictures refused for which there is no room, and the others
// written in order though their buffers are used again.
func TestSlowOutput(t *testing.T) {
	o := &slowOutput{goOn: make(chan struct{})}
	s := newSink(o, 2, 0, func(err error) { t.Error(err) })
	accepted, frame := "", []byte("?")
	for i := range 100 {
		frame[0] = byte('a' + i%26)
		if s.picture(jpegs(string(frame)), "!") {
			accepted += string(frame) + "!"
		} else {
			o.goOn <- struct{}{}
		}
	}
	close(o.goOn)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range o.got {
		got += p
	}
	if got != accepted {
		t.Errorf("written %q, accepted %q", got, accepted)
	}
	if len(accepted) < 2*20 || len(accepted) > 2*60 {
		t.Errorf("%d pictures accepted of 100, want those there is room for", len(accepted)/2)
	}
}

// TestNewestFirst wants the newest pictures written, and the older ones left out for
// which there was no time.
func TestNewestFirst(t *testing.T) {
	o := &slowOutput{goOn: make(chan struct{})}
	s := newSink(o, 3, 2, func(err error) { t.Error(err) })
	left := 0
	for i := range 26 {
		if !s.picture(jpegs(string(rune('a'+i))), "") {
			left++
		}
	}
	s.text("?") // waits for nothing that is newer than itself, or is left out
	close(o.goOn)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(o.got, "")
	if !strings.HasSuffix(strings.TrimSuffix(got, "?"), "yz") || len(strings.TrimSuffix(got, "?"))+left != 26 {
		t.Errorf("written %q, %d left out; want the newest", got, left)
	}
}

// TestPanic has an output panic: it is closed, so that the terminal is given back.
func TestPanic(t *testing.T) {
	o := &panicking{}
	s := &sink{output: o, queue: make(chan entry, 1), used: make(chan entry, 1), ended: make(chan error, 1)}
	s.picture(jpegs("x"), "")
	defer func() {
		if p := recover(); p != "on purpose" || !o.closed {
			t.Errorf("panic %v, closed %v", p, o.closed)
		}
	}()
	s.work(func(err error) { t.Error(err) })
}

type panicking struct{ closed bool }

func (p *panicking) write([]view.Frame, string, bool) error { panic("on purpose") }

func (p *panicking) close() error {
	p.closed = true
	return nil
}

// group is pictures of H.264, the first of which is a key frame.
func group(n int) (pictures []view.Frame) {
	params := &media.Params{Format: media.H264, ParameterSets: [][]byte{{0x67, 1}, {0x68, 2}}}
	for i := range n {
		pictures = append(pictures, view.Frame{Format: media.H264, Params: params, Key: i == 0, Bytes: []byte{0, 0, 0, 2, 0x41, byte(i)}})
	}
	return pictures
}

// TestAnnexB writes H.264 with start codes, and the parameter sets before each key frame, to a file and
// to a pipe.
func TestAnnexB(t *testing.T) {
	const want = "\x00\x00\x00\x01\x67\x01\x00\x00\x00\x01\x68\x02\x00\x00\x00\x01\x41\x00\x00\x00\x00\x01\x41\x01"
	name := filepath.Join(t.TempDir(), "clip.H264")
	c, err := newClip(name)
	if err != nil {
		t.Fatal(err)
	}
	s := newSink(c, 8, 0, func(err error) { t.Error(err) })
	pictures := group(2)
	if !s.picture(pictures[:1], "") || !s.picture(pictures[1:], "") || !s.picture(pictures, "") {
		t.Error("the queue is full too early")
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, name); got != want+want {
		t.Errorf("%q, want %q twice", got, want)
	}
	var out strings.Builder
	p := &pipe{w: &out}
	if err := p.write(pictures, "", false); err != nil || out.String() != want {
		t.Errorf("%q, %v", out.String(), err)
	}
	pictures[1].Bytes = []byte{0, 0, 9, 9, 1}
	if err := p.write(pictures, "", false); err == nil {
		t.Error("what is no NAL unit is written")
	}
}

// TestWrongFile refuses to write pictures to a file whose name says another format, and says which it
// should be.
func TestWrongFile(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct {
		pictures []view.Frame
		want     string
	}{
		"clip.mjpeg": {group(1), "the stream is H.264, not JPEG: choose a file that ends in .h264 or .mp4"},
		"clip.h265":  {group(1), "the stream is H.264, not H.265: choose a file that ends in .h264 or .mp4"},
		"clip.264":   {jpegs("x"), "the stream is JPEG, not H.264: choose a file that ends in .mjpeg, .jpg or .mp4"},
		"frame.jpg":  {group(1), "the stream is H.264, not JPEG: choose a file that ends in .h264 or .mp4"},
	} {
		kind, file, err := parseOutput(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		var o output
		if kind == toPhoto {
			o, err = newPhoto(file)
		} else {
			o, err = newClip(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := o.write(c.pictures, "", false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err := o.close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

// order is an output that notes what it gets, and waits with each.
type order struct {
	goOn chan struct{}
	got  []string
}

func (o *order) write(pictures []view.Frame, _ string, hurry bool) error {
	<-o.goOn
	text := ""
	for _, p := range pictures {
		if p.Key {
			text += "K"
		}
		text += string(rune('0' + p.Bytes[5]))
	}
	if hurry {
		text += "+"
	}
	o.got = append(o.got, text)
	return nil
}

func (o *order) close() error { return nil }

// TestPicturesThatNeedOthers never gives an output a picture whose others were skipped: of a terminal's
// queue all gives way to a key frame, and of a file's all up to the next key frame is skipped.
func TestPicturesThatNeedOthers(t *testing.T) {
	g := group(6)
	full := func(newest int) (*order, *sink) {
		o := &order{goOn: make(chan struct{})}
		s := newSink(o, 3, newest, func(err error) { t.Error(err) })
		s.picture(g[:1], "")
		o.goOn <- struct{}{} // it is written, and the next one begins to be
		s.picture(g[1:2], "")
		for len(s.queue) > 0 {
			runtime.Gosched()
		}
		for i := 2; i < 6; i++ {
			if accepted := s.picture(g[i:i+1], ""); accepted != (i < 5) {
				t.Errorf("picture %d: %v", i, accepted)
			}
		}
		if !s.needsKey || s.picture(g[5:6], "") {
			t.Error("a picture is taken without one that it needs")
		}
		return o, s
	}
	finish := func(o *order, s *sink, want ...string) {
		t.Helper()
		close(o.goOn)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		o.got[1] = strings.TrimSuffix(o.got[1], "+") // the third may have come before it was looked at
		if !slices.Equal(o.got, want) {
			t.Errorf("written %q, want %q", o.got, want)
		}
	}
	o, s := full(0)
	if s.picture(g[:1], "") {
		t.Error("a key frame is taken, and there is no room")
	}
	o.goOn <- struct{}{}
	for len(s.queue) == 3 {
		runtime.Gosched()
	}
	if s.picture(g[1:2], "") || !s.picture(g[:1], "") {
		t.Error("with room again: not the key frame alone")
	}
	finish(o, s, "K0", "1", "2+", "3+", "4+", "K0")
	o, s = full(2)
	if s.picture(g[:1], "") || s.needsKey {
		t.Error("nothing gave way to a key frame")
	}
	if !s.picture(g[1:2], "") || !s.picture(g[2:4], "") {
		t.Error("there is no room behind a key frame")
	}
	finish(o, s, "K0", "1", "K0+", "1+", "23")
}
