//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait. The machine is emulated: all takes its time.
const patience = 30 * time.Second

// process is a running program and the lines it has printed on either output.
type process struct {
	cmd   *exec.Cmd
	lines chan string
	text  strings.Builder // the lines that were looked at
}

// running are the processes that a group of checks has started.
var running []*process

// endAll ends what a group has left running, and returns what that has printed.
func endAll() (printed string) {
	for _, p := range running {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.wait()
			printed += fmt.Sprintf("%s:\n%s", p.cmd, &p.text)
		}
	}
	running = nil
	return printed
}

func start(name string, args ...string) (*process, error) { return startAs(nil, name, args...) }

func startAs(user *syscall.Credential, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), lines: make(chan string, 10000)}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	writer.Close()
	running = append(running, p)
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	return p, nil
}

// await waits for a line that contains all words and returns it.
func (p *process) await(words ...string) (string, error) {
	// The longest wait is for a camera that is unplugged meanwhile.
	const limit = patience + unplugged
	deadline := time.After(limit)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				return "", fmt.Errorf("%s ended before it printed %q:\n%s", p.cmd, words, p.text.String())
			}
			p.text.WriteString(line + "\n")
			if containsAll(line, words) {
				return line, nil
			}
		case <-deadline:
			return "", fmt.Errorf("%s did not print %q in %v", p.cmd, words, limit)
		}
	}
}

func containsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// stop ends the process by SIGTERM and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.wait()
}

func (p *process) wait() error {
	deadline := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer deadline.Stop()
	for line := range p.lines {
		p.text.WriteString(line + "\n")
	}
	return p.cmd.Wait()
}

const (
	serving     = "127.0.0.1:8554"
	firstStream = "cam"
)

func urlOf(stream string) string { return "rtsp://" + serving + "/" + stream }

// startDaemon starts camcast and waits until it serves.
func startDaemon(args ...string) (*process, error) { return startDaemonBy(nil, args...) }

// startDaemonBy does so by a command, such as one that traces it. Readers over TCP may be
// behind by all that a check plays, as this busy machine may keep them from reading.
func startDaemonBy(command []string, args ...string) (*process, error) {
	command = slices.Concat(command, []string{"/camcast", "--lag", strconv.Itoa(wantFrames)}, args)
	p, err := start(command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	_, err = p.await("vlc rtsp://")
	return p, err
}

// figures are the daemon's figures about a source.
type figures struct{ frames, missing, broken int }

var figuresLine = regexp.MustCompile(`: (\d+) frames \((\d+) missing in the source, (\d+) broken`)

// askFigures has the daemon print its figures about the first stream.
func (p *process) askFigures() (f figures, err error) { return p.askFiguresOf(firstStream) }

func (p *process) askFiguresOf(stream string) (f figures, err error) {
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return f, err
	}
	line, err := p.await(stream+": ", " missing in the source")
	if err != nil {
		return f, err
	}
	m := figuresLine.FindStringSubmatch(line)
	if m == nil {
		return f, fmt.Errorf("figures %q", line)
	}
	f.frames, _ = strconv.Atoi(m[1])
	f.missing, _ = strconv.Atoi(m[2])
	f.broken, _ = strconv.Atoi(m[3])
	return f, nil
}

// wantRefusal runs the daemon, which must fail with one line that contains all words.
func wantRefusal(words []string, args ...string) error { return wantRefusalAs(nil, words, args...) }

// wantRefusalAs does so as another user.
func wantRefusalAs(user *syscall.Credential, words []string, args ...string) error {
	p, err := startAs(user, "/camcast", args...)
	if err != nil {
		return err
	}
	err = p.wait()
	text := p.text.String()
	if p.cmd.ProcessState.ExitCode() != 1 || strings.Count(text, "\n") != 1 {
		return fmt.Errorf("camcast %v: %w, want exit status 1 and one line:\n%s", args, err, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			return fmt.Errorf("camcast %v says %q, which lacks %q", args, text, word)
		}
	}
	saw("refused: %s", strings.TrimSpace(text))
	return nil
}

// wantWaiting runs the daemon, which must print a line with text and go on until it is ended.
func wantWaiting(text string, args ...string) error {
	p, err := start("/camcast", args...)
	if err != nil {
		return err
	}
	line, err := p.await(text)
	if err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return fmt.Errorf("camcast %v: %w:\n%s", args, err, p.text.String())
	}
	saw("waits: %s", strings.TrimSpace(line))
	return nil
}

// awaitFile waits until a path exists, as devices do a moment after they were plugged in.
func awaitFile(path string) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticker.C {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s did not appear in %v", path, patience)
}
