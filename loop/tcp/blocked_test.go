package tcp_test

import (
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// TestBlocked has a peer read nothing, then a little, then all.
func TestBlocked(t *testing.T) { onBoth(t, testBlocked) }

func testBlocked(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connectRaw(t, l)
	if _, blocked := server.conn.Blocked(); blocked {
		t.Error("it is blocked before anything is sent")
	}
	server.conn.Retry() // nothing
	server.fill(t)
	if n := server.conn.Held(); n == 0 {
		t.Error("the kernel holds nothing of what the peer has not read")
	}
	if err := server.conn.Write([]byte("reply")); err != nil {
		t.Fatal(err)
	}
	since, blocked := server.conn.Blocked()
	if !blocked || since != l.Now() {
		t.Errorf("blocked %v since %v, now is %v", blocked, since, l.Now())
	}
	pass(t, l, 5*time.Millisecond)
	server.conn.Retry()
	if again, blocked := server.conn.Blocked(); !blocked || again != since || server.conn.Queued() != 5 {
		t.Errorf("after trying again: blocked %v since %v, %v later; %d bytes are queued", blocked, again, again-since, server.conn.Queued())
	}
	p := make([]byte, 1<<20)
	for blocked := true; blocked; _, blocked = server.conn.Blocked() {
		for err := error(nil); err == nil; {
			_, err = kernel.Read(client, p)
		}
		if _, err := l.Turn(time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if server.writable == 0 || server.conn.Queued() > 0 {
		t.Errorf("writable was told %d times; %d bytes are queued", server.writable, server.conn.Queued())
	}
	server.fill(t)
	if again, blocked := server.conn.Blocked(); !blocked || again <= since {
		t.Errorf("the next time it is blocked %v since %v", blocked, again-since)
	}
	closeFD(t, l, client)
	turnUntil(t, l, func() bool { return server.closed })
	if _, blocked := server.conn.Blocked(); blocked {
		t.Error("it is blocked after its end")
	}
	server.conn.Retry()
}

// pass has time pass on the loop's clock.
func pass(t *testing.T, l *loop.Loop, d time.Duration) {
	t.Helper()
	over := false
	l.NewTimer(func() { over = true }).SetAfter(d)
	turnUntil(t, l, func() bool { return over })
}

// dosed is a kernel that takes no more than dose bytes of each write.
type dosed struct {
	loop.Kernel
	dose int
}

func (k *dosed) Writev(fd int, v []loop.Vector) (int, error) {
	if k.dose == 0 {
		return 0, unix.EAGAIN
	}
	var first [1]loop.Vector
	first[0].Set(v[0].Bytes()[:min(k.dose, v[0].Len())])
	return k.Kernel.Writev(fd, first[:])
}

// TestBlockedSinceTheLastByte has a socket take nothing, or a few bytes: it is blocked since it has last taken some, by
// a turn of the loop or by Retry.
func TestBlockedSinceTheLastByte(t *testing.T) {
	simulated := newSim(t)
	k := &dosed{Kernel: simulated}
	l := newLoop(t, k)
	client, server := connectRaw(t, l)
	defer closeFD(t, l, client)
	k.dose = 10
	if err := server.conn.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	last := l.Now()
	for i, c := range []struct {
		dose  int
		retry bool
	}{{0, false}, {10, false}, {0, true}, {10, true}, {0, false}, {0, true}} {
		simulated.Advance(time.Millisecond)
		if k.dose = c.dose; c.retry {
			k.dose = 0
		}
		if _, err := l.Turn(0); err != nil {
			t.Fatal(err)
		}
		if k.dose = c.dose; c.retry {
			server.conn.Retry()
		}
		if c.dose > 0 {
			last = l.Now()
		}
		if since, blocked := server.conn.Blocked(); !blocked || since != last {
			t.Errorf("step %d: blocked %v since %v, want it since %v; now is %v", i, blocked, since, last, l.Now())
		}
	}
	if n := server.conn.Queued(); n != 100-3*10 {
		t.Errorf("%d bytes are queued, want 70", n)
	}
}
