// Package metrics gives the figures of a cast.Broadcaster to Prometheus.
//
// A Collector is registered with a registry of the program's own, and answers by that registry's handler. Each
// collection is one function on the loop, which copies what there is; what follows from it is on the goroutine that
// collects. No figure has a label for a single reader: there may be ten thousand.
package metrics

import (
	"context"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
	"github.com/prometheus/client_golang/prometheus"
)

// Options are the settings of a Collector; the zero value is useful.
type Options struct {
	// DroppedLogLines is how many lines of the log were dropped (logqueue.Queue.Dropped); nil: that is not
	// counted. It is called by the goroutine that collects.
	DroppedLogLines func() uint64
}

// Collector is a prometheus.Collector. Any goroutine but the loop's may use it.
type Collector struct {
	broadcaster *cast.Broadcaster
	options     Options
}

// New makes the Collector of a Broadcaster, whose loop must run when it collects. Of one that has ended there are no
// figures.
func New(b *cast.Broadcaster, o Options) *Collector { return &Collector{b, o} }

// snapshot is what is taken on the loop.
type snapshot struct {
	streams  []streamFigures
	sessions map[sessionKind]int
	loop     loop.Stats
	putOff   cast.PutOff
	sockets  udp.Counters
	backlog  cast.Backlog
}

type streamFigures struct {
	name  string
	state cast.State
	cast.Totals
	source capture.Figures
}

// sessionKind is what sessions are counted by.
type sessionKind struct {
	stream    string
	protocol  cast.Protocol
	transport cast.Transport
}

// take is called on the loop.
func (c *Collector) take() (s snapshot) {
	b := c.broadcaster
	s.sessions = map[sessionKind]int{}
	for _, stream := range b.Streams() {
		s.streams = append(s.streams, streamFigures{stream.Name(), stream.State(), stream.Totals(), stream.SourceFigures()})
	}
	for session := range b.Sessions() {
		if session.Playing() {
			s.sessions[sessionKind{session.Stream().Name(), session.Protocol(), session.Transport()}]++
		}
	}
	s.loop, s.putOff, s.sockets, s.backlog = b.Loop().Stats(), b.PutOff(), b.RTPSockets(), b.TCPBacklog()
	return s
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, f := range ofStreams {
		descriptions <- f.desc
	}
	for _, f := range ofProcess {
		descriptions <- f.desc
	}
	for _, d := range []*prometheus.Desc{state, sessions, age, putOff, turnCPU} {
		descriptions <- d
	}
	if c.options.DroppedLogLines != nil {
		descriptions <- dropped
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	var s snapshot
	if c.broadcaster.Loop().Do(context.Background(), func() { s = c.take() }) != nil {
		return // it has ended
	}
	for i := range s.streams {
		one := &s.streams[i]
		for _, f := range ofStreams {
			metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(one), one.name)
		}
		for st := cast.Idle; st <= cast.Ended; st++ {
			metrics <- prometheus.MustNewConstMetric(state, prometheus.GaugeValue, oneIf(st == one.state), one.name, st.String())
		}
		for stage, h := range map[string]*histogram.Histogram{
			"encoded": &one.EncodedAge, "laid_out": &one.LaidOutAge, "first_udp": &one.FirstAge, "last_udp": &one.LastAge,
			"first_tcp": &one.FirstAgeTCP, "last_tcp": &one.LastAgeTCP,
		} {
			metrics <- inBuckets(age, h, one.name, stage)
		}
	}
	for kind, n := range s.sessions {
		metrics <- prometheus.MustNewConstMetric(sessions, prometheus.GaugeValue, float64(n), kind.stream, kind.protocol.String(), kind.transport.String())
	}
	for _, f := range ofProcess {
		metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&s))
	}
	for work, n := range map[string]uint64{"sweeps": s.putOff.Sweeps, "answers": s.putOff.Answers, "datagrams": s.putOff.Datagrams, "requests": s.putOff.Requests} {
		metrics <- prometheus.MustNewConstMetric(putOff, prometheus.CounterValue, float64(n), work)
	}
	metrics <- inBuckets(turnCPU, &s.loop.TurnCPU)
	if c.options.DroppedLogLines != nil {
		metrics <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(c.options.DroppedLogLines()))
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// bounds are the ends of a histogram's buckets.
var bounds = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// inBuckets is a histogram as Prometheus has it.
func inBuckets(d *prometheus.Desc, h *histogram.Histogram, labels ...string) prometheus.Metric {
	counts := make(map[float64]uint64, len(bounds))
	for _, end := range bounds {
		counts[end.Seconds()] = h.Below(end)
	}
	return prometheus.MustNewConstHistogram(d, h.Count, h.Sum.Seconds(), counts, labels...)
}
