package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

// movieOf writes pictures to a movie with these timestamps, and returns it before it is ended.
func movieOf(t *testing.T, pictures []view.Frame, timestamps ...uint32) *movie {
	t.Helper()
	m, err := newMovie(filepath.Join(t.TempDir(), "clip.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range timestamps {
		p := pictures[i%len(pictures)]
		p.Timestamp = at
		if err := m.write([]view.Frame{p}, "", false); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// baseline are the pictures of a stream in proto/nal/testdata, whose fifth frames are key frames.
func baseline(t *testing.T) (pictures []view.Frame) {
	t.Helper()
	data, err := os.ReadFile("../../proto/nal/testdata/baseline.h264")
	if err != nil {
		t.Fatal(err)
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return pictures
		}
		pictures = append(pictures, view.Frame{Format: f.Params.Format, Params: f.Params, Key: f.Key, Bytes: bytes.Clone(f.Bytes)})
	}
}

// TestMovieTimes has RTP's timestamps wrap and jump.
func TestMovieTimes(t *testing.T) {
	m := movieOf(t, baseline(t)[:4], 0xffff_fff0, 3000, 9000, 6000)
	var shown []int64
	for _, s := range m.samples {
		shown = append(shown, s.shown)
	}
	if want := []int64{0, 3016, 9016, 6016}; !slices.Equal(shown, want) {
		t.Errorf("pictures are shown at %d, want %d", shown, want)
	}
	for _, jump := range []uint32{6000 + 10*90000 + 1, 1<<32 + 6000 - 10*90000 - 1, 1 << 31} {
		if at := m.time(jump, false); at != 9016+3600 {
			t.Errorf("from timestamp 6000 to %d: at %d, want one picture after the latest one, at 9016", jump, at)
		}
	}
	if err := m.close(); err != nil {
		t.Error(err)
	}
}

// TestMovieOfOtherParameters has the parameter sets change: they are in the file again. Another format is
// refused.
func TestMovieOfOtherParameters(t *testing.T) {
	pictures := baseline(t)[:1]
	m := movieOf(t, pictures, 0, 3600)
	changed := *pictures[0].Params
	changed.Width += 16
	changed.ParameterSets = slices.Clone(changed.ParameterSets)
	changed.ParameterSets[1] = append(bytes.Clone(changed.ParameterSets[1]), "another"...)
	p := pictures[0]
	p.Params, p.Timestamp = &changed, 7200
	if err := m.write([]view.Frame{p}, "", false); err != nil {
		t.Fatal(err)
	}
	err := m.write(jpegs("x"), "", false)
	if err == nil || !strings.Contains(err.Error(), "the stream is JPEG now, and was H.264") {
		t.Errorf("another format: %v", err)
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	data := content(t, m.file.Name())
	if n := strings.Count(data, "another"); n != 1 {
		t.Errorf("the changed set is in the file %d times", n)
	}
	if n := strings.Count(data, string(nal.Append(nil, changed.ParameterSets[0]))); n != 1 {
		t.Errorf("parameter sets are before %d pictures, want the last one alone", n)
	}
}

// TestMovieWithoutParameters refuses a stream whose parameter sets are not known, and leaves nothing behind.
func TestMovieWithoutParameters(t *testing.T) {
	m, err := newMovie(filepath.Join(t.TempDir(), "clip.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	p := view.Frame{Format: media.H264, Params: &media.Params{Format: media.H264}, Key: true}
	if err := m.write([]view.Frame{p}, "", false); err == nil {
		t.Error("it is written")
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.file.Name()); !os.IsNotExist(err) {
		t.Error("a file is left behind")
	}
}
