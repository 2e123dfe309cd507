package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
)

// The loop stays on the main thread: all socket calls are then made by one thread, which
// is what a person sees who traces the viewer, and the scheduler has nothing to move.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdin, stdout, stderr *os.File) int {
	settings, err := parseArguments(args)
	if err != nil {
		return newProgram(new(rawFlags)).Refuse(err, stdout, stderr)
	}
	// A pipe whose reader has ended is an error of the write, not the viewer's end.
	signal.Ignore(syscall.SIGPIPE)
	status, messages := commandline.ExitOK, commandline.NewOutput(stderr)
	if err = settings.deriveKey(); err != nil {
		err = fmt.Errorf("the key of the password: %w", err)
	} else if settings.address.isList() {
		err = list(settings, stdout)
	} else {
		err = watch(settings, console{stdin, stdout, stderr, messages})
	}
	if err != nil {
		fmt.Fprintf(messages, "camview: %s\n", commandline.OneLine(err))
		status = commandline.ExitFailure
	}
	_ = messages.Close(outputPatience) // messages that are not read change nothing
	return status
}

// outputPatience is how long the end waits for each of stdout and stderr to be read.
const outputPatience = 500 * time.Millisecond

// console is the files that a person or a program has given to the viewer.
type console struct {
	stdin, stdout, stderr *os.File
	// messages goes to stderr, and never waits for its reader.
	messages io.Writer
}
