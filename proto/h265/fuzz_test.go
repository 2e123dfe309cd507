package h265_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// FuzzSPS reads any unit: what comes of it is within what pictures can be.
func FuzzSPS(f *testing.F) {
	for _, want := range streams {
		s := nal.NewStream(h265.NewAssembler(1 << 20))
		frames(s, stream(f, want.name), 1<<20, func(media.Frame, error) {})
		f.Add(s.Params().ParameterSets[1])
	}
	f.Fuzz(func(t *testing.T, unit []byte) {
		before := bytes.Clone(unit)
		p, err := h265.ParseSPS(unit)
		if !bytes.Equal(unit, before) {
			t.Fatal("the unit is changed")
		}
		if err != nil && !errors.Is(err, nal.ErrMalformed) {
			t.Fatal(err)
		}
		if err == nil && (p.Width < 1 || p.Height < 1 || p.Width > 32768 || p.Height > 32768 || p.ID > 15 ||
			p.FramesPerSecond < 0 || p.FramesPerSecond > nal.MaxRate || p.ReorderFrames < 0 || p.ReorderFrames > 16) {
			t.Fatalf("%+v", p)
		}
	})
}

// FuzzFormatParameters reads any a=fmtp: what comes of it is read again from what is written.
func FuzzFormatParameters(f *testing.F) {
	f.Add("sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwAelZgJ;sprop-sps=QgEBAWAAAAMAkAAAAwAAAwAeoA;sprop-pps=RAHBcrRiQA==")
	f.Add("sprop-max-don-diff=2")
	f.Add(" Sprop-SPS = QgEB, QgEB ,, ;x")
	f.Fuzz(func(t *testing.T, fmtp string) {
		sets, err := h265.ParseFormatParameters(fmtp)
		if err != nil {
			if !errors.Is(err, nal.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		text := h265.FormatParameters(sets)
		if strings.ContainsAny(text, "\r\n \x00") {
			t.Fatalf("%q", text)
		}
		if again, err := h265.ParseFormatParameters(text); err != nil || !slices.EqualFunc(again, sets, bytes.Equal) {
			t.Fatalf("%x, %v, want %x", again, err, sets)
		}
	})
}
