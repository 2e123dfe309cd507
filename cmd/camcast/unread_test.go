package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/cmd/commandline/commandlinetest"
)

// TestNobodyReadsTheOutput has stdout and stderr be full, or gone, while connections send junk: a
// viewer sees every frame, and SIGTERM ends the daemon.
func TestNobodyReadsTheOutput(t *testing.T) {
	t.Parallel()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, pipe := range map[string]func(testing.TB) *os.File{"full": commandlinetest.FullPipe, "broken": commandlinetest.BrokenPipe} {
		t.Run(name, func(t *testing.T) {
			address := freeTCP(t)
			cmd := exec.Command(binary, "--rtsp", address, "--rtp", "127.0.0.1:0", smallCard)
			cmd.Stdout, cmd.Stderr = pipe(t), pipe(t)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, if all went well
			awaitTCP(t, address)
			c, err := newClient(t, "rtsp://"+address+"/cam", gortsplib.ProtocolTCP)
			if err != nil {
				t.Fatal(err)
			}
			c.play()
			for range 400 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(conn, "junk\r\n\r\n")
				conn.Close()
			}
			c.consecutive(30)
			began := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if took := time.Since(began); err != nil || took > 2*time.Second {
					t.Errorf("the daemon took %v to end: %v", took, err)
				}
			case <-time.After(20 * time.Second):
				t.Error("SIGTERM does not end the daemon")
			}
		})
	}
}

// TestNobodyReadsTheFailure has the daemon fail, and nobody read why: it ends all the same.
func TestNobodyReadsTheFailure(t *testing.T) {
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		cmd := exec.Command(binary, "--log", format, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "absent.jpg")
		cmd.Stderr = commandlinetest.FullPipe(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // its status is looked at
		late.Stop()
		if status := cmd.ProcessState.ExitCode(); status != commandline.ExitFailure {
			t.Errorf("--log %s: status %d, want %d", format, status, commandline.ExitFailure)
		}
	}
}

// freeTCP is a free address.
func freeTCP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitTCP waits until somebody listens at an address.
func awaitTCP(t *testing.T, address string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(20 * time.Second); ; {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("nobody listens at %s", address)
		}
	}
}

// TestHangup sends SIGHUP, which does not end the daemon, and has nothing to do.
func TestHangup(t *testing.T) {
	d := startDaemon(t, smallCard)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.awaitLog("SIGHUP has no effect")
	c, err := newClient(t, d.url(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	c.consecutive(3)
}
