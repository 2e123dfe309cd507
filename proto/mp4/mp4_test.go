package mp4

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/camcast/camcast/media"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	p, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// h264Params and h265Params are of x264's and x265's streams of 320x240 pixels.
func h264Params(t testing.TB) *media.Params {
	return &media.Params{Format: media.H264, Width: 320, Height: 240, ParameterSets: [][]byte{
		unhex(t, "6742c00dda0507ec0440000003004000000ca3c50aa8"), unhex(t, "68ce0fc8")}}
}

func h265Params(t testing.TB) *media.Params {
	return &media.Params{Format: media.H265, Width: 320, Height: 240, ParameterSets: [][]byte{
		unhex(t, "40010c01ffff01600000030090000003000003003c959809"),
		unhex(t, "42010101600000030090000003000003003ca00a080f165959a4932bc05a020000030002000003003210"),
		unhex(t, "4401c172b46240")}}
}

// TestInit has the parameter sets be found again by another implementation, which knows the entries by their usual names.
func TestInit(t *testing.T) {
	for name, c := range map[string]struct {
		params      *media.Params
		entry       string
		usual       string
		contentType string
	}{
		"H.264": {h264Params(t), "avc3", "avc1", `video/mp4; codecs="avc3.42c00d"`},
		"H.265": {h265Params(t), "hev1", "hvc1", `video/mp4; codecs="hev1.1.6.L60.90"`},
	} {
		segment, contentType, err := Init(c.params)
		if err != nil || contentType != c.contentType || bytes.Count(segment, []byte(c.entry)) != 1 || bytes.Contains(segment, []byte(c.usual)) {
			t.Errorf("%s: %q, %v, %q", name, segment, err, contentType)
			continue
		}
		var read fmp4.Init
		if err := read.Unmarshal(bytes.NewReader(bytes.Replace(segment, []byte(c.entry), []byte(c.usual), 1))); err != nil || len(read.Tracks) != 1 || read.Tracks[0].TimeScale != ClockHz {
			t.Errorf("%s: %+v, %v", name, read, err)
			continue
		}
		var sets [][]byte
		switch codec := read.Tracks[0].Codec.(type) {
		case *codecs.H264:
			sets = [][]byte{codec.SPS, codec.PPS}
		case *codecs.H265:
			sets = [][]byte{codec.VPS, codec.SPS, codec.PPS}
		}
		if !slices.EqualFunc(sets, c.params.ParameterSets, bytes.Equal) {
			t.Errorf("%s: %x", name, sets)
		}
	}
}

