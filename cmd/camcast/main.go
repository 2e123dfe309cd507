package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/clone"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// The loop stays on the main thread: all socket, epoll and camera calls are then made
// by one thread, which is what a person sees who traces the daemon, and the scheduler
// has nothing to move.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdout, stderr io.Writer) int {
	settings, err := parseArguments(args)
	if err != nil {
		return newProgram(new(rawFlags)).Refuse(err, stdout, stderr)
	}
	if err := serve(settings, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "camcast: %v\n", err)
		return commandline.ExitFailure
	}
	return commandline.ExitOK
}

// serve broadcasts until a signal comes or all sources have ended.
func serve(settings *settings, stdout, stderr io.Writer) (err error) {
	log := settings.logger(stderr)
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	config := settings.config
	config.Log = log
	if settings.clone != "" {
		program, openErr := clone.Open(settings.clone, udp.MaxClonePeers)
		if openErr != nil {
			return fmt.Errorf("--clone: %w", openErr)
		}
		defer func() { err = errors.Join(err, program.Close()) }()
		config.Clones = program.Clones
	}
	b, err := cast.New(l, config)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	open := max(len(settings.sources), 1) // without any there is the default one
	ended := func(*cast.Stream) {
		if open--; open == 0 {
			stop()
		}
	}
	if err := addStreams(b, settings, stdout, ended); err != nil {
		return err
	}
	if err := addDestinations(b, settings); err != nil {
		return err
	}
	defer printFiguresOnSignal(l, b, stderr)() // before it is announced that all is ready
	announce(stdout, b, settings)
	if err := l.Run(ctx); err != nil {
		return err
	}
	stop() // a second signal ends the process at once
	left, gone := context.WithCancel(context.Background())
	b.Leave(gone)
	return l.Run(left)
}
