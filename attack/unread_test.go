package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// readNothing plays over TCP and reads no frame, until the daemon has had enough or the strike is
// over.
func (c *connection) readNothing() error {
	s := c.strike
	a := &client{conn: c, in: bufio.NewReaderSize(c, 16)}
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
}

// TestUnreadFrames has 400 readers over TCP, from ten addresses, play and read nothing.
func TestUnreadFrames(t *testing.T) {
	newHall(t, surroundings{args: []string{"--max-tcp-backlog", strconv.Itoa(load(40))}}).judge(func(t *testing.T, s *strike) {
		s.connections(load(400), 10, func(c *connection) error { return c.readNothing() })
	})
}

// TestUnreadFramesAreBounded has as many readers read nothing, and waits until the kernel holds less
// for them than the daemon allows, which it has exceeded before. The viewers over TCP are sent every
// frame meanwhile.
func TestUnreadFramesAreBounded(t *testing.T) {
	most := load(40) << 20 // of some 100 MB
	h := newHall(t, surroundings{alone: true, args: []string{"--max-tcp-backlog", strconv.Itoa(most >> 20)}})
	ctx, cancel := context.WithCancel(t.Context())
	s := &strike{Context: ctx, to: h.daemon.target, daemon: h.daemon.target}
	for i := range load(400) {
		s.all.Go(func() { s.connect(address(i, 10), func(c *connection) error { return c.readNothing() }) })
	}
	s.awaitBounded(t, h.daemon.rtsp, most)
	cancel()
	s.all.Wait()
	for i, v := range h.viewers {
		if gaps := v.gaps(); h.ways[i%len(h.ways)].name == "RTSP over TCP" && gaps > 0 {
			t.Errorf("a viewer over TCP has missed something %d times", gaps)
		}
	}
}

// heldFor is how many bytes wait in the sockets of a TCP port for being acknowledged, as
// /proc/net/tcp says (tx_queue, proc_net(5)).
func heldFor(t *testing.T, local netip.AddrPort) (bytesHeld int) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	const localField, stateField, queueField = 1, 3, 4
	port := fmt.Sprintf(":%04X", local.Port())
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) <= queueField || !strings.HasSuffix(fields[localField], port) || fields[stateField] == "0A" { // it listens
			continue
		}
		queue, _, _ := strings.Cut(fields[queueField], ":")
		n, err := strconv.ParseUint(queue, 16, 32)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		bytesHeld += int(n)
	}
	return bytesHeld
}

// awaitBounded waits until the kernel holds more than most bytes for the daemon's readers, and then no more than
// that again.
func (s *strike) awaitBounded(t *testing.T, at netip.AddrPort, most int) {
	t.Helper()
	highest, now := 0, 0
	for end := time.Now().Add(20 * time.Second); s.pause(50*time.Millisecond) && time.Now().Before(end); {
		if now = heldFor(t, at); now > most {
			highest = max(highest, now)
		} else if highest > 0 {
			break
		}
	}
	t.Logf("%d MB at most, then %d MB; %d MB are allowed", highest>>20, now>>20, most>>20)
	if highest == 0 || now > most {
		t.Errorf("the kernel held up to %d bytes for the readers, and %d at last, want %d", highest, now, most)
	}
}
