//go:build adapt

package rig_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/camcast/camcast/bench/rig"
)

// These tests interrupt a program that has made a network, a temporary folder and a child, and look
// for what is left. They need root; make test-adapt runs them.

// interruptedVariable has this program be the one that is interrupted, and says how it ends.
const interruptedVariable = "CAMCAST_INTERRUPTED"

func TestMain(m *testing.M) {
	if how := os.Getenv(interruptedVariable); how != "" {
		rig.Enclose()
		if err := beInterrupted(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// beInterrupted makes what could be left behind, says so, and waits. Its child's output is this
// program's, and so is open for as long as the child lives.
func beInterrupted(how string) error {
	r, err := rig.New("veth")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "camcast-interrupted-")
	if err != nil {
		return err
	}
	args := rig.Command(r.Near, -1, "sh", "-c", "trap '' TERM INT HUP; cat")
	child := exec.Command(args[0], args[1:]...)
	child.Stdout = os.Stdout
	if _, err := child.StdinPipe(); err != nil { // in which nothing comes
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println(r.Near, folder)
	if how == "panic" {
		panic("as go test does when the time is over")
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestNothingIsLeftBehind(t *testing.T) {
	if missing := rig.Missing(); missing != "" {
		t.Fatalf("network namespaces need %s", missing)
	}
	for how, s := range map[string]syscall.Signal{
		"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "SIGQUIT": syscall.SIGQUIT, "SIGKILL": syscall.SIGKILL, "panic": 0,
	} {
		t.Run(how, func(t *testing.T) {
			interrupt(t, how, s)
		})
	}
}

func interrupt(t *testing.T, how string, s syscall.Signal) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), interruptedVariable+"="+how)
	var trace strings.Builder
	cmd.Stderr = &trace
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, &trace)
	}
	if s != 0 {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	// The end of the output is that of the child and of all others.
	if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it has ended well")
	}
	if stack := strings.Contains(trace.String(), "beInterrupted"); stack != (how == "SIGQUIT" || how == "panic") {
		t.Errorf("printed where its goroutines are: %v\n%s", stack, &trace)
	}
	namespace, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, path := range []string{folder, filepath.Join("/run/netns", namespace)} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}
