package attack

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestWorstHost has one host do its worst within its limits: 200 connections of all kinds, reports and
// requests to join. Viewers at its own address are sent the stream, too.
func TestWorstHost(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		for _, serve := range []func(*connection) error{
			func(c *connection) error {
				go c.drop()
				return c.every(100*time.Millisecond, bytes.Repeat(describe(s.to), 20))
			},
			func(c *connection) error { return c.every(100*time.Millisecond, bytes.Repeat(options(), 50)) }, // and reads nothing
			func(c *connection) error { return c.every(time.Second, []byte("O")) },
			func(c *connection) error {
				go c.drop()
				return c.every(100*time.Millisecond, make([]byte, 16<<10))
			},
		} {
			s.connections(load(200)/4, 1, serve)
		}
		report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "nobody")
		s.flood(t, load(20_000), 1, s.to.rtcp, func(int) []byte { return report })
		request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
		s.flood(t, load(20_000), 1, s.to.rtp, func(int) []byte { return request })
		for _, w := range ways {
			s.all.Go(func() { s.watchToo(w, address(0, 1)) })
		}
	})
}

// watchToo has a viewer watch from an attacker's address, and wants it to get most frames.
func (s *strike) watchToo(w way, from netip.Addr) {
	if !s.attacks() || !s.pause(100*time.Millisecond) {
		return
	}
	began := time.Now()
	v, err := w.watch(from, s.daemon)
	if err == nil {
		defer v.close()
		select {
		case <-v.first:
		case <-s.Done():
			err = fmt.Errorf("nothing was sent to it")
		}
	}
	if took := time.Since(began); err != nil || took > mostJoining {
		s.fault(fmt.Errorf("at the attacker's address one who came by %s was sent the stream after %v: %v", w.name, took, err))
		return
	}
	v.take()
	began = time.Now()
	<-s.Done()
	const framesPerSecond, least = 30, 0.9
	if got, want := v.take().frames, framesPerSecond*time.Since(began).Seconds(); float64(got+1) < least*want {
		s.fault(fmt.Errorf("at the attacker's address one who came by %s got %d frames of %.0f", w.name, got, want))
	}
}
