package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
)

// TestServerComesBack stops the server while it is watched, and starts it anew.
func TestServerComesBack(t *testing.T) {
	for name, args := range map[string]func(*broadcast) []string{
		"udp":  func(b *broadcast) []string { return []string{"--transport", "udp", b.url("cam")} },
		"tcp":  func(b *broadcast) []string { return []string{"--transport", "tcp", b.url("cam")} },
		"join": func(b *broadcast) []string { return []string{b.joinURL("cam")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startBroadcast(t, "cam")
			cmd := camview(t, append(args(first), "--frames", "30", "-o", "-")...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pictures, r := 0, bufio.NewReader(stdout)
			take := func(n int) {
				t.Helper()
				for range n {
					data, err := nextPicture(r)
					if err != nil {
						t.Fatalf("after %d pictures: %v; %s", pictures, err, stderr.String())
					}
					pictures++
					cardNumber(t, data)
				}
			}
			take(10)
			first.stop()
			first.again("cam")
			take(20)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, stderr.String())
			}
			if !containsAll(stderr.String(), "trying again in 500ms", "1 reconnect\n") {
				t.Errorf("stderr %q", stderr.String())
			}
		})
	}
}

// TestNoPictures wants status 1 and one clear line.
func TestNoPictures(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	b := startBroadcast(t, "cam")
	full := startFull(t)
	for name, c := range map[string]struct {
		args   []string
		status int
		want   []string
	}{
		"nobody listens":    {[]string{"--json", "rtsp://" + closed.Addr().String() + "/cam"}, 1, []string{"connection refused"}},
		"no broadcaster":    {[]string{"--duration", "300ms", "camcast://" + closed.Addr().String() + "/cam"}, 1, []string{"got no pictures", errNoAnswer.Error()}},
		"no such stream":    {[]string{"-o", "-", b.url("nothing")}, 1, []string{"404", "the only stream is cam"}},
		"the house is full": {[]string{"-o", "-", full}, 1, []string{"453"}},
		"no RTSP server":    {[]string{"-o", "-", startSpeaker(t, "SSH-2.0-OpenSSH_9.2\r\n\r\n")}, 1, []string{"127.0.0.1"}},
		"hangs up":          {[]string{"-o", "-", startSpeaker(t, "")}, 1, []string{"closed the connection"}},
		"no terminal":       {[]string{b.url("cam")}, 1, []string{"not a terminal", "-o", "--duration"}},
		"UDP refused":       {[]string{"-o", "-", "--transport", "udp", startOther(t, false)}, 1, []string{"461"}},
		"figures of nobody": {[]string{"--frames", "3", b.url("nothing")}, 1, []string{"404"}},
		"usage":             {[]string{"--frames", "0", b.url("cam")}, 2, []string{"--frames 0", "--help"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := runCamview(t, c.args...)
			if status != c.status || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "camview: ") || !containsAll(stderr, c.want...) {
				t.Errorf("status %d, want %d; stderr %q, want one line with %q", status, c.status, stderr, c.want)
			}
			if stdout != "" && name != "nobody listens" {
				t.Errorf("stdout %q", stdout)
			}
		})
	}
}

// startFull is the URL of a broadcast that takes no more readers.
func startFull(t *testing.T) string {
	t.Helper()
	b := startBroadcastAt(t, cast.Config{RTP: netip.AddrPortFrom(loopback, 0), MaxReaders: 1}, 0, "cam")
	cmd := camview(t, "-o", "-", b.url("cam"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: the status says nothing
	})
	b.awaitReaders(1)
	return b.url("cam")
}

// startSpeaker is the URL of a server that says something to everybody and hangs up.
func startSpeaker(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, text)
			_, _ = bufio.NewReader(c).ReadString('\n') // the request comes, or does not
			c.Close()
		}
	}()
	return "rtsp://" + l.Addr().String() + "/cam"
}
