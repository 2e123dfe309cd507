package cast_test

import (
	"testing"
	"testing/synctest"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
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
