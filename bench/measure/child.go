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

// childVariable has what a child process is to do.
const childVariable = "CAMCAST_BENCH_CHILD"

// task is what a child process is to do: one of the two.
type task struct {
	Send    *senderConfig
	Readers *audience.Config
}

// Main is to be called first thing by a program that measures. In a child process it does
// not return.
func Main() {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	// Not the standard ones: libraries print.
	commands, answers := os.NewFile(3, "commands"), os.NewFile(4, "answers")
	var t task
	err := json.Unmarshal([]byte(text), &t)
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
	text, err := json.Marshal(t)
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
	c := &child{exec.Command(args[0], args[1:]...), in, out}
	c.cmd.Env = append(os.Environ(), childVariable+"="+string(text), "GNET_LOGGING_LEVEL=5")
	c.cmd.ExtraFiles = []*os.File{commands, answers}
	c.cmd.Stdout, c.cmd.Stderr = os.Stderr, os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
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
