package http

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/mp4"
)

// setsOf are the parameter sets of a stream of H.264.
func setsOf(t testing.TB) (sets [][]byte) {
	t.Helper()
	for _, text := range []string{"6742c00dda0507ec0440000003004000000ca3c50aa8", "68ce0fc8"} {
		p, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, p)
	}
	return sets
}

// film is a stage with a stream of H.264 whose groups have so many frames.
type film struct {
	*stage
	params *media.Params
	group  int
	bytes  int
	number uint32
	asked  int
	// keyNext: the next frame is a key frame, as one was asked for.
	canAsk, keyNext bool
}

func newFilm(t *testing.T, group int) *film {
	t.Helper()
	f := &film{stage: newStage(t, 0), group: group, bytes: 3000}
	f.form = movieForm
	f.params = &media.Params{Format: media.H264, Width: 320, Height: 240, FramesPerSecond: 20, ParameterSets: setsOf(t)}
	if err := f.cam.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	f.cam, err = f.b.AddStream("cam", nil, cast.StreamOptions{Params: f.params, RequestKeyFrame: func() error {
		f.asked++
		if !f.canAsk {
			return errFPS
		}
		f.keyNext = true
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// frames publishes so many frames, 20 in a second, each a NAL unit with its number.
func (f *film) frames(n int) {
	f.t.Helper()
	for range n {
		isKey := f.number%uint32(f.group) == 0 || f.keyNext
		f.keyNext = false
		p := make([]byte, f.bytes)
		binary.BigEndian.PutUint32(p, uint32(len(p)-4))
		if p[4] = 0x41; isKey {
			p[4] = 0x65
		}
		binary.BigEndian.PutUint32(p[5:], f.number)
		f.number++
		if err := f.cam.Publish(media.Frame{Params: f.params, Bytes: p, Key: isKey}); err != nil {
			f.t.Fatal(err)
		}
		f.run(50 * time.Millisecond)
	}
}

// shot is a frame as a viewer has it.
type shot struct {
	number      uint32
	isKey       bool
	decode, end uint64
}

// shots reads what a viewer was sent: all of it must be whole boxes. Those of a frame that was given up are not in it.
func (f *film) shots(in []byte) (all []shot) {
	f.t.Helper()
	segment, _, err := initOf(f.cam)
	if err != nil {
		f.t.Fatal(err)
	}
	header := movieForm.header(`video/mp4; codecs="avc3.42c00d"`)
	in, ok := bytes.CutPrefix(in, append(header, segment...))
	if !ok {
		f.t.Fatalf("%.600q", in)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(in); err != nil {
		f.t.Fatal(err)
	}
	sequence := uint32(0)
	for _, p := range parts {
		if p.SequenceNumber <= sequence {
			f.t.Errorf("fragment %d after %d", p.SequenceNumber, sequence)
		}
		sequence = p.SequenceNumber
		s := p.Tracks[0].Samples[0]
		if s.PTSOffset != 0 {
			f.t.Errorf("%+v", s)
		}
		payload := s.Payload
		for _, set := range setsOf(f.t) {
			if !s.IsNonSyncSample {
				payload = payload[4+len(set):]
			}
		}
		if payload[len(payload)-1] != 0 || int(binary.BigEndian.Uint32(payload)) != len(payload)-4 {
			f.t.Errorf("a payload of %d bytes begins with %x", len(payload), payload[:9])
		}
		at := p.Tracks[0].BaseTime
		all = append(all, shot{binary.BigEndian.Uint32(payload[5:]), !s.IsNonSyncSample, at, at + uint64(s.Duration)})
	}
	return all
}

// about compares times, as frames are a few milliseconds late.
func about(a, b uint64) bool { return max(a, b)-min(a, b) < 500 }

// initOf is the init segment of a stream.
func initOf(s *cast.Stream) ([]byte, string, error) { return mp4.Init(s.Params()) }

// TestMovie has viewers come at once and in the middle of a group of which no other key frame can be had.
func TestMovie(t *testing.T) {
	f := newFilm(t, 100)
	f.frames(1)
	var first, late []byte
	f.dial(func(p []byte) { first = append(first, p...) })
	f.frames(60)
	f.dial(func(p []byte) { late = append(late, p...) })
	f.frames(60)
	all, some := f.shots(first), f.shots(late)
	if len(all) != 121 || len(some) != 121 || f.asked == 0 {
		t.Fatalf("%d and %d frames of 121, asked %d times", len(all), len(some), f.asked)
	}
	for i := range all {
		if s := all[i]; s.number != uint32(i) || s.isKey != (i%100 == 0) || !about(s.decode, uint64(i)*4500) || !about(s.end, s.decode+4500) || i > 0 && s.decode != all[i-1].end {
			t.Fatalf("frame %d: %+v", i, s)
		}
		// The frames that the late one was caught up with are shown in no time, and nothing between is missing.
		s := some[i]
		if i > 0 && s.decode != some[i-1].end || s.number != all[i].number || s.isKey != all[i].isKey {
			t.Fatalf("frame %d of the late one: %+v after %+v", i, s, some[max(i-1, 0)])
		}
		if live := all[60].decode; i < 60 && s.decode < live-2000 || i > 60 && s != all[i] {
			t.Fatalf("frame %d of the late one: %+v, but it came when %d was shown", i, s, live)
		}
	}
}

// TestMovieAsksForKeyFrames has a viewer come in the middle of a group, of a camera that makes a key frame when asked.
func TestMovieAsksForKeyFrames(t *testing.T) {
	f := newFilm(t, 1000)
	f.canAsk = true
	f.frames(30)
	var in []byte
	f.dial(func(p []byte) { in = append(in, p...) })
	f.frames(30)
	all := f.shots(in)
	if len(all) < 29 || all[0].number < 30 || !all[0].isKey || f.asked != 1 {
		t.Errorf("%d frames from %+v on, asked %d times", len(all), all[0], f.asked)
	}
}

// TestMovieLags has a viewer read nothing for a while: it goes on with a key frame.
func TestMovieLags(t *testing.T) {
	f := newFilm(t, 10)
	f.bytes = 200_000
	f.frames(1)
	var in []byte
	v := f.dial(nil)
	v.SetReceiveBuffer(100_000)
	f.frames(60)
	v.SetReceiveBuffer(1 << 20)
	v.OnData(func(p []byte) { in = append(in, p...) })
	f.frames(30)
	f.run(time.Second)
	all := f.shots(in)
	gaps := 0
	for i := 1; i < len(all); i++ {
		if all[i].number != all[i-1].number+1 {
			gaps++
			if !all[i].isKey || all[i].decode <= all[i-1].decode {
				t.Errorf("after frame %+v comes %+v", all[i-1], all[i])
			}
		}
	}
	if last := all[len(all)-1]; gaps != 1 || last.number != f.number-1 || !about(last.decode, uint64(last.number)*4500) {
		t.Errorf("%d gaps, last %+v of %d", gaps, last, f.number)
	}
}

// TestMovieOfOtherSets changes the parameter sets: viewers get the new ones with the next key frame.
func TestMovieOfOtherSets(t *testing.T) {
	f := newFilm(t, 10)
	f.frames(10)
	var before, after []byte
	f.dial(func(p []byte) { before = append(before, p...) })
	f.frames(5)
	changed := *f.params
	changed.ParameterSets = [][]byte{changed.ParameterSets[0], append(bytes.Clone(changed.ParameterSets[1]), 0x80)}
	changed.Version++
	f.number = 20
	f.params = &changed
	f.frames(5)
	f.dial(func(p []byte) { after = append(after, p...) })
	f.frames(5)
	for name, in := range map[string][]byte{"one who was there": before, "one who came": after} {
		if !bytes.Contains(in, append([]byte{0, 0, 0, 5}, changed.ParameterSets[1]...)) {
			t.Errorf("%s has not been told of the new sets", name)
		}
	}
	if segment, _, err := initOf(f.cam); err != nil || !bytes.Contains(after, segment) || bytes.Contains(before, segment) {
		t.Errorf("the init segment is not the stream's: %v", err)
	}
}
