package attack

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// describe is a request that costs more than others.
func describe(to target) []byte {
	return fmt.Appendf(nil, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", to.url("cam"))
}

// TestPipelinedDescribe has 40 and 400 connections, of ten addresses, ask for the description again
// and again without waiting for the answers: 80000 times in a second.
func TestPipelinedDescribe(t *testing.T) {
	for _, c := range []struct {
		name        string
		connections int
		pause       time.Duration
	}{{"40 connections", 40, 10 * time.Millisecond}, {"400 connections", 400, 100 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
				s.connections(load(c.connections), 10, func(a *connection) error {
					go a.drop()
					return a.every(c.pause, bytes.Repeat(describe(s.to), 20))
				})
			})
		})
	}
}
