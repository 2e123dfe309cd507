package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// writeAll offers pictures to a sink of an output and closes it.
func writeAll(t *testing.T, o output, pictures ...string) (failed error) {
	t.Helper()
	var errs = make(chan error, 1)
	s := newSink(o, len(pictures), false, func(err error) { errs <- err })
	for _, p := range pictures {
		if !s.picture([]byte(p), "") {
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
	if err := writeAll(t, pipe{w}, "one", "two"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

// slowOutput waits with each picture until it is let go on.
type slowOutput struct {
	goOn chan struct{}
	got  []string
}

func (s *slowOutput) write(jpeg []byte, status string) error {
	<-s.goOn
	s.got = append(s.got, string(jpeg)+status)
	return nil
}

func (s *slowOutput) close() error { return nil }

// TestSlowOutput wants the pictures refused for which there is no room, and the others
// written in order though their buffers are used again.
func TestSlowOutput(t *testing.T) {
	o := &slowOutput{goOn: make(chan struct{})}
	s := newSink(o, 2, false, func(err error) { t.Error(err) })
	accepted, frame := "", []byte("?")
	for i := range 100 {
		frame[0] = byte('a' + i%26)
		if s.picture(frame, "!") {
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
	s := newSink(o, 2, true, func(err error) { t.Error(err) })
	left := 0
	for i := range 26 {
		if !s.picture([]byte{'a' + byte(i)}, "") {
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
	s := &sink{output: o, queue: make(chan entry, 1), used: make(chan []byte, 1), ended: make(chan error, 1)}
	s.picture([]byte("x"), "")
	defer func() {
		if p := recover(); p != "on purpose" || !o.closed {
			t.Errorf("panic %v, closed %v", p, o.closed)
		}
	}()
	s.work(func(err error) { t.Error(err) })
}

type panicking struct{ closed bool }

func (p *panicking) write([]byte, string) error { panic("on purpose") }

func (p *panicking) close() error {
	p.closed = true
	return nil
}
