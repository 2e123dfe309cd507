package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/rig"
)

// childVariable tells a child process that it is one.
const childVariable = "CAMCAST_BENCH_CHILD"

// The descriptors of a child process, not the standard ones: libraries print.
const (
	taskFD = 3 + iota
	commandsFD
	answersFD
)

// task is what a child process is to do: one of the two.
type task struct {
	Send    *senderConfig
	Readers *audience.Config
}

// Main is to be called first thing by a program that measures. In a child process it does
// not return.
func Main() {
	if os.Getenv(childVariable) == "" {
		return
	}
	commands, answers := os.NewFile(commandsFD, "commands"), os.NewFile(answersFD, "answers")
	var t task
	err := json.NewDecoder(os.NewFile(taskFD, "task")).Decode(&t)
	switch {
	case err != nil:
	case t.Send != nil:
		err = send(*t.Send, commands, answers)
	case t.Readers != nil:
		err = audience.Serve(*t.Readers, commands, answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is this program, started again.
type child struct {
	cmd     *exec.Cmd
	in, out *os.File // its commands and answers
}

// startChild starts one in a network namespace and on a CPU, -1 for any.
func startChild(namespace string, core int, t task) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := rig.Command(namespace, core, self)
	commands, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer commands.Close()
	out, answers, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer answers.Close()
	tasks, give, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	defer tasks.Close()
	c := &child{exec.Command(args[0], args[1:]...), in, out}
	c.cmd.Env = append(os.Environ(), childVariable+"=1", "GNET_LOGGING_LEVEL=5")
	c.cmd.ExtraFiles = []*os.File{tasks, commands, answers}
	c.cmd.Stdout, c.cmd.Stderr = os.Stderr, os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close(), give.Close())
	}
	// It may be long: the child is already reading.
	if err := errors.Join(json.NewEncoder(give).Encode(t), give.Close()); err != nil {
		return nil, errors.Join(err, c.kill())
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// kill ends the child and its children at once.
func (c *child) kill() error {
	for _, pid := range family([]int{c.pid()}) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	_ = c.cmd.Wait() // it was killed
	_ = c.in.Close() // it may be closed already
	return c.out.Close()
}
