package attack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// onTLSPort has an attack go to the port of TLS.
func onTLSPort(attack func(*testing.T, *strike)) func(*testing.T, *strike) {
	return func(t *testing.T, s *strike) {
		s.to.rtsp, s.daemon.rtsp = s.to.rtsps, s.daemon.rtsps
		attack(t, s)
	}
}

// TestIdleHandshakes opens 5000 connections to the port of TLS, from ten addresses, on which nothing
// is said, or only the beginning of a ClientHello. The daemon's memory stays bounded.
func TestIdleHandshakes(t *testing.T) {
	const mostGrowth = 64 << 20
	h := newHall(t, surroundings{tls: true})
	before := h.daemon.memory(t)
	hello := clientHello(t)
	h.judge(onTLSPort(func(t *testing.T, s *strike) {
		beginnings := [][]byte{nil, hello[:1], hello[:len(hello)/2]}
		for i, beginning := range beginnings {
			s.connections(load(5000)/len(beginnings), 10-i, func(c *connection) error {
				if err := c.write(beginning); err != nil {
					return err
				}
				c.drop()
				return nil
			})
		}
	}))
	if now := h.daemon.memory(t); now > before+mostGrowth {
		t.Errorf("the daemon had up to %d MB before, and %d MB now", before>>20, now>>20)
	} else {
		t.Logf("the daemon had up to %d MB before, and %d MB now", before>>20, now>>20)
	}
}

// memory is the most that the daemon has had in memory so far, and resident what it has now.
func (d *daemon) memory(t *testing.T) (bytesUsed int)   { return d.status(t, "VmHWM") }
func (d *daemon) resident(t *testing.T) (bytesUsed int) { return d.status(t, "VmRSS") }

// status is one of the sizes that the kernel says of the daemon (proc_pid_status(5)).
func (d *daemon) status(t *testing.T, name string) (bytesUsed int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var kilobytes int
		if n, _ := fmt.Sscanf(string(line), name+": %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	t.Fatal("the kernel does not say how much memory the daemon has")
	return 0
}

// clientHello is how a TLS client begins.
func clientHello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	go func() { _ = tls.Client(here, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	p := make([]byte, 4096)
	n, err := there.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	there.Close()
	return p[:n]
}

// TestHandshakeFlood sends ClientHellos on 40 connections from ten addresses as fast as these are
// answered, and then hangs up: the daemon has to sign each time.
func TestHandshakeFlood(t *testing.T) {
	hello := clientHello(t)
	newHall(t, surroundings{tls: true}).judge(onTLSPort(func(t *testing.T, s *strike) {
		for i := range load(40) {
			s.all.Go(func() {
				for s.pause(time.Millisecond) {
					s.connect(address(i, 10), func(c *connection) error {
						if err := c.write(hello); err != nil {
							return err
						}
						// What discards does not answer.
						_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
						_, err := c.Read(make([]byte, 1))
						return err
					})
				}
			})
		}
	}))
}

// TestPlainTextOnTLSPort has 400 connections send requests and junk to the port of TLS.
func TestPlainTextOnTLSPort(t *testing.T) {
	newHall(t, surroundings{tls: true}).judge(onTLSPort(func(t *testing.T, s *strike) {
		for _, said := range []string{"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "no line", "\x00\x01\x02\x03", "\x16\x03\x03\xff\xff\x00"} {
			s.connections(load(80), 10, func(c *connection) error {
				if err := c.write([]byte(said)); err != nil {
					return err
				}
				c.drop()
				return nil
			})
		}
	}))
}

// TestUnreadTLSFrames has 400 readers over TLS, from ten addresses, play and read nothing.
func TestUnreadTLSFrames(t *testing.T) {
	args := []string{"--max-tcp-backlog", strconv.Itoa(load(40))}
	newHall(t, surroundings{tls: true, args: args}).judge(onTLSPort(func(t *testing.T, s *strike) {
		// One after the other: what discards does not shake hands, which costs the attacker as much as
		// the daemon.
		for i := range load(400) {
			s.all.Go(func() {
				if s.pause(5 * time.Millisecond * time.Duration(i)) {
					s.connect(address(i, 10), (*connection).readNothingByTLS)
				}
			})
		}
	}))
}

// readNothingByTLS is readNothing over TLS.
func (c *connection) readNothingByTLS() error {
	s := c.strike
	if s.attacks() {
		secure := tls.Client(c.TCPConn, &tls.Config{InsecureSkipVerify: true})
		a := &client{conn: secure, in: bufio.NewReaderSize(secure, 16)}
		if err := a.play(s.to, overTCP); err != nil {
			return err
		}
	} else if err := c.write(make([]byte, 2000)); err != nil { // as much as a handshake and requests
		return err
	}
	s.sent.Add(1)
	<-s.Done()
	return io.EOF
}

// TestUnreadTLSFramesAreBounded has as many readers over TLS read nothing, and waits until the kernel
// holds less for them than the daemon allows, which it has exceeded before.
func TestUnreadTLSFramesAreBounded(t *testing.T) {
	most := load(40) << 20
	h := newHall(t, surroundings{alone: true, tls: true, args: []string{"--max-tcp-backlog", strconv.Itoa(most >> 20)}})
	ctx, cancel := context.WithCancel(t.Context())
	to := h.daemon.target
	to.rtsp = to.rtsps
	s := &strike{Context: ctx, to: to, daemon: to}
	for i := range load(400) {
		s.all.Go(func() { s.connect(address(i, 10), (*connection).readNothingByTLS) })
	}
	s.awaitBounded(t, to.rtsp, most)
	cancel()
	s.all.Wait()
}
