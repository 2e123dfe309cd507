package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast/secrettest"
)

// camcastBinary is the daemon under test, built once per run.
var camcastBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CAMCAST_BINARY"); path != "" {
		return path, nil
	}
	folder, err := os.MkdirTemp("", "camcast-test-")
	if err != nil {
		return "", err
	}
	built = folder
	path := filepath.Join(folder, "camcast")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// built is the folder that camcastBinary has made, empty if it has made none: no test of a run, such as
// one that fuzzes, need want it.
var built string

func TestMain(m *testing.M) {
	rig.Enclose()
	status := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(status)
}

// lockedBuffer is an output that may be read while it is written.
type lockedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.String()
}

// daemon is a running camcast.
type daemon struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdout  string // the announcement
	stderr  *lockedBuffer
	logs    chan string // lines of stderr
	stopped bool
	secrets *secrettest.Secrets // of the files that it has read at first
}

var announcedURL = regexp.MustCompile(`rtsp://\S+`)

// startDaemon runs camcast on free ports of the loopback address and waits until it
// says what it does. It is stopped when the test ends.
func startDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := parseArguments(args)
	if err != nil {
		t.Fatal(err)
	}
	streams := max(len(settings.sources), 1)
	return launch(t, binary, nil, secretsOf(settings.auth, settings.tls.key), streams, args)
}

// launch starts camcast with other ports than the default ones, and returns when it has announced so many streams.
func launch(t *testing.T, binary string, stdin io.Reader, secrets *secrettest.Secrets, streams int, args []string) *daemon {
	t.Helper()
	d := &daemon{t: t, secrets: secrets, stderr: &lockedBuffer{}, logs: make(chan string, 10000)}
	if !slices.Contains(args, "--log-level") {
		args = append([]string{"--log-level", "debug"}, args...)
	}
	d.cmd = exec.Command(binary, append([]string{"--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--http", "off"}, args...)...)
	d.cmd.Stdin = stdin
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // where the tests are not enclosed
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go d.readLogs(stderr)
	t.Cleanup(d.stop)
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		d.stdout += line
		if err != nil {
			t.Fatalf("camcast ended before it announced anything: %s%s", d.stdout, d.stderr)
		}
		if announcedAll(d.stdout, streams) {
			break
		}
	}
	go io.Copy(io.Discard, lines)
	return d
}

// announcedAll reports whether the announcement is whole: an empty line is before each stream,
// and at the end.
func announcedAll(text string, streams int) bool {
	return strings.Count("\n"+text, "\n\n") == streams+1
}

func (d *daemon) readLogs(stderr io.Reader) {
	defer close(d.logs)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(d.stderr, lines.Text())
		select {
		case d.logs <- lines.Text():
		default: // nobody waits for this many; the text is kept all the same
		}
	}
}

// url is where the first stream is to be had.
func (d *daemon) url() string { return announcedURL.FindString(d.stdout) }

// awaitLog waits until a line of the log contains all of the words.
func (d *daemon) awaitLog(words ...string) string {
	d.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-d.logs:
			if !ok {
				d.t.Fatalf("camcast ended before it logged %q:\n%s", words, d.stderr)
			}
			if containsAll(line, words) {
				return line
			}
		case <-deadline:
			d.t.Fatalf("camcast did not log %q in time:\n%s", words, d.stderr)
		}
	}
}

func containsAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// awaitEnd waits until the daemon ends by itself, and checks that it ends well.
func (d *daemon) awaitEnd() {
	d.t.Helper()
	d.stopped = true
	deadline := time.After(20 * time.Second)
	for open := true; open; {
		select {
		case _, open = <-d.logs:
		case <-deadline:
			d.t.Fatalf("camcast did not end:\n%s", d.stderr)
		}
	}
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("camcast: %v\n%s", err, d.stderr)
	}
	d.checkSecrets()
}

// stop ends the daemon as a person would, and checks that it ends well.
func (d *daemon) stop() {
	if d.stopped {
		return
	}
	d.stopped = true
	began := time.Now()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Errorf("SIGTERM: %v", err)
	}
	for range d.logs { // until stderr is closed, which Wait may not precede
	}
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("camcast: %v\n%s", err, d.stderr)
	}
	d.checkSecrets()
	if took := time.Since(began); took > 5*time.Second {
		d.t.Errorf("camcast took %v to end", took)
	}
}
