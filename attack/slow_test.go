package attack

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// TestSlowBytes sends a request a byte at a time. The daemon gives it 10 s from its first byte to its
// end; with the full load the test waits for that.
func TestSlowBytes(t *testing.T) {
	const mostWhole = 10 * time.Second
	h := newHall(t, surroundings{})
	if *full {
		for j := range 20 {
			t.Run(fmt.Sprint(j), func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				if err := h.trickle(j, 2*mostWhole); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < mostWhole-time.Second || took > mostWhole+2*time.Second {
					t.Errorf("it was closed after %v", took)
				}
			})
		}
	}
	h.judge(func(t *testing.T, s *strike) {
		s.connections(load(2000), 10, func(c *connection) error { return c.every(time.Second, []byte("O")) })
	})
}

// trickle sends bytes until the daemon closes the connection.
func (h *hall) trickle(i int, most time.Duration) error {
	conn, err := dialFrom(h.t.Context(), address(i, 100), h.daemon.rtsp)
	if err != nil {
		return err
	}
	defer conn.Close()
	end := time.Now().Add(most)
	for p := make([]byte, 100); time.Now().Before(end); {
		if _, err := conn.Write([]byte("O")); err != nil {
			return nil
		}
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		var timeout interface{ Timeout() bool }
		if _, err := conn.Read(p); err == io.EOF || err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
			return nil
		}
	}
	return fmt.Errorf("it is still open after %v", most)
}
