package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/cast/webrtc"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/clone"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/logqueue"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/worker"
)

// The loop stays on the main thread: all socket, epoll and camera calls are then made
// by one thread, which is what a person sees who traces the daemon, and the scheduler
// has nothing to move.
func init() { runtime.LockOSThread() }

func main() {
	// The reader of stdout or stderr may go: a write then fails, and does not end the process. SIGPIPE is
	// not ignored, as commands that are sources would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// run is main with its surroundings as arguments.
func run(args []string, c console) int {
	return newCommands(c).Execute(args, c.stdout, c.stderr)
}

// newCommands is camcast with its commands.
func newCommands(c console) *commandline.Program {
	var raw rawFlags
	p := newProgram(&raw)
	p.Run = func(sources []string) (status int, err error) {
		settings, err := raw.settings(sources)
		if err != nil {
			return 0, err
		}
		return broadcast(settings, c.stdout, c.stderr), nil
	}
	p.Commands = []*commandline.Program{newDevices(c), newControls(c), newPasswd(c), newTop(c), newMakeCertificate(c)}
	return p
}

// broadcast serves, and says why it ends if that is a failure.
func broadcast(settings *settings, stdout, stderr io.Writer) (status int) {
	if err := serve(settings, stdout, stderr); err != nil {
		messages := commandline.NewOutput(stderr)
		settings.printFailure(messages, err)
		_ = messages.Close(outputPatience) // a message that is not read changes nothing
		return commandline.ExitFailure
	}
	return commandline.ExitOK
}

// serve broadcasts until a signal comes or all sources have ended.
func serve(settings *settings, stdout, stderr io.Writer) (err error) {
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	log := logqueue.New(settings.logHandler(stderr))
	defer func() {
		late, cancel := context.WithTimeout(context.Background(), outputPatience)
		defer cancel()
		_ = log.Close(late) // nobody reads it
	}()
	out, figures := commandline.NewOutput(stdout), commandline.NewOutput(stderr)
	// An output that is not read, or is gone, ends nothing.
	defer func() { _, _ = out.Close(outputPatience), figures.Close(outputPatience) }()
	config := settings.config
	config.Log = slog.New(log)
	if settings.clone != "" {
		program, openErr := clone.Open(settings.clone, udp.MaxClonePeers)
		if openErr != nil {
			return fmt.Errorf("--clone: %w", openErr)
		}
		defer func() { err = errors.Join(err, program.Close()) }()
		config.Clones = program.Clones
	}
	d := &service{settings: settings, ctx: ctx, stop: stop, stdout: out, log: config.Log, droppedLogLines: log.Dropped}
	if err := d.openGate(l); err != nil {
		return err
	}
	if d.gate != nil {
		config.Gate = d.gate
	}
	b, err := cast.New(l, config)
	if err != nil {
		port := config.RTP.Port()
		return explain(err, portRequest{"--rtp", "udp", []uint16{port, port + 1}})
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	d.broadcaster = b
	if err := d.openFronts(); err != nil {
		return err
	}
	defer addProcessors(d.processors())()
	if err := d.addStreams(); err != nil {
		return err
	}
	if ctx.Err() != nil { // while the sources were opened
		return nil
	}
	if err := d.addDestinations(); err != nil {
		return err
	}
	// Signals are taken before it is announced that all is ready: a program that reads this may send one at once.
	defer printFiguresOnSignal(l, b, figures, settings.figuresPrinter())()
	defer d.reloadOnHangup()()
	d.checkUsers()
	d.announce()
	if err := l.Run(ctx); err != nil {
		return err
	}
	stop() // a second signal ends the process at once
	left, gone := context.WithCancel(context.Background())
	b.Leave(gone)
	if err := l.Run(left); err != nil || d.open > 0 {
		return err
	}
	return d.failed // a program's, that has written no pictures
}

// outputPatience is how long the end waits for each of stdout and stderr to be read.
const outputPatience = 100 * time.Millisecond

// service is a running camcast.
type service struct {
	settings    *settings
	broadcaster *cast.Broadcaster
	rtsp, rtsps *rtsp.Server   // nil: off
	http, https *http.Server   // nil: off
	webRTC      *webrtc.Server // nil: off
	certificate certificate.Current
	gate        *auth.Gate // nil: everybody may watch
	reloads     []reload
	ctx         context.Context
	stop        func() // ends Run
	stdout      io.Writer
	// cameras are the devices of the streams that have one.
	cameras map[string]string
	// encoder is the device that encodes H.264, if there is one.
	encoder m2m.Device
	// droppedLogLines is how many lines of the log were dropped.
	droppedLogLines func() uint64
	log             *slog.Logger

	// described are the destinations, by their index, whose SDP file is written.
	described map[int]bool
	// writers write these files when sources are opened later, also by the destinations' indices.
	writers map[int]*worker.Worker[sdpFile]
	// others are the streams whose frames come from another program or machine.
	others []string
	// open is how many streams have not ended.
	open int
	// settled is called with each first outcome of opening a source, as long as the daemon
	// starts.
	settled func()
	// failed is the error of a source that could not be opened when the daemon started, and
	// absent the last error of one that could not be opened at any time.
	failed, absent error
}

// openFronts has the streams served by the protocols that are asked for.
func (d *service) openFronts() error {
	join.Serve(d.broadcaster)
	if err := d.openTLS(); err != nil {
		return err
	}
	if err := d.openRTSP(); err != nil {
		return err
	}
	return d.openHTTP() // last, as the page names the ports of the others
}

// openRTSP has the streams served by RTSP, unless that is off.
func (d *service) openRTSP() (err error) {
	address := d.settings.rtsp
	if !address.IsValid() {
		return nil
	}
	options := rtsp.Options{Name: commandline.Version("camcast")}
	if d.rtsps != nil {
		options.SecurePort = d.rtsps.Port()
	}
	if d.rtsp, err = rtsp.Listen(d.broadcaster, address, options); err != nil {
		return explain(err, portRequest{"--rtsp", "tcp", []uint16{address.Port()}})
	}
	return nil
}
