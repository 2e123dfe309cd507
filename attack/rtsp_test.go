package attack

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// options is a request that any connection may make.
func options() []byte { return []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n") }

// TestSlowloris holds 5000 connections, from ten addresses, by a header that never ends.
func TestSlowloris(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(5000), 10, func(c *connection) error {
			if err := c.write([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: ")); err != nil {
				return err
			}
			return c.every(time.Second, []byte("a"))
		})
	})
}

// TestIdleConnections opens 10000 connections, from 15 addresses, on which nothing is said.
func TestIdleConnections(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(10_000), 15, func(c *connection) error {
			c.drop()
			return nil
		})
	})
}

// TestPipeliningUnread asks and asks, and reads no answer.
func TestPipeliningUnread(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(200), 10, func(c *connection) error {
			return c.every(10*time.Millisecond, bytes.Repeat(options(), 50))
		})
	})
}

// TestJunk sends random bytes where requests are expected.
func TestJunk(t *testing.T) {
	junk := make([]byte, 16<<10)
	for i := range junk {
		junk[i] = byte(rand.Uint32())
	}
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(500), 20, func(c *connection) error {
			go c.drop()
			return c.every(100*time.Millisecond, junk)
		})
	})
}

// TestInterleavedFlood sends the longest interleaved packets there are, for no session, 100 MB a
// second.
func TestInterleavedFlood(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		s.connections(load(100), 10, func(c *connection) error {
			p := make([]byte, 4+65535)
			copy(p, "$\x01\xff\xff")
			go c.drop()
			return c.every(60*time.Millisecond, p)
		})
	})
}
