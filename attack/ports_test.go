package attack

import (
	"fmt"
	"testing"
	"time"
)

// TestPortWalk goes through the ports of viewers at their own addresses, as a second player behind
// the same address translation can: each PLAY to a port that a viewer uses is refused, and ends
// nobody.
func TestPortWalk(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		for i, v := range s.viewers {
			if v.port == 0 {
				continue
			}
			s.all.Go(func() {
				for n := 0; s.pause(20 * time.Millisecond); n++ {
					s.walk(i, v.port, v.port-8+2*uint16(n%9))
				}
			})
		}
	})
}

// walk has a session play to a port of a viewer's address.
func (s *strike) walk(i int, viewers, port uint16) {
	c, err := newClient(viewerAddress(i), s.to.rtsp)
	if err != nil {
		return
	}
	defer c.conn.Close()
	s.sent.Add(1)
	transport := fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1)
	if !s.attacks() {
		_, _ = fmt.Fprintf(c.conn, "SETUP %s RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", s.to.url("cam"), transport)
		return
	}
	status, err := c.ask("SETUP", s.to.url("cam")+"/trackID=0", "Transport: "+transport)
	if err == nil && status == 200 {
		status, err = c.ask("PLAY", s.to.url("cam"))
	}
	if port == viewers && err == nil && status != 453 {
		s.fault(fmt.Errorf("PLAY to the port of a viewer is answered by %d, want 453", status))
	}
	_, _ = c.ask("TEARDOWN", s.to.url("cam"))
}
