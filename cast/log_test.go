package cast_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

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

// TestWordsInJSON wants logs and JSON have words, where Go has numbers.
func TestWordsInJSON(t *testing.T) {
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "transport", cast.TCP, "protocol", cast.Send, "state", cast.Lingering)
	for _, want := range []string{`"transport":"tcp"`, `"protocol":"send"`, `"state":"lingering"`} {
		if !strings.Contains(line.String(), want) {
			t.Errorf("%s lacks %s", line.String(), want)
		}
	}
}

// TestDestinationsAreNoReaders has a destination and a viewer: each is logged and counted as what
// it is.
func TestDestinationsAreNoReaders(t *testing.T) {
	w := newWorld(t, 1, nil)
	session, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.0.9.1:6000")})
	if err != nil {
		t.Fatal(err)
	}
	w.watch("10.0.1.1", false)
	w.run(time.Second)
	if n := w.s.Destinations(); n != 1 {
		t.Errorf("%d destinations", n)
	}
	session.End("enough")
	w.run(time.Second)
	if n := w.s.Destinations(); n != 0 {
		t.Errorf("%d destinations are left", n)
	}
	log := w.log.String()
	for _, want := range []string{
		`msg="destination added" stream=cam peer=10.0.9.1:6000 protocol=send transport=udp destinations=1`,
		`msg="destination removed" stream=cam peer=10.0.9.1:6000 protocol=send reason=enough`,
		`msg="reader joined" stream=cam peer=10.0.1.1:`, ` transport=udp readers=1`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("logged %q, want %q", log, want)
		}
	}
	if n := strings.Count(log, "reader joined"); n != 1 {
		t.Errorf("%d readers joined", n)
	}
}

// TestLongRefusalsInTheLog has a refusal's reason hold what a stranger has sent: its beginning is logged.
func TestLongRefusalsInTheLog(t *testing.T) {
	w := newWorld(t, 1, nil)
	before := w.log.Len()
	w.b.LogRefusal(netip.MustParseAddrPort("10.0.1.2:9"), cast.WebRTC, "cam", errors.New("x509: cannot parse URI "+strings.Repeat("\u00e9", 30_000)))
	w.run(time.Second)
	if said := w.log.String()[before:]; len(said) > 1000 || !strings.Contains(said, "x509: cannot parse URI \u00e9") || !utf8.ValidString(said) || strings.Contains(said, "\ufffd") {
		t.Errorf("%d bytes: %.2000s", len(said), said)
	}
}
