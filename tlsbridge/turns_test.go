package tlsbridge

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnsRest has turns of handshakes be nobody's for as long as they took, up to a bound.
func TestTurnsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{time.Millisecond: time.Millisecond, time.Second: mostRest} {
			r := turns{taken: make(chan struct{}, 1), rests: true}
			ended := time.Now()
			r.enter()
			r.leave(ended.Add(-took))
			if began := r.enter(); began.Sub(ended) != want {
				t.Errorf("after a turn of %v the next one begins after %v, want %v", took, began.Sub(ended), want)
			}
		}
		plain := turns{taken: make(chan struct{}, 1)}
		ended := time.Now()
		plain.enter()
		plain.leave(ended.Add(-time.Second))
		if began := plain.enter(); began != ended {
			t.Errorf("a turn that does not rest is there after %v", began.Sub(ended))
		}
	})
}

// TestNobodyHoldsATurn has more clients than there are turns stall: in the middle of a ClientHello,
// and as they read nothing. Another one is served.
func TestNobodyHoldsATurn(t *testing.T) {
	w := newWorld(t)
	for range cap(handshaking.taken) + 1 {
		w.check(second(w.dial().Write([]byte("\x16\x03\x01\x02\x00\x01\x00"))))
	}
	var stalled []*end
	for range cap(carrying.taken) + 1 {
		_, server := w.connect(tls.VersionTLS13)
		w.check(server.conn.LimitSendBuffer(64 << 10))
		w.stall(server)
		stalled = append(stalled, server)
	}
	client, server := w.connect(tls.VersionTLS13)
	w.background(func() error { return second(client.Write([]byte("hello"))) })
	w.until("the loop has it", func() bool { return string(server.got) == "hello" })
	for _, e := range stalled {
		w.check(e.conn.ResetOnClose())
	}
}