func TestNoInit(t *testing.T) {
	p := h264Params(t)
	for name, c := range map[string]struct {
		params media.Params
		want   error
	}{
		"JPEG": {media.Params{Format: media.JPEG}, ErrFormat}, "no sets": {media.Params{Format: media.H264}, ErrNoSets},
		"no PPS":  {media.Params{Format: media.H264, ParameterSets: p.ParameterSets[:1]}, ErrNoSets},
		"no H265": {media.Params{Format: media.H265, ParameterSets: p.ParameterSets}, ErrNoSets},
		"short":   {media.Params{Format: media.H265, ParameterSets: [][]byte{{0x40, 1}, {0x42, 1}, {0x44, 1}}}, ErrNoSets},
		"empty":   {media.Params{Format: media.H264, ParameterSets: [][]byte{{}, {0x67}, {0x68}}}, ErrNoSets},
	} {
		if _, _, err := Init(&c.params); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFragments has another implementation read what is written.
func TestFragments(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var all []byte
	var want []Fragment
	var frames [][]byte
	for i := range uint32(100) {
		f := Fragment{Sequence: i + 1, Decode: random.Uint64() >> 1, Duration: random.Uint32(), Delay: random.Uint32() >> 1, Key: random.Intn(3) == 0}
		frame := make([]byte, random.Intn(5000))
		random.Read(frame)
		if f.Key {
			f.Sets = h264Params(t).ParameterSets
		}
		before := len(all)
		all = f.Append(all, frame)
		head := len(all) - before - len(frame)
		for _, s := range f.Sets {
			head -= 4 + len(s)
		}
		if head != HeadBytes {
			t.Fatalf("a head of %d bytes", head)
		}
		want, frames = append(want, f), append(frames, frame)
	}
	var got fmp4.Parts
	if err := got.Unmarshal(all); err != nil || len(got) != len(want) {
		t.Fatalf("%d fragments, %v", len(got), err)
	}
	for i, p := range got {
		f, track := want[i], p.Tracks[0]
		s := track.Samples[0]
		payload := frames[i]
		if f.Key {
			payload = append(unhex(t, "000000166742c00dda0507ec0440000003004000000ca3c50aa80000000468ce0fc8"), payload...)
		}
		if p.SequenceNumber != f.Sequence || track.BaseTime != f.Decode || s.Duration != f.Duration || uint32(s.PTSOffset) != f.Delay ||
			s.IsNonSyncSample == f.Key || !bytes.Equal(s.Payload, payload) {
			t.Errorf("fragment %d: %+v of %+v", i, s, f)
		}
	}
}

func TestFragmentsAllocateNothing(t *testing.T) {
	f, dst, frame := Fragment{Sets: h264Params(t).ParameterSets, Key: true}, make([]byte, 0, 10_000), make([]byte, 5000)
	if n := testing.AllocsPerRun(100, func() { f.Append(dst, frame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestClock has frames come evenly, unevenly, and after a pause: the fragments leave no gap, and a frame begins when it was
// to, but for what its predecessor could not know.
func TestClock(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	const interval = 40 * time.Millisecond
	for name, c := range map[string]struct {
		passed func(i int) time.Duration
		most   time.Duration
	}{
		"even":    {func(int) time.Duration { return interval }, time.Microsecond * 12},
		"uneven":  {func(int) time.Duration { return interval + time.Duration(random.Intn(10)-5)*time.Millisecond }, 10 * time.Millisecond},
		"paused":  {func(i int) time.Duration { return interval + time.Duration(i/50%2*(i%50/49))*time.Minute }, time.Minute + interval},
		"at once": {func(i int) time.Duration { return interval * time.Duration(i%2) * 2 }, 2 * interval},
	} {
		var clock Clock
		began := 100 * time.Hour
		when, end := began, uint64(0)
		for i := range 1000 {
			var f Fragment
			clock.Next(&f, when, when, 0)
			if f.Decode != end || f.Duration == 0 || f.Delay != 0 {
				t.Fatalf("%s: frame %d: %+v after %d", name, i, f, end)
			}
			end = f.Decode + uint64(f.Duration)
			at := began + time.Duration(f.Decode)*time.Second/ClockHz
			if off := (at - when).Abs(); off > c.most && i > 200 {
				t.Fatalf("%s: frame %d is at %v instead of %v", name, i, at, when)
			}
			when += c.passed(i)
		}
	}
}

func TestDelay(t *testing.T) {
	var clock Clock
	var f Fragment
	clock.Next(&f, time.Second, time.Second+80*time.Millisecond, 40*time.Millisecond)
	clock.Next(&f, time.Second+45*time.Millisecond, time.Second+130*time.Millisecond, 40*time.Millisecond)
	if shown := f.Decode + uint64(f.Delay); f.Decode != 3600 || shown != 11700 {
		t.Errorf("%+v", f)
	}
	clock.Resume(time.Hour)
	clock.Next(&f, time.Hour, time.Hour, 40*time.Millisecond)
	if f.Decode != 3599*ClockHz || f.Duration > 4000 || f.Delay != 0 {
		t.Errorf("after a pause in which nothing was written: %+v", f)
	}
}

func TestRetime(t *testing.T) {
	f := Fragment{Decode: 1 << 40, Duration: 3000, Delay: 6000}
	p := f.Append(nil, []byte("frame"))
	Retime(p[:HeadBytes], func(t uint64) uint64 { return 1<<41 + (t-1<<40)/100 })
	f.Decode, f.Duration, f.Delay = 1<<41, 30, 60
	if want := f.Append(nil, []byte("frame")); !bytes.Equal(p, want) {
		t.Errorf("%x\n%x", p, want)
	}
}

// FuzzInit has sets of a broken camera be refused or written, and nothing else.
func FuzzInit(f *testing.F) {
	for _, p := range []*media.Params{h264Params(f), h265Params(f)} {
		f.Add(uint8(p.Format), p.ParameterSets[0], p.ParameterSets[1], p.ParameterSets[len(p.ParameterSets)-1])
	}
	f.Fuzz(func(t *testing.T, format uint8, a, b, c []byte) {
		segment, contentType, err := Init(&media.Params{Format: media.Format(format), ParameterSets: [][]byte{a, b, c}})
		if (err == nil) != strings.HasPrefix(contentType, `video/mp4; codecs="`) || (err == nil) != (len(segment) > 0) {
			t.Errorf("%d bytes, %q, %v", len(segment), contentType, err)
		}
	})
}
