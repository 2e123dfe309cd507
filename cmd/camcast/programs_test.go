package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"golang.org/x/sys/unix"
)

// held is what a command begins with that is to be gone at the end with all of its processes, and a function
// that waits until they are.
func held(t *testing.T) (begin string, wait func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	begin = fmt.Sprintf("exec 9>/proc/%d/fd/%d; ", os.Getpid(), write.Fd())
	return begin, func() {
		t.Helper()
		_ = write.Close()
		if err := read.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := read.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("processes are left behind: %v", err)
		}
	}
}

// pictureFile is a file with a JPEG.
func pictureFile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBadPrograms has programs do all that they should not, beside a stream whose reader gets its pictures. The
// log says why each is lost. When camcast has ended no process is left.
func TestBadPrograms(t *testing.T) {
	t.Parallel()
	hold, wait := held(t)
	picture := pictureFile(t)
	d := startDaemon(t, smallCard,
		"garbage=exec:"+hold+"yes", "exits=exec:"+hold+"exit 3", "signals=exec:sh -c 'kill -PIPE $$'; exit $?", "stderr=exec:"+hold+"yes warning >&2",
		"hangs=exec?timeout=2:"+hold+"cat "+picture+"; trap '' TERM; sleep 1000", "forks=exec:"+hold+"for i in 1 2 3 4 5 6 7 8 9; do (trap '' TERM; sleep 1000 &) done; while :; do cat "+picture+"; sleep 0.1; done")
	c, err := newClient(t, d.url(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	c.consecutive(20)
	close(c.silent)
	d.awaitLog("no picture has come for 2s", "stream=hangs")
	d.stop()
	for _, words := range [][]string{{"stream=garbage", "begin none of"}, {"stream=exits", "ended with status 3"}, {"stream=signals", "ended with status 141"}, {"stream=stderr", "command says", "line=warning", "lines_skipped"}} {
		found := false
		for line := range strings.Lines(d.stderr.String()) {
			found = found || containsAll(line, words)
		}
		if !found {
			t.Errorf("the log has no line with %q:\n%.3000s", words, d.stderr)
		}
	}
	wait()
}

// TestProgramsDieWithCamcast kills camcast, and its command's processes, which ignore other signals, are gone.
func TestProgramsDieWithCamcast(t *testing.T) {
	t.Parallel()
	hold, wait := held(t)
	d := startDaemon(t, "exec:"+hold+"trap '' TERM HUP INT; (sleep 1000; sleep 1000) & while :; do cat "+pictureFile(t)+"; sleep 0.1; done")
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	d.stopped = true
	_ = d.cmd.Wait()
	wait()
}

// TestCommandComesBack kills a command by SIGKILL: it is started again, and its stream goes on.
func TestCommandComesBack(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	d := startDaemon(t, "exec:echo $$ >"+pid+"; while :; do cat "+pictureFile(t)+"; sleep 0.05; done")
	for range 2 {
		text, err := os.ReadFile(pid)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscan(string(text), &n); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.awaitLog("source is lost", "ended by signal 9")
		d.awaitLog("source is open")
	}
}

// TestStdin wants camcast to end with its last source, well if there were pictures.
func TestStdin(t *testing.T) {
	t.Parallel()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command string
		status  int
		said    string
	}{
		{"cat " + pictureFile(t), 0, "end of the source"},
		{"echo hello", 1, "camcast: cam: stdin: its first bytes, 68 65 6c 6c 6f"},
		{":", 1, "camcast: cam: stdin has ended without a picture"},
		{"sleep 3.5; echo hello", 1, "camcast: cam: stdin: its first bytes"}, // as others have begun
	} {
		cmd := exec.Command("sh", "-c", "("+c.command+") | timeout -k 1 15 "+binary+" --rtsp 127.0.0.1:0 --rtp 127.0.0.1:0 -")
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.Discard, &stderr
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(stderr.String(), c.said) {
			t.Errorf("%s: status %d, want %d; %s", c.command, got, c.status, stderr.String())
		}
	}
}

// TestFIFO has camcast begin without a program that writes, and play one after the other.
func TestFIFO(t *testing.T) {
	t.Parallel()
	fifo, picture := filepath.Join(t.TempDir(), "fifo"), pictureFile(t)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, fifo, smallCard)
	if !strings.Contains(d.stdout, fifo+", not available yet") || !strings.Contains(d.stdout, "cam2: ") {
		t.Errorf("announced: %s", d.stdout)
	}
	for range 2 {
		if out, err := exec.Command("sh", "-c", "cat "+picture+" >"+fifo).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		d.awaitLog("the program that wrote into the FIFO has ended")
	}
}
