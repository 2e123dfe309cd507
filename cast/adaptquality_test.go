package cast_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
)

// encodingCamera is a camera whose pictures are as large as their quality says.
type encodingCamera struct {
	*camera
	quality int
}

func (c *encodingCamera) Quality() int { return c.quality }
func (c *encodingCamera) SetQuality(quality int) {
	c.quality = quality
	c.scan = 250 * quality
}

// newEncodingWorld is a world whose source encodes, at quality 80.
func newEncodingWorld(t *testing.T, adapt cast.Adapt) (*world, *encodingCamera) {
	t.Helper()
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) { c.Spread, c.Adapt = cast.DefaultSpread, adapt })
	w.camera = newCamera(t, w.k)
	encoding := &encodingCamera{w.camera, 80}
	encoding.SetQuality(80)
	var err error
	if w.s, err = w.b.AddStream("cam", encoding, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return w, encoding
}

// TestQualityFollowsMostReaders has some of five readers behind links of 60 % of the rate.
func TestQualityFollowsMostReaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		adapt   cast.Adapt
		slow    int
		follows bool
	}{
		{cast.AdaptQuality, 4, true},
		{cast.AdaptQuality, 2, false},
		{cast.AdaptThin, 4, false},
	} {
		t.Run(fmt.Sprintf("adapt %d, %d of 5", c.adapt, c.slow), func(t *testing.T) {
			w, camera := newEncodingWorld(t, c.adapt)
			var all []*reporter
			lines := make([]netip.Prefix, c.slow)
			for i := range 5 {
				r := reportOf(w.watch(fmt.Sprintf("10.0.1.%d", i+1), false))
				all = append(all, r)
				if i < c.slow {
					lines[i] = netip.PrefixFrom(r.conn.Addr().Addr(), 32)
					w.k.SetLink(lines[i], sim.Link{BytesPerSecond: 21000 * framesPerSecond * 6 / 10, QueueBytes: 64 * 1452})
				}
			}
			w.reportFor(90*time.Second, time.Second, all...)
			lowest, f := camera.quality, w.s.Figures()
			switch {
			case c.follows && (lowest >= 60 || int(f.Thinned) > 1):
				t.Errorf("quality %d, and %d readers are thinned", lowest, f.Thinned)
			case !c.follows && (lowest != 80 || int(f.Thinned) != c.slow):
				t.Errorf("quality %d, and %d readers are thinned; want 80 and %d", lowest, f.Thinned, c.slow)
			}
			want := 0
			if c.adapt == cast.AdaptQuality {
				want = lowest
			}
			if f.Quality != want {
				t.Errorf("the figures say quality %d, want %d", f.Quality, want)
			}
			for _, line := range lines {
				w.k.SetLink(line, sim.Link{})
			}
			w.reportFor(6*time.Minute, 5*time.Second, all...)
			if f := w.s.Figures(); camera.quality != 80 || f.Thinned != 0 {
				t.Errorf("after the links' recovery: quality %d, and %d readers are thinned", camera.quality, f.Thinned)
			}
		})
	}
}
