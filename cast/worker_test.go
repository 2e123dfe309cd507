package cast_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestJobOutlivesTheLoop has the loop closed while a job runs. The job runs to its end, and what it
// returns does not run: it belongs to the loop's goroutine.
func TestJobOutlivesTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.NewOn(sim.New(1))
		b, err := cast.New(l, cast.Config{})
		if err != nil {
			t.Fatal(err)
		}
		goOn := make(chan struct{})
		ended, handedOver := false, false
		b.Config().Work(func() func() {
			<-goOn
			ended = true
			return func() { handedOver = true }
		})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		synctest.Wait()
		if !ended || handedOver {
			t.Errorf("the job has ended: %v; what it returned has run: %v", ended, handedOver)
		}
	})
}

// TestTranscodingIsNice has a job that transcodes run at a lower priority, and the jobs after it at
// the usual one: its thread has ended.
func TestTranscodingIsNice(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	nice := func(work func(job func() func())) int {
		result := make(chan int)
		work(func() func() {
			raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // of this thread; the system call returns 20 less it
			if err != nil {
				t.Error(err)
			}
			result <- 20 - raw
			return nil
		})
		return <-result
	}
	before := nice(b.Config().Work)
	for range 20 {
		if n := nice(cast.TranscodeOf(b)); n < min(before+10, 19) {
			t.Fatalf("a job that transcodes has nice %d, others %d", n, before)
		}
		if n := nice(b.Config().Work); n != before {
			t.Fatalf("another job has nice %d, want %d", n, before)
		}
	}
}
