package main

import (
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var announcedJoin = regexp.MustCompile(`camcast://(\S+)/cam\b`)

// TestJoinByAnotherImplementation has a reader in Python, which knows of the protocol what
// PROTOCOL.md says, list the streams, join one, receive it and leave.
func TestJoinByAnotherImplementation(t *testing.T) {
	d := startDaemon(t, "cam=testcard:?size=320x240", "yard=testcard:?size=640x480")
	place := announcedJoin.FindStringSubmatch(d.stdout)
	if place == nil {
		t.Fatalf("no camcast:// address is announced:\n%s", d.stdout)
	}
	host, port, err := net.SplitHostPort(place[1])
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("timeout", "20", "python3", "testdata/join.py", host, port, "yard", "30").CombinedOutput()
	if err != nil {
		t.Fatalf("join.py: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := []string{"stream cam 320x240 30 26", "stream yard 640x480 30 26", "joined yard 640x480 30 26"}
	if len(lines) != 4 || strings.Join(lines[:3], "\n") != strings.Join(want, "\n") ||
		!strings.HasPrefix(lines[3], "frames 30 ") || !strings.HasSuffix(lines[3], " lost 0") {
		t.Errorf("the reader says:\n%s", out)
	}
	d.awaitLog("reader left", "yard", "reason=goodbye", "frames=3")

	out, err = exec.Command("timeout", "20", "python3", "testdata/join.py", host, port, "nonesuch", "30").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "refused: 404") {
		t.Errorf("a stream that there is not: %v\n%s", err, out)
	}
}
