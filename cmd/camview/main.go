package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// Exit statuses, as a shell script expects them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// The loop stays on the main thread: all socket calls are then made by one thread, which
// is what a person sees who traces the viewer, and the scheduler has nothing to move.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdin, stdout, stderr *os.File) int {
	settings, err := parseArguments(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, helpText())
		return exitOK
	case errors.Is(err, errVersion):
		fmt.Fprintln(stdout, versionText())
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "camview: %v (camview --help tells more)\n", err)
		return exitUsage
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
		return exitFailure
	}
	return exitOK
}
