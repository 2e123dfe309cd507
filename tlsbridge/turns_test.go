package tlsbridge

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var one, another = netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")

// inUse is how many turns are taken.
func (t *turns) inUse() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.taken
}

// waiting is how many hosts wait for one.
func (t *turns) waiting() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.lines)
}

// TestHostsTakeTurns has one host wait often, and then another one: it is the next but one, and the order
// of each host's own stays.
func TestHostsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTurns(1, false)
		r.enter(one)
		var order []string
		wait := func(host netip.Prefix, name string) {
			go func() {
				began := r.enter(host)
				order = append(order, name)
				r.leave(began)
			}()
			synctest.Wait()
		}
		for i := range 100 {
			wait(one, fmt.Sprint("one ", i))
		}
		wait(another, "another 0")
		wait(another, "another 1")
		r.leave(time.Now())
		synctest.Wait()
		if want := []string{"one 0", "another 0", "one 1", "another 1", "one 2", "one 3"}; !slices.Equal(order[:6], want) || len(order) != 102 {
			t.Errorf("%d, in the order %q, want %q", len(order), order[:6], want)
		}
		if r.inUse() != 0 || r.waiting() != 0 || r.first != nil {
			t.Errorf("%d turns are taken at the end, and %d hosts wait", r.inUse(), r.waiting())
		}
	})
}

// TestTurnsRest has turns of handshakes be nobody's for as long as they took, up to a bound.
func TestTurnsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{time.Millisecond: time.Millisecond, time.Second: mostRest} {
			r := newTurns(1, true)
			ended := time.Now()
			r.enter(one)
			r.leave(ended.Add(-took))
			if began := r.enter(one); began.Sub(ended) != want {
				t.Errorf("after a turn of %v the next one begins after %v, want %v", took, began.Sub(ended), want)
			}
		}
		plain := newTurns(1, false)
		ended := time.Now()
		plain.enter(one)
		plain.leave(ended.Add(-time.Second))
		if began := plain.enter(one); began != ended {
			t.Errorf("a turn that does not rest is there after %v", began.Sub(ended))
		}
	})
}

// TestNobodyHoldsATurn has more clients than there are turns stall: in the middle of a ClientHello,
// and as they read nothing. Another one is served.
func TestNobodyHoldsATurn(t *testing.T) {
	w := newWorld(t)
	for range handshaking.most + 1 {
		w.check(second(w.dial().Write([]byte("\x16\x03\x01\x02\x00\x01\x00"))))
	}
	var stalled []*end
	for range carrying.most + 1 {
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

// TestHungUpWhileItWaits has a client hang up whose handshake waits for its turn: nothing is computed for it.
func TestHungUpWhileItWaits(t *testing.T) {
	w := newWorld(t)
	config, trusting := identity()
	computed := 0
	w.server = NewServer(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		computed++
		return &config.Certificates[0], nil
	}})
	here, there := net.Pipe()
	go func() { _ = tls.Client(here, trusting).Handshake() }()
	hello := make([]byte, 4096)
	n, err := there.Read(hello)
	w.check(err)
	w.check(there.Close())

	for range handshaking.most {
		defer handshaking.leave(handshaking.enter(another))
	}
	client := w.dial()
	w.check(second(client.Write(hello[:n])))
	w.until("it waits", func() bool { return handshaking.waiting() == 1 })
	w.check(client.Close())
	handshaking.release()
	w.until("the handshake fails", func() bool { return len(w.failures) == 1 })
	handshaking.enter(another)
	if !errors.Is(w.failures[0], ErrHungUp) || computed > 0 {
		t.Errorf("%d computed: %v", computed, w.failures[0])
	}
}
