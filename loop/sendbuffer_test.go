package loop_test

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/loop"
)

// TestUnacknowledged writes until a peer that does not read lets nothing more through: what the
// kernel holds is what the peer does not have. When it has read, nothing is held.
func TestUnacknowledged(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, peer := w.connection()
		held := func() int {
			n, err := w.kernel.Unacknowledged(fd)
			w.check(err)
			return n
		}
		if n := held(); n != 0 {
			w.Errorf("%d bytes are held before anything was written", n)
		}
		const limit = 64 << 10
		w.check(w.kernel.LimitSendBuffer(fd, limit))
		frame, taken := bytes.Repeat([]byte{7}, 100<<10), 0
		for {
			n, err := w.write(fd, frame)
			if err != nil {
				break
			}
			taken += n
		}
		if n := held(); n == 0 || n > 4*limit || n > taken {
			w.Errorf("%d bytes are held of %d, the limit is %d", n, taken, limit)
		}
		w.check(w.kernel.Watch(fd, loop.Writable, 1))
		ready := make([]loop.Ready, 1)
		for held() > 0 { // the peer's reading is what lets it go on
			peer.read()
			_, err := w.kernel.Wait(ready, 0)
			w.check(err)
			if w.sim != nil {
				w.sim.Advance(1e6)
			}
		}
		w.check(w.kernel.Unwatch(fd))
	})
}

// TestResetOnClose closes a connection whose peer has not read all: the peer is told at once.
func TestResetOnClose(t *testing.T) {
	onBoth(t, func(w *world) {
		fd, peer := w.connection()
		frame := bytes.Repeat([]byte{7}, 100<<10)
		for {
			if _, err := w.write(fd, frame); err != nil {
				break
			}
		}
		w.check(w.kernel.ResetOnClose(fd))
		w.check(w.kernel.CloseFD(fd))
		for range 1000 {
			if peer.err() != nil {
				return
			}
			if w.sim != nil {
				w.sim.Advance(1e6)
			}
		}
		w.Error("the peer was not told")
	})
}

// TestSendBufferOfNoConnection has the calls fail on what is no connection.
func TestSendBufferOfNoConnection(t *testing.T) {
	onBoth(t, func(w *world) {
		if _, err := w.kernel.Unacknowledged(1 << 20); err == nil {
			w.Error("nothing is held of an fd that is not open, and no error")
		}
		if err := w.kernel.LimitSendBuffer(1<<20, 1); err == nil {
			w.Error("an fd that is not open has a send buffer")
		}
		if err := w.kernel.ResetOnClose(1 << 20); err == nil {
			w.Error("an fd that is not open can be reset")
		}
	})
}
