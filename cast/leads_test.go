package cast_test

import (
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestSRTPWhileTheSocketIsFull has an SRTP reader play after several rollovers of the counter, while the
// socket is full: it is sent what it needs to know of them when the socket takes more, and opens all that
// follows. A reader that has paused or ended by then is sent nothing.
func TestSRTPWhileTheSocketIsFull(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EAGAIN, unix.ENOBUFS} {
		for _, leaves := range []string{"", "pauses", "ends"} {
			w := newWorld(t, 1, withSRTP)
			keys := newKeyStreams()
			first, late := w.sealedAt("10.0.1.1", keys), w.sealedAt("10.0.1.2", keys)
			w.must(first.play())
			w.must(late.play())
			w.run(time.Second)
			late.session.Pause()
			w.run(100 * time.Millisecond)
			for range 6 { // a counter more, as if 16384 packets had gone out each time
				cast.SkipSealed(w.s, cast.SealedIndex(w.s)+1<<14)
				if _, _, err := cast.LaySealed(w.s, nil); err != nil {
					t.Fatal(err)
				}
			}
			full := true
			w.k.Inject(func(c sim.Call) error {
				if full && (c.Name == "Sendmmsg" || c.Name == "Sendmsg") && c.Peer == late.rtp.Addr() {
					return errno
				}
				return nil
			})
			had, opened := len(late.numbers), late.opened
			w.must(late.play())
			if errno == unix.ENOBUFS { // of which no readiness tells the end
				w.run(10 * time.Millisecond)
			}
			switch leaves {
			case "pauses":
				late.session.Pause()
			case "ends":
				late.session.End("test")
			}
			full = false
			w.run(time.Second)
			switch n := len(late.numbers) - had; {
			case leaves == "" && (n < 28 || late.unopened > 0):
				t.Errorf("%v: it has %d frames, %d packets were not opened", errno, n, late.unopened)
			case leaves != "" && (late.opened > opened || late.unopened > 0):
				t.Errorf("%v: a reader that %s is sent %d packets", errno, leaves, late.opened-opened)
			}
			if keys.reused > 0 {
				t.Errorf("%d of %d packets share a key stream", keys.reused, len(keys.packets))
			}
		}
	}
}
