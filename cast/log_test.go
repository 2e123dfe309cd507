package cast_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// unread is a log that nobody reads until it is opened.
type unread struct {
	open  chan struct{}
	lines chan string
}

func (u *unread) Write(p []byte) (int, error) {
	<-u.open
	u.lines <- string(p)
	return len(p), nil
}

// TestSocketsLogThroughTheQueue has sockets log while they are opened, and nobody read it.
func TestSocketsLogThroughTheQueue(t *testing.T) {
	w := &unread{open: make(chan struct{}), lines: make(chan string, 100)}
	l := loop.NewOn(sim.New(1, sim.WithoutSegmentation()))
	b, err := cast.New(l, cast.Config{
		RTP: netip.MustParseAddrPort("0.0.0.0:5004"),
		Log: slog.New(slog.NewTextHandler(w, nil)).With("program", "test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	close(w.open)
	if line := <-w.lines; !strings.Contains(line, "slower than it could be") {
		t.Errorf("logged %q", line)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestFailedNewEndsItsLog opens a taken port. The goroutine of the log ends, or synctest.Test fails:
// it waits for every goroutine that the test started.
func TestFailedNewEndsItsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := sim.New(1)
		l := loop.NewOn(k)
		if _, err := k.OpenUDP(netip.MustParseAddrPort("0.0.0.0:5004"), loop.UDPOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := cast.New(l, cast.Config{
			RTP: netip.MustParseAddrPort("0.0.0.0:5004"), Log: slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)),
		}); err == nil {
			t.Fatal("a taken port is taken again")
		}
	})
}
