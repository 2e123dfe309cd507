package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop/histogram"
)

// figures are what one reader or several have received.
type figures struct {
	// frames came whole. framesLost are those that the network has damaged or lost;
	// framesSkipped those that the server did not send to this reader, or that were lost whole.
	frames, framesLost, framesSkipped uint64
	// packetsLost and packetsSkipped are the packets that did not come of both.
	packets, packetsLost, packetsSkipped uint64
	// Lags are pictures that the output was too slow for.
	lags uint64
	// Reconnects is how often the server was lost and found again.
	reconnects uint64
	// Jitter is that of RFC 3550; roundTrip is from a request to its answer, 0 if there was
	// none.
	jitter, roundTrip time.Duration
}

func (f figures) plus(g figures) figures {
	return figures{
		frames: f.frames + g.frames, framesLost: f.framesLost + g.framesLost, framesSkipped: f.framesSkipped + g.framesSkipped,
		packets: f.packets + g.packets, packetsLost: f.packetsLost + g.packetsLost, packetsSkipped: f.packetsSkipped + g.packetsSkipped,
		lags: f.lags + g.lags, reconnects: f.reconnects + g.reconnects,
		jitter: f.jitter + g.jitter, roundTrip: f.roundTrip + g.roundTrip,
	}
}

// summary is the figures at the end, as --json prints them.
type summary struct {
	Readers        int      `json:"readers"`
	ReadersServed  int      `json:"readers_served"` // those that got pictures
	Seconds        float64  `json:"seconds"`
	Frames         uint64   `json:"frames"`
	FramesLost     uint64   `json:"frames_lost"`
	FramesSkipped  uint64   `json:"frames_skipped"`
	Packets        uint64   `json:"packets"`
	PacketsLost    uint64   `json:"packets_lost"`
	PacketsSkipped uint64   `json:"packets_skipped"`
	Age            *spread  `json:"age_ms"`    // null if the server does not tell
	Jitter         *float64 `json:"jitter_ms"` // the mean of all readers
	RoundTrip      *float64 `json:"rtt_ms"`    // likewise
	Lags           uint64   `json:"lags"`
	Reconnects     uint64   `json:"reconnects"`
}

// spread is a distribution, in milliseconds.
type spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func spreadOf(h *histogram.Histogram) *spread {
	if h.Count == 0 {
		return nil
	}
	return &spread{milliseconds(h.Quantile(0.5)), milliseconds(h.Quantile(0.99)), milliseconds(h.Max)}
}

// milliseconds is d rounded to microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// meanOf is the mean of several durations by their sum, nil if there are none.
func meanOf(sum time.Duration, count int) *float64 {
	if count == 0 {
		return nil
	}
	ms := milliseconds(sum / time.Duration(count))
	return &ms
}

// print writes the figures as a person reads them, or as one JSON object.
func (s summary) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	count := commandline.Count[uint64]
	_, err := fmt.Fprintf(w, "%d of %s got pictures: %s (%d damaged or lost, %d skipped), %s (%d lost, %d skipped) in %.1f s; %s, %s\n",
		s.ReadersServed, commandline.Count(s.Readers, "reader"), count(s.Frames, "frame"), s.FramesLost, s.FramesSkipped,
		count(s.Packets, "packet"), s.PacketsLost, s.PacketsSkipped, s.Seconds, count(s.Lags, "lag"), count(s.Reconnects, "reconnect"))
	if err == nil && (s.Age != nil || s.Jitter != nil || s.RoundTrip != nil) {
		_, err = fmt.Fprintf(w, "%s\n", s.times())
	}
	return err
}

func (s summary) times() string {
	text := ""
	if s.Age != nil {
		text = fmt.Sprintf("age p50 %.1f ms, p99 %.1f ms, max %.1f ms; ", s.Age.P50, s.Age.P99, s.Age.Max)
	}
	if s.Jitter != nil {
		text += fmt.Sprintf("jitter %.2f ms; ", *s.Jitter)
	}
	if s.RoundTrip != nil {
		text += fmt.Sprintf("rtt %.2f ms; ", *s.RoundTrip)
	}
	return text[:len(text)-2]
}
