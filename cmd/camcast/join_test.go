package main

import (
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var announcedJoin = regexp.MustCompile(`camcast://(\S+)/cam\b`)

// runJoin has a reader in Python, which knows of the protocol what PROTOCOL.md says, list
// the streams, join one, receive so many whole frames and leave. user is a name and a password, or
// nothing.
func runJoin(t *testing.T, d *daemon, stream, frames string, user ...string) (text string, err error) {
	t.Helper()
	place := announcedJoin.FindStringSubmatch(d.stdout)
	if place == nil {
		t.Fatalf("no camcast:// address is announced:\n%s", d.stdout)
	}
	host, port, err := net.SplitHostPort(place[1])
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"20", "python3", "testdata/join.py", host, port, stream, frames}, user...)
	out, err := exec.Command("timeout", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestJoinByAnotherImplementation(t *testing.T) {
	d := startDaemon(t, "cam=testcard:?size=320x240", "yard=testcard:?size=640x480")
	text, err := runJoin(t, d, "yard", "30")
	if err != nil {
		t.Fatalf("join.py: %v\n%s", err, text)
	}
	lines := strings.Split(text, "\n")
	want := []string{"stream cam 320x240 30 26", "stream yard 640x480 30 26", "joined yard 640x480 30 26"}
	if len(lines) != 4 || strings.Join(lines[:3], "\n") != strings.Join(want, "\n") ||
		!strings.HasPrefix(lines[3], "frames 30 ") || !strings.HasSuffix(lines[3], " lost 0") {
		t.Errorf("the reader says:\n%s", text)
	}
	d.awaitLog("reader left", "yard", "reason=goodbye")

	if text, err = runJoin(t, d, "nonesuch", "30"); err == nil || !strings.Contains(text, "refused: 404 no such stream") {
		t.Errorf("a stream that there is not: %v\n%s", err, text)
	}
}

// TestJoinWithoutRTSP needs no RTSP at all, and no name where there is one stream.
func TestJoinWithoutRTSP(t *testing.T) {
	d := startDaemon(t, "--rtsp", "off", "testcard:?size=320x240")
	if strings.Contains(d.stdout, "rtsp://") {
		t.Errorf("RTSP is announced:\n%s", d.stdout)
	}
	if text, err := runJoin(t, d, "", "10"); err != nil || !strings.Contains(text, "joined cam 320x240") {
		t.Errorf("join.py: %v\n%s", err, text)
	}
	d.awaitLog("reader left", "reason=goodbye")
}

// TestJoinIsAnnouncedWhereItIs has RTP on another address than RTSP.
func TestJoinIsAnnouncedWhereItIs(t *testing.T) {
	d := startDaemon(t, "--rtp", "127.0.0.2:0", smallCard)
	if text, err := runJoin(t, d, "cam", "5"); err != nil {
		t.Errorf("join.py: %v\n%s", err, text)
	}
	if want := "camview camcast://127.0.0.2:"; !strings.Contains(d.stdout, want) {
		t.Errorf("the announcement lacks %q:\n%s", want, d.stdout)
	}
}

// TestJoinWithPassword has it prove a password, which PROTOCOL.md says how to do.
func TestJoinWithPassword(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--auth", writeUsers(t), "cam=testcard:?size=320x240", "yard=testcard:?size=640x480")
	text, err := runJoin(t, d, "cam", "10", "anna", annasPassword)
	if err != nil || !strings.Contains(text, "stream yard 640x480 30 26\njoined cam 320x240 30 26\nframes 10 ") {
		t.Errorf("join.py: %v\n%s", err, text)
	}
	d.awaitLog("reader joined", "stream=cam", "protocol=join", "user=anna")
	for _, user := range [][]string{{}, {"anna", annasPassword + "x"}, {"otto", annasPassword}} {
		for _, stream := range []string{"cam", "nonesuch"} {
			if text, err := runJoin(t, d, stream, "10", user...); err == nil || text != "refused: 401 password missing or wrong" {
				t.Errorf("%q: %v\n%s", user, err, text)
			}
		}
	}
}
