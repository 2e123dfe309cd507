package exec

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// child is a command that runs. Its fds are those of our ends.
type child struct {
	pid            int
	stdout, stderr int
	// leash is a pipe that nothing is written to: the group ends when it is closed, which the kernel does
	// when this process ends.
	leash int
}

// script starts the command $1 as the group's first process. Before that it starts another one in the
// group, which waits for the end of the leash, fd 3, and then ends the group. That one is nobody's child, so
// that the command has none that it does not know.
const script = `( (
trap '' HUP INT QUIT PIPE ALRM TERM USR1 USR2
read _ <&3
kill -TERM 0
sleep 1
kill -KILL 0
) </dev/null >/dev/null 2>&1 3<&3 & )
exec 3<&-
exec /bin/sh -c "$1"`

// start runs a command. The calling thread must last as long as the command does: when it ends, the command
// gets SIGTERM.
func start(command string) (_ *child, err error) {
	var ends ends
	defer func() { ends.close(err != nil) }()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open /dev/null", err)
	}
	ends.theirs = append(ends.theirs, null)
	stdout, theirStdout, err := ends.pipe()
	if err != nil {
		return nil, err
	}
	stderr, theirStderr, err := ends.pipe()
	if err != nil {
		return nil, err
	}
	theirLeash, leash, err := ends.pipe()
	if err != nil {
		return nil, err
	}
	ends.ours = []int{stdout, stderr, leash}
	ends.theirs = []int{null, theirStdout, theirStderr, theirLeash}
	for _, fd := range []int{stdout, stderr} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	files := []uintptr{uintptr(null), uintptr(theirStdout), uintptr(theirStderr), uintptr(theirLeash)}
	pid, err := syscall.ForkExec("/bin/sh", []string{"/bin/sh", "-c", script, "/bin/sh", command}, &syscall.ProcAttr{
		Env: os.Environ(), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}})
	if err != nil {
		return nil, fmt.Errorf("/bin/sh: %w", err)
	}
	return &child{pid: pid, stdout: stdout, stderr: stderr, leash: leash}, nil
}

// ends are the ends of pipes while a command is started.
type ends struct{ ours, theirs []int }

func (e *ends) pipe() (read, write int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, os.NewSyscallError("pipe2", err)
	}
	e.theirs = append(e.theirs, p[0], p[1]) // until it is known which is whose
	return p[0], p[1], nil
}

// close closes the command's ends, and if it does not run, ours.
func (e *ends) close(all bool) {
	for _, fd := range e.theirs {
		_ = unix.Close(fd)
	}
	if all {
		for _, fd := range e.ours {
			_ = unix.Close(fd)
		}
	}
}

// wait waits until the group's first process has ended, and says how.
func (c *child) wait() (how string) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &status, 0, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // as SIGCHLD is ignored in this process
			return "ended"
		case status.Signaled():
			return fmt.Sprintf("ended by signal %d (%v)", status.Signal(), status.Signal())
		}
		return fmt.Sprintf("ended with status %d", status.ExitStatus())
	}
}

// end has the group end, and closes our ends.
func (c *child) end() error {
	return errors.Join(unix.Close(c.stdout), unix.Close(c.stderr), unix.Close(c.leash))
}
