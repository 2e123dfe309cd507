package tcp_test

import (
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
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
