package main

import (
	"encoding/json"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
)

// TestJSONLog has a camera that is absent, readers that come and leave, figures, and the end. Every
// line of stderr is a JSON object, with words for what is no number.
func TestJSONLog(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--log", "json", "--send", "bench=udp://127.0.0.1:6000", "bench="+smallCard, "desk=/dev/video77")
	d.awaitLog("source is not available yet", "/dev/video77")
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolUDP, gortsplib.ProtocolTCP} {
		c, err := newClient(t, d.url(), protocol)
		if err != nil {
			t.Fatal(err)
		}
		c.play()
		c.consecutive(5)
		if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		d.awaitLog("figures of the process")
		close(c.silent)
		c.rtsp.Close()
		d.awaitLog("reader left")
	}
	d.stop()

	text := d.stderr.String()
	for line := range strings.Lines(text) {
		checkJSONLine(t, line)
	}
	for _, want := range []string{
		`"protocol":"rtsp","transport":"udp","readers":1}`, `"protocol":"rtsp","transport":"tcp","readers":1}`,
		`"protocol":"send","transport":"udp","destinations":1}`, `"msg":"figures","stream":"bench"`, `"msg":"figures of a reader","stream":"bench"`,
		`"readers":1,"destinations":1,`, `"msg":"destination removed"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not logged:\n%s", want, text)
		}
	}
}

// longNumber has more than three decimals.
var longNumber = regexp.MustCompile(`":-?\d+(\.\d{4,}|e[-+]?\d+)`)

// checkJSONLine wants one object with the log's own keys, and no number that nobody would write.
func checkJSONLine(t *testing.T, line string) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(line), &object); err != nil || object["msg"] == nil || object["level"] == nil || object["time"] == nil {
		t.Errorf("%v: %q is no line of a JSON log", err, line)
	}
	for _, word := range []string{"transport", "protocol", "state"} {
		if value, ok := object[word]; ok {
			if _, ok := value.(string); !ok {
				t.Errorf("%s is %v, and should be a word: %s", word, value, line)
			}
		}
	}
	if number := longNumber.FindString(line); number != "" {
		t.Errorf("%q in %s", number, line)
	}
}

// TestJSONFailure has camcast fail: why is a line of the JSON log, too.
func TestJSONFailure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, args := range map[string][]string{
		"port":   {"--rtsp", taken.Addr().String(), "--rtp", "127.0.0.1:0", "testcard:"},
		"source": {"--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "/dev/null"},
	} {
		status, stdout, stderr := runBinary(t, append([]string{"--log", "json"}, args...)...)
		if status != 1 || stdout != "" || strings.Count(stderr, "\n") == 0 || !containsAll(stderr, []string{`"level":"ERROR"`, `"error":`}) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", name, status, stdout, stderr)
		}
		for line := range strings.Lines(stderr) {
			checkJSONLine(t, line)
		}
	}
}
