package attack

import (
	"bufio"
	"fmt"
	"io"
	"testing"
)

// TestUnreadFrames has 400 readers over TCP, from ten addresses, play and read nothing.
func TestUnreadFrames(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(400), 10, func(c *connection) error {
			a := &client{conn: c, in: bufio.NewReader(c)}
			if s.attacks() {
				if err := a.play(s.to, overTCP); err != nil {
					return err
				}
			} else if _, err := fmt.Fprintf(c, "SETUP %s RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", s.to.url("cam"), overTCP); err != nil {
				return err
			}
			s.sent.Add(1)
			<-s.Done()
			return io.EOF
		})
	})
}
