package cast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// lie has a reader report that it loses half of what it is sent.
func (r *reporter) lie() {
	r.w.t.Helper()
	if !r.begun {
		return
	}
	expected := r.highest - r.base + 1
	r.tell(128, expected/2, r.highest)
}

// TestOneHostHasOneVote has eight readers of one host report loss that there is not, beside four
// readers elsewhere, over UDP and TCP: the quality stays. If they are on more hosts than the others
// it goes down.
func TestOneHostHasOneVote(t *testing.T) {
	for _, c := range []struct {
		hosts int // of the eight
		falls bool
	}{{1, false}, {3, false}, {8, true}} {
		t.Run(fmt.Sprintf("%d hosts", c.hosts), func(t *testing.T) {
			w, camera := newEncodingWorld(t, cast.AdaptQuality)
			var liars []*reporter
			for i := range 8 {
				liars = append(liars, reportOf(w.watch(fmt.Sprintf("10.0.9.%d", i%c.hosts+1), false)))
			}
			honest := []*reporter{reportOf(w.watch("10.0.1.1", false)), reportOf(w.watch("10.0.1.2", false))}
			for i := range 2 {
				w.watch(fmt.Sprintf("10.0.1.%d", 3+i), true).conn.OnData(nil)
			}
			for range 60 {
				w.run(time.Second)
				for _, r := range liars {
					r.lie()
				}
				for _, r := range honest {
					r.send()
				}
			}
			f := w.s.Figures()
			if f.Thinned != 8 || c.falls != (camera.quality < 80) {
				t.Errorf("quality %d, %d readers are thinned", camera.quality, f.Thinned)
			}
		})
	}
}
