package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/cmd/commandline/commandlinetest"
)

var unread = map[string]func(testing.TB) *os.File{"full": commandlinetest.FullPipe, "broken": commandlinetest.BrokenPipe}

// TestNobodyReadsTheFigures has stderr be full, or gone, while figures are printed there: the
// pictures come, and the viewer ends when it has enough, as well as by SIGTERM.
func TestNobodyReadsTheFigures(t *testing.T) {
	b := startBroadcast(t, "cam")
	for name, pipe := range unread {
		t.Run(name, func(t *testing.T) {
			enough := camview(t, "--stats", "--frames", "80", "-o", "-", b.url("cam"))
			var pictures bytes.Buffer
			enough.Stdout, enough.Stderr = &pictures, pipe(t)
			if err := enough.Run(); err != nil {
				t.Error(err)
			}
			checkNumbers(t, numbersIn(t, pictures.Bytes()), 80)
			b.awaitReaders(0)

			stopped := camview(t, "--stats", b.url("cam"))
			stopped.Stderr = pipe(t)
			if err := stopped.Start(); err != nil {
				t.Fatal(err)
			}
			b.awaitReaders(1)
			began := time.Now()
			if err := stopped.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := stopped.Wait(); err != nil && stopped.ProcessState.ExitCode() != 1 { // 1: no picture had come yet
				t.Error(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("SIGTERM ends the viewer after %v", took)
			}
			b.awaitReaders(0)
		})
	}
}

// TestNobodyReadsTheSummary has stdout be full, or gone, when the figures are printed there: the
// viewer says so, and ends.
func TestNobodyReadsTheSummary(t *testing.T) {
	url := startBroadcast(t, "cam").url("cam")
	for name, want := range map[string]string{"full": "not read", "broken": "broken pipe"} {
		t.Run(name, func(t *testing.T) {
			cmd := camview(t, "--frames", "3", "--json", url)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = unread[name](t), &stderr
			_ = cmd.Run()
			if cmd.ProcessState.ExitCode() != 1 || strings.Count(stderr.String(), "\n") != 1 || !containsAll(stderr.String(), "figures", want) {
				t.Errorf("status %d, %q; want one line with %q", cmd.ProcessState.ExitCode(), stderr.String(), want)
			}
		})
	}
}
