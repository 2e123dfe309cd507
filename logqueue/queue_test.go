package logqueue_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camcast/camcast/logqueue"
)

// gated is a writer that nobody reads until it is opened.
type gated struct {
	open  chan struct{}
	began chan struct{}
	once  sync.Once
	mutex sync.Mutex
	text  bytes.Buffer
}

func newGated() *gated { return &gated{open: make(chan struct{}), began: make(chan struct{})} }

func (g *gated) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.began) })
	<-g.open
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.text.Write(p)
}

func (g *gated) String() string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.text.String()
}

// TestNobodyReads logs more than the queue holds while nobody reads: nothing waits, and how many
// lines were dropped is said afterwards, once.
func TestNobodyReads(t *testing.T) {
	w := newGated()
	q := logqueue.New(slog.NewTextHandler(w, nil))
	log := slog.New(q).With("stream", "cam")
	log.Info("first")
	<-w.began // the first is being written, and the queue is empty
	const lines = logqueue.Records + 500
	for i := range lines {
		log.Info(fmt.Sprint("line ", i))
	}
	close(w.open)
	log.Info("last")
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := w.String()
	if n := strings.Count(text, "stream=cam"); n < logqueue.Records+1 || n > logqueue.Records+2 {
		t.Errorf("%d lines were logged, want those that fitted: %d, and perhaps the last", n, logqueue.Records+1)
	}
	kept := strings.Count(text, "msg=last")
	if want := fmt.Sprintf("lines=%d\n", 501-kept); strings.Count(text, "dropped") != 1 || !strings.Contains(text, want) {
		t.Errorf("of 500 dropped lines and %d of 1 last one is said: %q", 1-kept, text[max(strings.Index(text, "dropped")-80, 0):][:200])
	}
}

// TestCloseGivesUp has nobody ever read.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGated()
		q := logqueue.New(slog.NewTextHandler(w, nil))
		slog.New(q).Info("unread")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Close(ctx); err != context.DeadlineExceeded {
			t.Errorf("Close: %v, want that it gives up", err)
		}
		slog.New(q).Info("after Close")
		close(w.open)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if text := w.String(); !strings.Contains(text, "unread") || strings.Contains(text, "after Close") {
			t.Errorf("logged %q", text)
		}
	})
}

// TestRepetitions has one host cause a line ten thousand times in ten seconds, and another host
// one a second: of the first most are omitted and counted, of the second none.
func TestRepetitions(t *testing.T) {
	const seconds, each = 10, 1000
	w := &marked{marks: make(chan struct{}, seconds)}
	q := logqueue.New(slog.NewTextHandler(w, nil))
	at := time.Date(2026, time.November, 28, 12, 0, 0, 0, time.UTC)
	say := func(message, peer string, reason int) {
		r := slog.NewRecord(at, slog.LevelInfo, message, 0)
		r.Add("peer", netip.MustParseAddrPort(peer), "reason", reason)
		if err := q.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for second := range seconds {
		say("connection closed", "192.0.2.2:5000", second)
		for i := range each {
			say("connection closed", fmt.Sprintf("192.0.2.1:%d", 1+i), i)
			at = at.Add(time.Second / each)
		}
		say("mark", "192.0.2.3:1", second)
		<-w.marks // all of the second is handled
	}
	say("connection closed", "192.0.2.1:1", each)
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, omitted := 0, 0
	for line := range strings.Lines(w.text.String()) {
		if strings.Contains(line, "192.0.2.1:") {
			lines++
		}
		if _, n, ok := strings.Cut(line, "omitted="); ok {
			var count int
			if _, err := fmt.Sscan(n, &count); err != nil {
				t.Fatal(err)
			}
			omitted += count
		}
	}
	if want := 20 + 5*seconds; lines < want-1 || lines > want+1 {
		t.Errorf("%d lines of the hostile host in %d s, want %d", lines, seconds, want)
	}
	if lines+omitted != seconds*each+1 {
		t.Errorf("%d lines and %d omitted, of %d", lines, omitted, seconds*each+1)
	}
	if n := strings.Count(w.text.String(), "192.0.2.2:"); n != seconds {
		t.Errorf("%d lines of the other host, want %d", n, seconds)
	}
}

// marked is a writer that tells of each line with a mark.
type marked struct {
	text  bytes.Buffer
	marks chan struct{}
}

func (m *marked) Write(p []byte) (int, error) {
	n, err := m.text.Write(p)
	if bytes.Contains(p, []byte("mark")) {
		m.marks <- struct{}{}
	}
	return n, err
}

// TestAHostIsItsPrefix counts a /64 of IPv6 as one host, and addresses of IPv4 by themselves.
func TestAHostIsItsPrefix(t *testing.T) {
	for _, c := range []struct {
		format string
		want   int
	}{{"[2001:db8::%x]:1", 20}, {"[2001:db8:0:%x::1]:1", 200}, {"192.0.2.%d:1", 200}, {"[::ffff:192.0.2.%d]:1", 200}} {
		var text bytes.Buffer
		q := logqueue.New(slog.NewTextHandler(&text, nil))
		at := time.Now()
		for i := range 200 {
			r := slog.NewRecord(at, slog.LevelInfo, "m", 0)
			r.Add("peer", netip.MustParseAddrPort(fmt.Sprintf(c.format, i)))
			if err := q.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text.String(), "\n"); n != c.want {
			t.Errorf("%s: %d lines, want %d", c.format, n, c.want)
		}
	}
}

// TestManyGoroutines logs from many while the queue is closed.
func TestManyGoroutines(t *testing.T) {
	q := logqueue.New(slog.NewTextHandler(io.Discard, nil))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			log := slog.New(q).WithGroup("g").With("goroutine", i)
			for n := range 1000 {
				log.Info("x", "n", n)
			}
		})
	}
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wait.Wait()
}

// Example has a program log without ever waiting for the terminal.
func Example() {
	var out bytes.Buffer // a real program: os.Stderr
	q := logqueue.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	slog.New(q).Info("reader joined", "readers", 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // at the program's end
	defer cancel()
	if err := q.Close(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Print(out.String())
	// Output: level=INFO msg="reader joined" readers=1
}
