package cast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestTCPBacklog has readers over TCP read nothing, while the kernel may hold what waits for two of
// them. The others end and their connections are reset, and a reader of another stream that reads
// gets all of it.
func TestTCPBacklog(t *testing.T) {
	for _, limit := range []int{500 << 10, cast.NoLimit} {
		w := newWorld(t, 1, func(c *cast.Config) { c.TCPBacklog = limit })
		other, err := w.b.AddStream("yard", newCamera(t, w.k), cast.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		reads := w.connect("10.0.1.9")
		reads.name = other.Name()
		if status := reads.setupTCP(); status != 200 {
			t.Fatal(status)
		}
		reads.play()
		var deaf []*viewer
		for i := range 5 {
			v := w.watch(fmt.Sprintf("10.0.1.%d", i+1), true)
			v.conn.SetReceiveBuffer(1)
			v.conn.OnData(nil)
			deaf = append(deaf, v)
			w.run(200 * time.Millisecond)
		}
		w.run(5 * time.Second)
		ended := 3
		if limit == cast.NoLimit {
			ended = 0
		}
		f := w.b.TCPBacklog()
		if f.Ended != uint64(ended) || f.Readers != 5-ended || f.Bytes == 0 || ended > 0 && f.Bytes > limit || w.b.Readers() != 6-ended {
			t.Errorf("limit %d: %+v, %d readers", limit, f, w.b.Readers())
		}
		for i, v := range deaf {
			if reset := v.conn.Err() != nil; reset != (i < ended) {
				t.Errorf("limit %d: reader %d: %v", limit, i, v.conn.Err())
			}
		}
		reads.row(150)
		if reads.gaps > 0 {
			t.Errorf("limit %d: the one that reads has lost %d packets", limit, reads.gaps)
		}
		if err := w.b.Close(); err != nil {
			t.Error(err)
		}
		if _, set := w.l.NextTimer(); set {
			t.Error("a timer is set")
		}
	}
}
