package webrtc

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// lines is a log, of a line for each record.
type lines struct{ text *strings.Builder }

func (l lines) Enabled(context.Context, slog.Level) bool { return true }
func (l lines) Handle(_ context.Context, r slog.Record) error {
	l.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.text.WriteString(" " + a.String())
		return true
	})
	l.text.WriteString("\n")
	return nil
}
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l lines) WithGroup(string) slog.Handler      { return l }
func (l lines) NeverWaits()                        {}

// TestLogOfViewersThatDoNotCome has viewers not reach the port, and not shake hands: the log says so, and what would help.
func TestLogOfViewersThatDoNotCome(t *testing.T) {
	log := lines{&strings.Builder{}}
	w := newStage(t, func(c *cast.Config) { c.Log = slog.New(log) })
	w.join(viewerAt)
	w.run(12 * time.Second)
	g := w.join(movedTo)
	g.prove()
	g.send(handshakeOf(1, 100))
	w.run(20 * time.Millisecond)
	w.begun[0].done(Keys{}, errOtherCertificate)
	w.run(time.Second)
	idle := w.join(netip.MustParseAddrPort("198.51.100.9:40000"))
	idle.prove()
	w.run(12 * time.Second)
	if text := log.text.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "--public-address") || !strings.Contains(text, "another certificate") {
		t.Errorf("%s", text)
	}
}
