package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cmd/camview/term/pty"
	"golang.org/x/sys/unix"
)

// piped runs camcast with a text on stdin, which is a pipe.
func piped(t *testing.T, text string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	go func() {
		_, _ = io.WriteString(write, text)
		write.Close()
	}()
	var out, errOut bytes.Buffer
	status = run(args, console{read, &out, &errOut})
	return status, out.String(), errOut.String()
}

// checkUser wants a user of a file to have a password, a role and streams.
func checkUser(t *testing.T, users *auth.Users, name, password string, role auth.Role, streams string) {
	t.Helper()
	u, found := users.Find(name)
	want, err := cast.NewSecret(name, password)
	if err != nil {
		t.Fatal(err)
	}
	if !found || u.Secret != want || u.Role != role || strings.Join(u.Streams, ",") != streams {
		t.Errorf("%s: found %v, right password %v, %v, %q", name, found, u.Secret == want, u.Role, u.Streams)
	}
}

// TestPasswdFromAPipe takes the first line of stdin, and prints the user's line.
func TestPasswdFromAPipe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stdin, password string
		args            []string
		role            auth.Role
		streams         string
	}{
		{"open: sesame \nand more\n", "open: sesame ", nil, auth.View, ""},
		{"ünïcode\r\n", "ünïcode", []string{"--role", "admin", "--streams=a,b.c"}, auth.Admin, "a,b.c"},
		{strings.Repeat("x", 1024), strings.Repeat("x", 1024), []string{"--streams", "*"}, auth.View, ""},
	} {
		status, stdout, stderr := piped(t, c.stdin, append([]string{"passwd", "me"}, c.args...)...)
		if status != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
			t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
			continue
		}
		users, err := auth.Parse("stdout", []byte(stdout))
		if err != nil {
			t.Error(err)
			continue
		}
		checkUser(t, users, "me", c.password, c.role, c.streams)
	}
}

// TestPasswdIntoAFile makes a file, adds a user and changes a password.
func TestPasswdIntoAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users")
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"one\n", []string{"me", "--streams", "cam", "--role=admin"}},
		{"two\n", []string{"you"}},
		{"three\n", []string{"me"}},                                // what is not given stays
		{"four\n", []string{"you", "--streams=a", "--role=admin"}}, // what is given changes
	} {
		if status, stdout, stderr := piped(t, c.stdin, append([]string{"passwd", "--file", file}, c.args...)...); status != 0 || stdout+stderr != "" {
			t.Errorf("%q: status %d, stdout %q, stderr %q", c.args, status, stdout, stderr)
		}
	}
	users, err := auth.ReadFile(file)
	if err != nil || users.Len() != 2 {
		t.Fatalf("%v, %v", users, err)
	}
	checkUser(t, users, "me", "three", auth.Admin, "cam")
	checkUser(t, users, "you", "four", auth.Admin, "a")
}

// TestWrongPasswd wants one clear line, the right status, and no password in it.
func TestWrongPasswd(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stdin  string
		args   []string
		status int
		want   string
	}{
		{"x\n", nil, 2, "one NAME is needed; the password is not given on the command line"},
		{"x\n", []string{"me", "s3cret"}, 2, "one NAME is needed"},
		{"x\n", []string{"m:e"}, 2, "must not contain ':'"},
		{"x\n", []string{"m\x1be"}, 2, "must be printable UTF-8"},
		{"x\n", []string{""}, 2, "1 to 128 bytes"},
		{"x\n", []string{"me", "--role", "root"}, 2, "--role must be view or admin"},
		{"x\n", []string{"me", "--streams", "a,,b"}, 2, "--streams must be * or names"},
		{"x\n", []string{"me", "--password", "s3cret"}, 2, "unknown flag: --password"},
		{"x\n", []string{"me", "--rtsp", ":1"}, 2, "unknown flag: --rtsp"},
		{"x\n", []string{"me", "--file"}, 2, "flag needs an argument: --file"},
		{"", []string{"me"}, 1, "the password must not be empty"},
		{"\n\n", []string{"me"}, 1, "the password must not be empty"},
		{"\r\nx", []string{"me"}, 1, "the password must not be empty"},
		{strings.Repeat("s3cret", 200), []string{"me"}, 1, "at most 1024 bytes"},
		{"x\n", []string{"me", "--file", "/nowhere/users"}, 1, "/nowhere/users: no such file or directory"},
		{"x\n", []string{"me", "--file", open}, 1, "chmod 600 " + open},
		{"x\n", []string{"me", "--file", "/dev/null"}, 1, "/dev/null: is not a regular file"},
	} {
		status, stdout, stderr := piped(t, c.stdin, append([]string{"passwd"}, c.args...)...)
		if status != c.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "camcast passwd: ") ||
			!strings.Contains(stderr, c.want) || strings.Contains(stderr, "s3cret") {
			t.Errorf("%q: status %d, stdout %q, stderr %q, want status %d, %q", c.args, status, stdout, stderr, c.status, c.want)
		}
	}
}

