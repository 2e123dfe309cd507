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
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
)

// figuresPrinter prints what has been done so far, and the kernel's counts since atStart.
type figuresPrinter func(l *loop.Loop, b *cast.Broadcaster, w io.Writer, atStart udp.SystemCounters)

// printFiguresOnSignal prints the figures whenever SIGUSR1 comes, as soon as the loop runs. The
// returned function ends that, and prints the last figures.
func printFiguresOnSignal(l *loop.Loop, b *cast.Broadcaster, w io.Writer, print figuresPrinter) (stop func()) {
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
				print(l, b, &lines, atStart)
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
		print(l, b, &lines, atStart)
		_, _ = w.Write(lines.Bytes())
	}
}

// printFigures prints the figures as a person reads them.
func printFigures(l *loop.Loop, b *cast.Broadcaster, w io.Writer, atStart udp.SystemCounters) {
	for _, s := range watchedStreams(b) {
		f, source := s.Figures(), s.SourceFigures()
		fmt.Fprintf(w, "%s: %s (%d missing in the source, %d broken, %d unusable, %d transcoded), %s\n",
			labelOf(b, s), count(f.Frames, "frame"), source.Gaps, source.Broken, f.Unusable, f.Transcoded, audience(s))
		if source.Skipped+f.Skipped > 0 {
			fmt.Fprintf(w, "  skipped as the CPU was too slow: %s not encoded, %d not transcoded\n", count(source.Skipped, "frame"), f.Skipped)
		}
		fmt.Fprintf(w, "  delivered %s, %s, %s; %s, %d cut short, %s to unreachable readers\n", count(f.Delivered, "frame"),
			count(f.Packets, "packet"), count(f.Bytes, "byte"), count(f.Lags, "lag"), f.CutShort, count(f.Unreachable, "send"))
		fmt.Fprintf(w, "  late, first sent over a frame interval after their capture: %s\n", count(f.Late, "frame"))
		if f.GroupsCut > 0 {
			fmt.Fprintf(w, "  groups cut, too large to catch new viewers up: %d\n", f.GroupsCut)
		}
		fmt.Fprintf(w, "  age when handed to the kernel: first reader %s; last reader %s\n", ages(&f.FirstAge), ages(&f.LastAge))
		fmt.Fprintf(w, "  thinned: %s now; %s to fewer frames, %s to more",
			count(f.Thinned, "reader"), count(f.ThinnedMore, "time"), count(f.ThinnedLess, "time"))
		if f.Resting > 0 {
			fmt.Fprintf(w, "; resting, as their machine does not answer or their port is closed: %s", count(f.Resting, "reader"))
		}
		if f.HeldBack > 0 {
			fmt.Fprintf(w, "; held back, as they report to receive nothing: %s", count(f.HeldBack, "reader"))
		}
		if f.Quality > 0 {
			fmt.Fprintf(w, "; quality %d", f.Quality)
		}
		fmt.Fprintln(w)
		printReaders(w, s)
		if f.Restarts+f.Revived > 0 {
			fmt.Fprintf(w, "  source opened anew %s, watched anew %s\n", count(f.Restarts, "time"), count(f.Revived, "time"))
		}
	}
	sockets, stats := b.RTPSockets(), l.Stats()
	fmt.Fprintf(w, "sockets: %s of %s (%d cloned by the kernel), %s, %s full\n", count(sockets.Calls, "send"),
		count(sockets.Messages, "message"), sockets.Cloned, count(sockets.Bytes, "byte"), count(sockets.Blocked, "time"))
	if k := b.TCPBacklog(); k.Readers > 0 || k.Ended > 0 {
		fmt.Fprintf(w, "TCP readers that read nothing: %d, for whom the kernel holds %d bytes; %d were ended\n", k.Readers, k.Bytes, k.Ended)
	}
	if now, err := udp.ReadSystemCounters(); err == nil {
		since := now.Since(atStart)
		fmt.Fprintf(w, "kernel, all of this machine's UDP: %d SndbufErrors, %d RcvbufErrors\n", since.SendBufferErrors, since.ReceiveBufferErrors)
	}
	fmt.Fprintf(w, "loop: %s, %s, %s, %v in handlers, longest turn %v\n",
		count(stats.Turns, "turn"), count(stats.Events, "event"), count(stats.Timers, "timer"), stats.InHandlers.Round(time.Millisecond), stats.MaxTurn.Round(time.Microsecond))
	putOff := b.PutOff()
	fmt.Fprintf(w, "put off to the next turn, as their time was up: %s, %s, %s of datagrams, %s\n",
		count(putOff.Sweeps, "sweep"), count(putOff.Answers, "answer"), count(putOff.Datagrams, "reception"), count(putOff.Requests, "connection"))
	fmt.Fprintf(w, "loop's CPU per turn: p50 %v, p99.9 %v, max %v\n", stats.TurnCPU.Quantile(0.5).Round(time.Microsecond),
		stats.TurnCPU.Quantile(0.999).Round(time.Microsecond), stats.TurnCPU.Max.Round(time.Microsecond))
}

