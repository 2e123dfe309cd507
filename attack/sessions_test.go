package attack

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestHijacking comes with the session ids of viewers, from elsewhere, and with guessed ones.
func TestHijacking(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		for i, v := range s.viewers {
			if v.session == "" {
				continue
			}
			s.all.Go(func() {
				for n := 0; s.pause(100 * time.Millisecond); n++ {
					s.hijack(address(i, viewers), v.session)
					s.hijack(viewerAddress(i), fmt.Sprintf("%032x", n))
				}
			})
		}
	})
}

// hijack tries all that can be done to a session.
func (s *strike) hijack(from netip.Addr, session string) {
	c, err := newClient(from, s.to.rtsp)
	if err != nil {
		return
	}
	defer c.conn.Close()
	if !s.attacks() {
		_, _ = fmt.Fprintf(c.conn, "TEARDOWN %s RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n", s.to.url("cam"), session)
		return
	}
	for _, request := range [][]string{
		{"PAUSE"}, {"PLAY"}, {"GET_PARAMETER"}, {"SETUP", "Transport: RTP/AVP;unicast;client_port=40000-40001"}, {"TEARDOWN"},
	} {
		c.session = session
		status, err := c.ask(request[0], s.to.url("cam"), request[1:]...)
		s.sent.Add(1)
		if s.Err() == nil && (err != nil || status != 454) {
			s.fault(fmt.Errorf("%s of a session of somebody else is answered by %d, %v", request[0], status, err))
		}
	}
}
