package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
)

// printFiguresAsJSON prints the figures as lines of the JSON log: one for each stream, one for
// each of its readers that lose most, and one for the process.
func printFiguresAsJSON(l *loop.Loop, b *cast.Broadcaster, w io.Writer, atStart udp.SystemCounters) {
	log := slog.New(slog.NewJSONHandler(w, nil))
	for _, s := range watchedStreams(b) {
		f, source := s.Figures(), s.SourceFigures()
		log.Info("figures", "stream", labelOf(b, s), "frames", f.Frames, "missing_in_source", source.Gaps, "broken", source.Broken,
			"unusable", f.Unusable, "transcoded", f.Transcoded, "not_encoded", source.Skipped, "not_transcoded", f.Skipped,
			"readers", s.Readers()-s.Destinations(), "destinations", s.Destinations(),
			"delivered_frames", f.Delivered, "delivered_packets", f.Packets, "delivered_bytes", f.Bytes, "lags", f.Lags, "late_frames", f.Late, "groups_cut", f.GroupsCut,
			"cut_short", f.CutShort, "unreachable_sends", f.Unreachable,
			quantilesInMilliseconds("first_age_ms", &f.FirstAge), quantilesInMilliseconds("last_age_ms", &f.LastAge),
			"thinned_readers", f.Thinned, "times_to_fewer_frames", f.ThinnedMore, "times_to_more_frames", f.ThinnedLess,
			"resting_readers", f.Resting, "held_back_readers", f.HeldBack, "quality", f.Quality, "source_opened_anew", f.Restarts, "source_watched_anew", f.Revived)
		for i, r := range readersOf(s) {
			if i == mostReaders {
				break
			}
			log.Info("figures of a reader", readerAttrs(s, &r)...)
		}
	}
	sockets, stats, putOff, backlog := b.RTPSockets(), l.Stats(), b.PutOff(), b.TCPBacklog()
	process := []any{"sends", sockets.Calls, "messages", sockets.Messages, "cloned_by_kernel", sockets.Cloned, "bytes", sockets.Bytes,
		"times_full", sockets.Blocked, "turns", stats.Turns, "events", stats.Events, "timers", stats.Timers,
		"in_handlers_ms", inMilliseconds(stats.InHandlers), "longest_turn_ms", inMilliseconds(stats.MaxTurn),
		quantilesInMilliseconds("turn_cpu_ms", &stats.TurnCPU),
		"sweeps_put_off", putOff.Sweeps, "answers_put_off", putOff.Answers, "receptions_put_off", putOff.Datagrams, "connections_put_off", putOff.Requests,
		"tcp_readers_blocked", backlog.Readers, "tcp_backlog_bytes", backlog.Bytes, "tcp_readers_ended", backlog.Ended}
	if now, err := udp.ReadSystemCounters(); err == nil {
		since := now.Since(atStart)
		process = append(process, "kernel_sndbuf_errors", since.SendBufferErrors, "kernel_rcvbuf_errors", since.ReceiveBufferErrors)
	}
	log.Info("figures of the process", process...)
}

// readerAttrs is what a reader has reported.
func readerAttrs(s *cast.Stream, r *cast.ReaderFigures) []any {
	attrs := []any{"stream", s.Name(), "peer", r.Peer, "transport", r.Transport, "frames", r.Frames, "lags", r.Lags, "reports", r.Reports}
	if r.Secure {
		attrs = append(attrs, "secure", true)
	}
	if r.User != "" {
		attrs = append(attrs, "user", r.User)
	}
	if r.Reports > 0 {
		tenths := int(1000*r.FractionLost + 0.5)
		attrs = append(attrs, "report_age_ms", inMilliseconds(r.Age.Round(time.Millisecond)), "lost_lately_percent", float64(tenths)/10,
			"packets_lost", r.CumulativeLost, "jitter_ms", inMilliseconds(r.Jitter))
	}
	if r.RoundTripKnown {
		attrs = append(attrs, "round_trip_ms", inMilliseconds(r.RoundTrip))
	}
	return attrs
}

// quantilesInMilliseconds is a group of quantiles, empty if nothing was counted, as
// ages are without a reader over UDP.
func quantilesInMilliseconds(key string, h *histogram.Histogram) slog.Attr {
	if h.Count == 0 {
		return slog.Group(key)
	}
	return slog.Group(key, "p50", inMilliseconds(h.Quantile(0.5)), "p99", inMilliseconds(h.Quantile(0.99)),
		"p99.9", inMilliseconds(h.Quantile(0.999)), "max", inMilliseconds(h.Max))
}

// inMilliseconds is a duration, rounded to microseconds.
func inMilliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1000
}
