package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
)

// printFiguresOnSignal prints the figures whenever SIGUSR1 comes, as soon as the loop runs. The
// returned function ends that, and prints the last figures.
func printFiguresOnSignal(l *loop.Loop, b *cast.Broadcaster, w io.Writer) (stop func()) {
	// Where /proc is not mounted the kernel's counts stay 0.
	atStart, _ := udp.ReadSystemCounters()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	ended := make(chan struct{})
	go func() {
		text := make(chan []byte, 1)
		for range signals {
			err := l.Post(func() {
				var lines bytes.Buffer
				printFigures(l, b, &lines, atStart)
				text <- lines.Bytes()
			})
			if err != nil {
				return // the loop is closed
			}
			select {
			case lines := <-text:
				_, _ = w.Write(lines) // here, not on the loop: the reader of w may be slow
			case <-ended: // the loop does not run any more
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		close(ended)
		var lines bytes.Buffer
		printFigures(l, b, &lines, atStart)
		_, _ = w.Write(lines.Bytes())
	}
}

// printFigures prints what has been done so far.
func printFigures(l *loop.Loop, b *cast.Broadcaster, w io.Writer, atStart udp.SystemCounters) {
	for _, s := range b.Streams() {
		f, source := s.Figures(), s.SourceFigures()
		fmt.Fprintf(w, "%s: %d frames (%d missing in the source, %d broken, %d unusable, %d transcoded), %d readers\n",
			s.Name(), f.Frames, source.Gaps, source.Broken, f.Unusable, f.Transcoded, s.Readers())
		if source.Skipped+f.Skipped > 0 {
			fmt.Fprintf(w, "  skipped as the CPU was too slow: %d frames not encoded, %d not transcoded\n", source.Skipped, f.Skipped)
		}
		fmt.Fprintf(w, "  delivered %d frames, %d packets, %d bytes; %d lags, %d cut short, %d sends to unreachable readers\n",
			f.Delivered, f.Packets, f.Bytes, f.Lags, f.CutShort, f.Unreachable)
		fmt.Fprintf(w, "  age when handed to the kernel: first reader %s; last reader %s\n", ages(&f.FirstAge), ages(&f.LastAge))
		fmt.Fprintf(w, "  thinned: %d readers now; %d times to fewer frames, %d times to more", f.Thinned, f.ThinnedMore, f.ThinnedLess)
		if f.Resting > 0 {
			fmt.Fprintf(w, "; %d readers rest, as their machines do not answer", f.Resting)
		}
		if f.Quality > 0 {
			fmt.Fprintf(w, "; quality %d", f.Quality)
		}
		fmt.Fprintln(w)
		printReaders(w, s)
		if f.Restarts+f.Revived > 0 {
			fmt.Fprintf(w, "  source opened anew %d times, watched anew %d times\n", f.Restarts, f.Revived)
		}
	}
	sockets, stats := b.RTPSockets(), l.Stats()
	fmt.Fprintf(w, "sockets: %d sends of %d messages (%d cloned by the kernel), %d bytes, %d times full\n",
		sockets.Calls, sockets.Messages, sockets.Cloned, sockets.Bytes, sockets.Blocked)
	if now, err := udp.ReadSystemCounters(); err == nil {
		since := now.Since(atStart)
		fmt.Fprintf(w, "kernel, all of this machine's UDP: %d SndbufErrors, %d RcvbufErrors\n", since.SendBufferErrors, since.ReceiveBufferErrors)
	}
	fmt.Fprintf(w, "loop: %d turns, %d events, %d timers, %v in handlers, longest turn %v\n",
		stats.Turns, stats.Events, stats.Timers, stats.InHandlers.Round(time.Millisecond), stats.MaxTurn.Round(time.Microsecond))
	fmt.Fprintf(w, "loop's CPU per turn: p50 %v, p99.9 %v, max %v\n", stats.TurnCPU.Quantile(0.5).Round(time.Microsecond),
		stats.TurnCPU.Quantile(0.999).Round(time.Microsecond), stats.TurnCPU.Max.Round(time.Microsecond))
}

// mostReaders is how many readers are printed: those who lose most.
const mostReaders = 20

// printReaders prints what readers have reported, worst first.
func printReaders(w io.Writer, s *cast.Stream) {
	var readers []cast.ReaderFigures
	for session := range s.Sessions() {
		if session.Playing() && session.Protocol() != cast.Send {
			readers = append(readers, session.Figures())
		}
	}
	slices.SortFunc(readers, func(a, b cast.ReaderFigures) int {
		return cmp.Or(cmp.Compare(b.FractionLost, a.FractionLost), a.Peer.Compare(b.Peer))
	})
	for i, r := range readers {
		if i == mostReaders {
			fmt.Fprintf(w, "  and %d more readers\n", len(readers)-i)
			return
		}
		fmt.Fprintf(w, "  reader %v by %v: %d frames, %d lags", r.Peer, r.Transport, r.Frames, r.Lags)
		if r.Reports > 0 {
			fmt.Fprintf(w, "; %d reports, %v ago: %.1f %% lost lately, %d in all, jitter %v", r.Reports,
				r.Age.Round(time.Millisecond), 100*r.FractionLost, r.CumulativeLost, r.Jitter.Round(time.Microsecond))
		}
		if r.RoundTripKnown {
			fmt.Fprintf(w, ", round trip %v", r.RoundTrip.Round(time.Microsecond))
		}
		fmt.Fprintln(w)
	}
}

func ages(h *histogram.Histogram) string {
	if h.Count == 0 { // no reader over UDP
		return "-"
	}
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v, max %v", round(h.Quantile(0.5)), round(h.Quantile(0.99)), round(h.Max))
}
