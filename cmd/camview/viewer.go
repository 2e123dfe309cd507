package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/receive"
)

const (
	// startInterval is how far apart the readers start: so many at once would be a burst
	// that no server is made for.
	startInterval = 2 * time.Millisecond
	// leaveAtOnce is how many leave at once, and leaveInterval how far apart they do: more
	// goodbyes than a socket has room for would be lost.
	leaveAtOnce   = 4
	leaveInterval = time.Millisecond
	// goodbyeTime is how long servers have to answer the goodbyes.
	goodbyeTime = time.Second
)

// viewer is all that runs on the loop.
type viewer struct {
	settings *settings
	loop     *loop.Loop
	resolver *resolver
	tls      *tls.Config // nil: the URL is not rtsps://
	// presenter shows or writes the pictures.
	presenter *presenter
	room      *udp.Room // that all sockets receive into
	messages  io.Writer
	readers   []*reader
	started   int // how many readers have been
	done      int // how many have all they want, or will not get it
	starter   *loop.Timer
	ages      histogram.Histogram
	began     time.Duration
	lasted    time.Duration // set when the watching is over
	end       context.CancelFunc
	toldLoss  time.Duration // when the loss of the server was told last
	failure   error         // why it ends, if something has failed
	unseen    error         // why a reader gets packets but no pictures, if that was said
	stats     *stats
}

// watch receives pictures until somebody or something ends it.
func watch(s *settings, c console) (err error) {
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	v := &viewer{settings: s, loop: l, resolver: &resolver{loop: l, host: s.address.host}, room: udp.NewRoom(), messages: c.messages, began: l.Now(), end: stop}
	if s.address.scheme == rtspsScheme {
		if v.tls, err = s.trust.config(s.address.host); err != nil {
			return err
		}
	}
	if v.presenter, err = newPresenter(v, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.presenter.close()) }() // on a panic too
	v.start()
	if err := l.Run(ctx); err != nil {
		return err
	}
	v.settle()
	stop()                       // a second signal ends the process at once
	shown := v.presenter.close() // first: nobody at the terminal is to wait for the server
	if err := errors.Join(shown, v.leave()); err != nil {
		return err
	}
	return v.outcome(c.stdout)
}

// settle ends the watching: what comes while readers leave does not count.
func (v *viewer) settle() {
	v.lasted = v.loop.Now() - v.began
	for _, r := range v.readers {
		r.settle()
	}
}

// start starts the readers, and what ends them.
func (v *viewer) start() {
	for i := range v.settings.readers {
		v.readers = append(v.readers, newReader(v, i))
	}
	v.starter = v.loop.NewTimer(v.startNext)
	v.starter.SetAfter(0)
	if v.settings.duration > 0 {
		v.loop.NewTimer(v.end).SetAfter(v.settings.duration)
	}
	v.stats = newStats(v)
}

func (v *viewer) startNext() {
	v.readers[v.started].connect()
	if v.started++; v.started < len(v.readers) {
		v.starter.SetAfter(startInterval)
	}
}

// leave says goodbye to the server for each reader, and waits a moment for its answers.
func (v *viewer) leave() error {
	v.starter.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	giveUp, patience := v.loop.NewTimer(cancel), goodbyeTime
	if v.settings.address.scheme == joinScheme {
		patience += receive.LongestTurn
	}
	next, left := 0, 0
	gone := func() {
		if left++; left == len(v.readers) {
			cancel()
		}
	}
	var leaver *loop.Timer
	leaver = v.loop.NewTimer(func() {
		for range min(leaveAtOnce, len(v.readers)-next) {
			v.readers[next].leave(gone)
			next++
		}
		if next < len(v.readers) {
			leaver.SetAfter(leaveInterval)
		}
		giveUp.SetAfter(patience)
	})
	leaver.SetAfter(0)
	if err := v.loop.Run(ctx); err != nil {
		return err
	}
	for _, r := range v.readers {
		r.close()
	}
	return nil
}

// fail ends the viewer with an error.
func (v *viewer) fail(err error) {
	if v.failure == nil {
		v.failure = err
	}
	v.end()
}

// refused is called when a reader got no pictures and will not.
func (v *viewer) refused(r *reader, err error) {
	if len(v.readers) > 1 {
		err = fmt.Errorf("reader %d: %w", r.number+1, err)
	}
	if v.failure == nil {
		v.failure = err
	}
}

