package file

import (
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
)

// stage plays a source and opens it again when it is lost, as package cast does.
type stage struct {
	t      testing.TB
	host   *capturetest.Host
	source *Source
}

func newStage(t testing.TB, path string, o Options) *stage {
	s, h := openSource(t, path, o)
	return &stage{t, h, s}
}

// isOver says whether the source has reported that it is lost, or failed after it was live.
func (s *stage) isOver() bool {
	n := len(s.host.Reports)
	return n > 0 && (strings.HasPrefix(s.host.Reports[n-1], "lost: ") || strings.HasPrefix(s.host.Reports[n-1], "failed: "))
}

// losses are the reports of that.
func (s *stage) losses() (n int) {
	for _, r := range s.host.Reports {
		if strings.HasPrefix(r, "lost: ") {
			n++
		}
	}
	return n
}

// run plays for a while.
func (s *stage) run(d time.Duration) {
	s.t.Helper()
	for end := s.host.Now() + d; s.host.Now() < end; {
		s.host.RunFor(interval / 2) // one beat at most
		if s.isOver() {
			s.host.Close()
			s.host.RunFor(250 * time.Millisecond)
			s.host.Open(s.source)
		}
	}
}

// until plays until there are n frames, and wants them to be these.
func (s *stage) until(want ...[]byte) {
	s.t.Helper()
	for range 10_000 {
		if len(s.host.Frames) >= len(want) {
			break
		}
		s.run(interval / 2)
	}
	if got := played(s.host); !equal(got, want) {
		s.t.Errorf("%d pictures, want %d, or others", len(got), len(want))
	}
}

// last wants the last report.
func (s *stage) last(want string) {
	s.t.Helper()
	s.run(300 * time.Millisecond)
	if got := s.host.Reports; len(got) == 0 || got[len(got)-1] != want {
		s.t.Errorf("reports %q, want %q at the end", got, want)
	}
}