// TestPasswdThatNobodyReads has stdout be closed: the status says that there is no line.
func TestPasswdThatNobodyReads(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	defer write.Close()
	stdin, text, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if _, err := text.WriteString("x\n"); err != nil {
		t.Fatal(err)
	}
	text.Close()
	var stderr bytes.Buffer
	if status := run([]string{"passwd", "me"}, console{stdin, write, &stderr}); status != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("status %d, stderr %q", status, stderr.String())
	}
}

// typist is somebody at a terminal at which camcast passwd runs.
type typist struct {
	t      *testing.T
	master *os.File
	tty    *os.File
	cmd    *exec.Cmd
	stdout bytes.Buffer
	seen   chan string // what is shown, piece by piece
	shown  string
}

// sitDown runs camcast at a terminal, with its stdout elsewhere.
func sitDown(t *testing.T, args ...string) *typist {
	t.Helper()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	p := &typist{t: t, seen: make(chan string, 1000)}
	if p.master, p.tty, err = pty.Open(80, 24); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.master.Close(); p.tty.Close() })
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.tty, &p.stdout, p.tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.seen)
		for piece := make([]byte, 1000); ; {
			n, err := p.master.Read(piece)
			if err != nil {
				return
			}
			p.seen <- string(piece[:n])
		}
	}()
	return p
}

// await waits until a text is shown.
func (p *typist) await(text string) {
	p.t.Helper()
	for late := time.After(20 * time.Second); !strings.Contains(p.shown, text); {
		select {
		case piece := <-p.seen:
			p.shown += piece
		case <-late:
			p.t.Fatalf("%q is not shown, but %q", text, p.shown)
		}
	}
}

func (p *typist) press(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// echoes reports whether the terminal shows what is typed.
func (p *typist) echoes() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestPasswdAtATerminal asks twice, shows nothing of the password, and leaves the terminal as it was.
func TestPasswdAtATerminal(t *testing.T) {
	p := sitDown(t, "passwd", "me")
	p.await("Password of me: ")
	if p.echoes() {
		t.Error("the password would be shown")
	}
	p.press("wrong\x7f\x7f\x7f\x7f\x7fs3cret\n")
	p.await("Again: ")
	p.press("s3cret\n")
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.shown, "s3cret") || !p.echoes() {
		t.Errorf("shown %q, the terminal echoes: %v", p.shown, p.echoes())
	}
	users, err := auth.Parse("stdout", p.stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	checkUser(t, users, "me", "s3cret", auth.View, "")
}

// TestPasswdThatDiffers types two passwords, or none.
func TestPasswdThatDiffers(t *testing.T) {
	for want, keys := range map[string][2]string{"the two passwords differ": {"s3cret\n", "S3cret\n"}, "must not be empty": {"s3cret\n", "\x04"}} {
		p := sitDown(t, "passwd", "me")
		p.await("Password of me: ")
		p.press(keys[0])
		p.await("Again: ")
		p.press(keys[1])
		p.await(want)
		if err := p.cmd.Wait(); err == nil || p.stdout.Len() > 0 || !p.echoes() {
			t.Errorf("%v, stdout %q, the terminal echoes: %v", err, p.stdout.String(), p.echoes())
		}
	}
}

// TestPasswdIsInterrupted presses Ctrl-C: the program ends by the signal, and the terminal shows
// again what is typed.
func TestPasswdIsInterrupted(t *testing.T) {
	p := sitDown(t, "passwd", "me")
	p.await("Password of me: ")
	p.press("\x03")
	_ = p.cmd.Wait()
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT || !p.echoes() {
		t.Errorf("%v, the terminal echoes: %v", p.cmd.ProcessState, p.echoes())
	}
}