// watchedStreams are all streams, and those of their other renditions that somebody has watched.
func watchedStreams(b *cast.Broadcaster) (all []*cast.Stream) {
	for _, s := range b.Streams() {
		for _, r := range s.Renditions() {
			if r == s || r.Readers() > 0 || r.Figures().Delivered > 0 {
				all = append(all, r)
			}
		}
	}
	return all
}

// labelOf is a stream's name, and, of a rendition that is not listed, its format.
func labelOf(b *cast.Broadcaster, s *cast.Stream) string {
	if p := s.Params(); b.Stream(s.Name()) != s && p != nil {
		return fmt.Sprintf("%s (%v)", s.Name(), p.Format)
	}
	return s.Name()
}

// count is a number and what it counts.
func count(n uint64, noun string) string { return commandline.Count(n, noun) }

// audience is how many readers a stream has, and fixed destinations if any.
func audience(s *cast.Stream) string {
	text := commandline.Count(s.Readers()-s.Destinations(), "reader")
	if n := s.Destinations(); n > 0 {
		text += ", " + commandline.Count(n, "destination")
	}
	return text
}

// mostReaders is how many readers are printed: those who lose most.
const mostReaders = 20

// readersOf is what the readers of a stream have reported, worst first.
func readersOf(s *cast.Stream) (readers []cast.ReaderFigures) {
	for session := range s.Sessions() {
		if session.Playing() && session.Protocol() != cast.Send {
			readers = append(readers, session.Figures())
		}
	}
	slices.SortFunc(readers, func(a, b cast.ReaderFigures) int {
		return cmp.Or(cmp.Compare(b.FractionLost, a.FractionLost), a.Peer.Compare(b.Peer))
	})
	return readers
}

// printReaders prints what readers have reported.
func printReaders(w io.Writer, s *cast.Stream) {
	readers := readersOf(s)
	for i, r := range readers {
		if i == mostReaders {
			fmt.Fprintf(w, "  and %s more\n", commandline.Count(len(readers)-i, "reader"))
			return
		}
		fmt.Fprintf(w, "  reader %v%s by %v%s: %s, %s", r.Peer, ofUser(r.User), r.Transport, overTLS(r.Secure), count(r.Frames, "frame"), count(r.Lags, "lag"))
		if r.Reports > 0 {
			fmt.Fprintf(w, "; %s, %v ago: %.1f %% lost lately, %d in all, jitter %v", count(r.Reports, "report"),
				r.Age.Round(time.Millisecond), 100*r.FractionLost, r.CumulativeLost, r.Jitter.Round(time.Microsecond))
		}
		if r.RoundTripKnown {
			fmt.Fprintf(w, ", round trip %v", r.RoundTrip.Round(time.Microsecond))
		}
		fmt.Fprintln(w)
	}
}

// overTLS says that a reader has asked on an encrypted connection.
func overTLS(secure bool) string {
	if secure {
		return " with TLS"
	}
	return ""
}

// ofUser says who a reader is, if that is known.
func ofUser(user string) string {
	if user == "" {
		return ""
	}
	return fmt.Sprintf(" (user %q)", user)
}

func ages(h *histogram.Histogram) string {
	if h.Count == 0 { // no reader over UDP
		return "-"
	}
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v, max %v", round(h.Quantile(0.5)), round(h.Quantile(0.99)), round(h.Max))
}
