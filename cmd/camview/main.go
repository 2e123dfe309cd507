package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

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
	if settings.address.isList() {
		err = list(settings, stdout)
	} else {
		err = watch(settings, stdin, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "camview: %v\n", err)
		return commandline.ExitFailure
	}
	return commandline.ExitOK
}
