package cast_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// lab has a transcoder that takes some time, by a worker. Called on the loop it holds the loop.
type lab struct {
	*world
	takes  time.Duration // for a picture
	inJob  bool
	calls  int
	onLoop int // calls that were not made by a job
	closed int
	// isUnused: it may be closed on the loop.
	isUnused bool
	fails    func(picture []byte) error // nil: it does not
}

// newLab makes one whose stream cam has frames that RTP carries as they are, every 1/30 s.
func newLab(t *testing.T, takes time.Duration) *lab {
	t.Helper()
	b := &lab{takes: takes}
	b.world = newWorldAt(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) { c.Work = b.work })
	return b
}

// work runs a job at once, and its result when it would be done.
func (b *lab) work(job func() func()) {
	calls := b.calls
	b.inJob = true
	done := job()
	b.inJob = false
	took := time.Duration(0)
	if b.calls > calls {
		took = b.takes
	}
	if done != nil {
		b.l.NewTimer(done).SetAfter(took)
	}
}

// Transcode undoes what uncarried does.
func (b *lab) Transcode(dst, picture []byte) ([]byte, error) {
	b.calls++
	if !b.inJob {
		b.onLoop++
		b.k.Advance(b.takes)
	}
	if b.fails != nil {
		if err := b.fails(picture); err != nil {
			return dst, err
		}
	}
	dst = append(dst, picture...)
	setFrameHeader(dst, 0xc2, 0xc0)
	return dst, nil
}

func (b *lab) Close() {
	if !b.inJob && !b.isUnused {
		b.t.Error("closed on the loop")
	}
	b.closed++
}

// uncarried has a picture be one that RTP cannot carry as it is coded: its frame header says that
// it is progressive.
func uncarried(_ uint32, picture []byte) { setFrameHeader(picture, 0xc0, 0xc2) }

func setFrameHeader(picture []byte, from, to byte) {
	picture[bytes.Index(picture, []byte{0xff, from})+1] = to
}

