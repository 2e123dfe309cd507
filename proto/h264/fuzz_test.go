package h264_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// FuzzSPS reads any unit: what comes of it is within what pictures can be.
func FuzzSPS(f *testing.F) {
	for _, want := range streams {
		s := nal.NewStream(h264.NewAssembler(1 << 20))
		frames(s, stream(f, want.name), 1<<20, func(media.Frame, error) {})
		f.Add(s.Params().ParameterSets[0])
	}
	f.Fuzz(func(t *testing.T, unit []byte) {
		before := bytes.Clone(unit)
		p, err := h264.ParseSPS(unit)
		if !bytes.Equal(unit, before) {
			t.Fatal("the unit is changed")
		}
		if err != nil && !errors.Is(err, nal.ErrMalformed) {
			t.Fatal(err)
		}
		if err == nil && (p.Width < 1 || p.Height < 1 || p.Width > 32768 || p.Height > 32768 || p.ID > 31 ||
			p.FramesPerSecond < 0 || p.FramesPerSecond > nal.MaxRate || p.ReorderFrames < -1 || p.ReorderFrames > 16) {
			t.Fatalf("%+v", p)
		}
	})
}

// FuzzFormatParameters reads any a=fmtp: what comes of it is read again from what is written.
func FuzzFormatParameters(f *testing.F) {
	f.Add("packetization-mode=1;profile-level-id=4D400A;sprop-parameter-sets=Z01ACtoYbARAAAADAEAAAAyDxIlq,aM48gA==")
	f.Add("packetization-mode=2")
	f.Add(" Sprop-Parameter-Sets = Z0I, aM4 ,, ;x")
	f.Fuzz(func(t *testing.T, fmtp string) {
		sets, err := h264.ParseFormatParameters(fmtp)
		if err != nil {
			if !errors.Is(err, nal.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		text := h264.FormatParameters(sets)
		if strings.ContainsAny(text, "\r\n \x00") {
			t.Fatalf("%q", text)
		}
		if again, err := h264.ParseFormatParameters(text); err != nil || !slices.EqualFunc(again, sets, bytes.Equal) {
			t.Fatalf("%x, %v, want %x", again, err, sets)
		}
	})
}