// lost is called when a reader has lost the server, and will come back.
func (v *viewer) lost(r *reader, err error) {
	if len(v.readers) > 1 {
		// A server that is lost is lost to all: told by one, once in a while.
		if v.toldLoss > 0 && v.loop.Now()-v.toldLoss < minBackoff {
			return
		}
		v.toldLoss = v.loop.Now()
		err = fmt.Errorf("reader %d: %w", r.number+1, err)
	}
	v.say(err)
}

// say shows a message below the picture, or prints it.
func (v *viewer) say(err error) {
	if !v.presenter.tell(err.Error()) {
		fmt.Fprintf(v.messages, "camview: %v\n", err)
	}
}

// blind is called when a reader gets packets, but no pictures. One reader says it for all.
func (v *viewer) blind(r *reader, err error) {
	if v.unseen != nil {
		return
	}
	v.unseen = err
	if len(v.readers) > 1 {
		err = fmt.Errorf("reader %d: %w", r.number+1, err)
	}
	v.say(err)
}

// sees is called when a reader of which blind was called gets pictures.
func (v *viewer) sees() {
	v.unseen = nil
	v.presenter.tell("")
}

// found is called when a reader is sent packets, for the first time or again.
func (v *viewer) found(r *reader) {
	if r.frames > 0 {
		r.before.reconnects++
	}
	v.presenter.tell("")
}

// aged takes the age of a picture that could be shown.
func (v *viewer) aged(age time.Duration) {
	v.ages.Record(age)
	v.stats.ages.Record(age)
}

// readerDone is called once for each reader that has all it wants, or will not get it.
func (v *viewer) readerDone() {
	if v.done++; v.done == len(v.readers) {
		v.end()
	}
}

// outcome tells the figures, and what has failed.
func (v *viewer) outcome(stdout io.Writer) error {
	s := v.summary()
	if v.settings.json || v.settings.summed() && s.ReadersServed > 0 { // else the error says it all
		if err := v.print(s, stdout); err != nil {
			return err
		}
	}
	switch {
	case s.ReadersServed == s.Readers && v.failure == nil:
		return nil
	case v.failure != nil:
		return v.failure
	}
	err := fmt.Errorf("%s: %d of %s got no pictures in %.1f s; %s came", v.settings.address.shown,
		s.Readers-s.ReadersServed, commandline.Count(s.Readers, "reader"), s.Seconds, commandline.Count(s.Packets, "packet"))
	switch {
	case v.unseen != nil:
		err = fmt.Errorf("%w: %w", err, v.unseen)
	case s.Packets == 0 && v.unanswered():
		err = fmt.Errorf("%w: %w", err, errNoAnswer)
	}
	return err
}

// unanswered reports whether no server has answered any reader.
func (v *viewer) unanswered() bool {
	return !slices.ContainsFunc(v.readers, func(r *reader) bool { return r.state != connecting })
}

// print prints the figures: as JSON on stdout, unless pictures go there, else on stderr.
func (v *viewer) print(s summary, stdout io.Writer) error {
	if !v.settings.json || v.settings.output == toStdout {
		return s.print(v.messages, v.settings.json)
	}
	out := commandline.NewOutput(stdout)
	err := s.print(out, true)
	if closed := out.Close(outputPatience); closed != nil {
		err = fmt.Errorf("the figures cannot be written to standard output: %w", closed)
	}
	return err
}

// summary is the figures so far.
func (v *viewer) summary() summary {
	var total figures
	lasted := v.lasted
	if lasted == 0 {
		lasted = v.loop.Now() - v.began
	}
	s := summary{Readers: v.settings.readers, Seconds: float64(lasted.Round(time.Millisecond).Milliseconds()) / 1000, Age: spreadOf(&v.ages)}
	jitters, roundTrips := 0, 0
	for _, r := range v.readers {
		f := r.figures()
		total = total.plus(f)
		if f.frames > 0 {
			s.ReadersServed++
		}
		if f.packets > 0 {
			jitters++
		}
		if f.roundTrip > 0 {
			roundTrips++
		}
	}
	s.Frames, s.FramesLost, s.FramesSkipped = total.frames, total.framesLost, total.framesSkipped
	s.Packets, s.PacketsLost, s.PacketsSkipped = total.packets, total.packetsLost, total.packetsSkipped
	s.Lags, s.Reconnects = v.presenter.lags, total.reconnects
	s.Jitter, s.RoundTrip = meanOf(total.jitter, jitters), meanOf(total.roundTrip, roundTrips)
	return s
}