// add adds a stream that is transcoded.
func (b *lab) add(name string, f *film) *cast.Stream {
	b.t.Helper()
	s, err := b.b.AddStream(name, f, cast.StreamOptions{Transcoder: b})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// TestTranscodingHoldsNobody has one stream transcoded, which takes six frame intervals for each
// picture, beside one that is not: its readers get every frame, on time.
func TestTranscodingHoldsNobody(t *testing.T) {
	b := newLab(t, 200*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change = uncarried
	odd := b.add("odd", f)
	plain := []*viewer{b.watch("10.0.1.1", false), b.watch("10.0.1.2", true)}
	recoded := []*viewer{b.watchStream("10.0.2.1", "odd"), b.watchStream("10.0.2.2", "odd")}
	for _, v := range plain {
		v.numbers = nil
	}
	b.run(10 * time.Second)
	for _, v := range plain {
		if v.row(10*framesPerSecond - 2); v.gaps > 0 {
			t.Errorf("%v has lost %d packets", v.conn.Addr(), v.gaps)
		}
	}
	if age := b.s.Figures().LastAge.Max; age > time.Second/framesPerSecond {
		t.Errorf("frames beside a stream that is transcoded are up to %v old", age)
	}
	if b.onLoop > 0 {
		t.Errorf("%d pictures were transcoded on the loop", b.onLoop)
	}
	got := odd.Figures()
	if under := got.Frames - got.Transcoded - got.Skipped; got.Transcoded < 49 || got.Skipped < 200 || under > 2+1 || got.Unusable > 0 {
		t.Errorf("of %d frames %d were transcoded, %d skipped, %d unusable", got.Frames, got.Transcoded, got.Skipped, got.Unusable)
	}
	for _, v := range recoded {
		if increases(t, v); len(v.numbers) < 48 {
			t.Errorf("%d transcoded frames have come", len(v.numbers))
		}
	}
}

// increases wants each frame to be later than the one before.
func increases(t *testing.T, v *viewer) {
	t.Helper()
	for i := range v.numbers {
		if i > 0 && v.numbers[i] <= v.numbers[i-1] {
			t.Errorf("%v: frame %d after %d", v.conn.Addr(), v.numbers[i], v.numbers[i-1])
		}
	}
}

// TestOrderOfTranscoded has every third frame transcoded, which takes less than an interval or more:
// those that follow do not overtake it, but wait or are skipped. Otherwise they go at once.
func TestOrderOfTranscoded(t *testing.T) {
	for _, c := range []struct {
		takes   time.Duration
		skipped bool
		calls   int
	}{{20 * time.Millisecond, false, 100}, {40 * time.Millisecond, false, 100}, {90 * time.Millisecond, true, 30}} {
		t.Run(fmt.Sprint(c.takes), func(t *testing.T) {
			b := newLab(t, c.takes)
			f := newFilm(b.k, media.JPEG, 20000, 1)
			f.change = func(n uint32, picture []byte) {
				if n%3 == 0 {
					uncarried(n, picture)
				}
			}
			odd := b.add("odd", f)
			v := b.watchStream("10.0.2.1", "odd")
			b.run(10 * time.Second)
			increases(t, v)
			got := odd.Figures()
			if (got.Skipped > 0) != c.skipped || got.Unusable > 0 || b.calls < c.calls-2 || got.Transcoded < uint64(c.calls)-2 {
				t.Errorf("of %d frames %d were transcoded, %d skipped, %d unusable", got.Frames, got.Transcoded, got.Skipped, got.Unusable)
			}
			if want := int(got.Frames - got.Skipped); len(v.numbers) < want-6 {
				t.Errorf("%d frames have come, want %d", len(v.numbers), want)
			}
		})
	}
}

// TestFirstReaderOfTranscoded joins when the only frame came while nobody watched.
func TestFirstReaderOfTranscoded(t *testing.T) {
	b := newLab(t, 50*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change = uncarried
	odd, err := b.b.AddStream("odd", nil, cast.StreamOptions{Transcoder: b, Params: f.params})
	if err != nil {
		t.Fatal(err)
	}
	b.must(odd.Publish(f.next()))
	b.run(time.Second)
	if b.calls != 0 {
		t.Errorf("%d pictures are transcoded for nobody", b.calls)
	}
	v := b.watchStream("10.0.2.1", "odd")
	b.run(100 * time.Millisecond)
	if len(v.numbers) != 1 || b.onLoop > 0 {
		t.Errorf("frames %v have come, %d transcoded on the loop", v.numbers, b.onLoop)
	}
	if got := odd.Figures(); got.Frames != 1 || got.Transcoded != 1 || got.Skipped+got.Unusable > 0 {
		t.Errorf("%d frames, %d transcoded, %d skipped, %d unusable", got.Frames, got.Transcoded, got.Skipped, got.Unusable)
	}
}

// TestLastFrameIsTranscoded has a source end while its last frame is transcoded: it is sent before
// the goodbye.
func TestLastFrameIsTranscoded(t *testing.T) {
	b := newLab(t, 300*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change, f.ends = uncarried, 90
	odd := b.add("odd", f)
	v := b.watchStream("10.0.2.1", "odd")
	b.run(5 * time.Second)
	increases(t, v)
	if n := len(v.numbers); n == 0 || v.numbers[n-1] != 90 || odd.State() != cast.Ended {
		t.Errorf("frames %v have come; the stream is %v", v.numbers, odd.State())
	}
	if b.closed != 1 {
		t.Errorf("the transcoder was closed %d times", b.closed)
	}
}

// TestStreamIsClosedWhileTranscoding closes the stream while a frame is coded: nothing of it is sent,
// and the transcoder is closed when no job uses it.
func TestStreamIsClosedWhileTranscoding(t *testing.T) {
	b := newLab(t, 300*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change = uncarried
	odd := b.add("odd", f)
	v := b.watchStream("10.0.2.1", "odd")
	b.run(time.Second)
	had := len(v.numbers)
	if err := odd.Close(); err != nil {
		t.Fatal(err)
	}
	calls := b.calls
	b.run(time.Second)
	if len(v.numbers) != had || b.calls != calls || b.closed != 1 {
		t.Errorf("%d frames after the end, %d jobs; the transcoder was closed %d times", len(v.numbers)-had, b.calls-calls, b.closed)
	}
	b.isUnused = true
	if _, err := b.b.AddStream("cam", newCamera(t, b.k), cast.StreamOptions{Transcoder: b}); err == nil || b.closed != 2 {
		t.Errorf("a second stream of the name: %v; the transcoder was closed %d times", err, b.closed)
	}
}

// TestTranscoderFails counts each picture that it cannot transcode, and logs the first.
func TestTranscoderFails(t *testing.T) {
	b := newLab(t, 20*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change = uncarried
	odd := b.add("odd", f)
	v := b.watchStream("10.0.2.1", "odd")
	b.run(time.Second)
	before := odd.Figures()
	b.fails = func([]byte) error { return errors.New("no such colours") }
	b.run(time.Second)
	b.fails = nil
	between := odd.Figures()
	b.run(time.Second)
	increases(t, v)
	if got := between.Unusable; before.Unusable > 0 || got < 28 || got > 31 || odd.Figures().Unusable > got+1 || odd.Figures().Skipped > 0 {
		t.Errorf("%d unusable of 30, then %d more", got, odd.Figures().Unusable-got)
	}
	if len(v.numbers) < 57 {
		t.Errorf("%d frames have come", len(v.numbers))
	}
	if n := strings.Count(b.log.String(), "no such colours"); n != 1 {
		t.Errorf("the error is logged %d times", n)
	}
}

// TestTranscoderThatDoesNotHelp makes pictures that RTP cannot carry either: they are unusable, and
// not transcoded again.
func TestTranscoderThatDoesNotHelp(t *testing.T) {
	b := newLab(t, 20*time.Millisecond)
	f := newFilm(b.k, media.JPEG, 20000, 1)
	f.change = uncarried
	s, err := b.b.AddStream("odd", f, cast.StreamOptions{Transcoder: copier{}})
	if err != nil {
		t.Fatal(err)
	}
	b.watchStream("10.0.2.1", "odd")
	b.run(time.Second)
	if got := s.Figures(); got.Unusable < 27 || got.Unusable != got.Transcoded {
		t.Errorf("of %d frames %d are unusable, %d transcoded", got.Frames, got.Unusable, got.Transcoded)
	}
}

type copier struct{}

func (copier) Transcode(dst, picture []byte) ([]byte, error) { return append(dst, picture...), nil }
