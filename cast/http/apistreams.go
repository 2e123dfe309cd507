package http

import (
	"math"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/histogram"
)

// stream is what the API says of a stream, with those who watch its other renditions. Counts are since it was added.
type stream struct {
	Name   string     `json:"name"`
	State  cast.State `json:"state"`
	Source string     `json:"source"`
	Coding string     `json:"coding"`
	Format string     `json:"format"` // "" as long as it is not known
	Width  int        `json:"width"`
	Height int        `json:"height"`
	// NominalRate is what the source says, and Rate what was measured lately, frames in a second.
	NominalRate  float64 `json:"nominal_frames_per_second"`
	Rate         float64 `json:"frames_per_second"`
	Readers      int     `json:"readers"`
	Destinations int     `json:"destinations"`
	Frames       uint64  `json:"frames"`
	Missing      uint64  `json:"frames_missing_in_source"`
	Unusable     uint64  `json:"frames_unusable"`
	Skipped      uint64  `json:"frames_skipped"`
	Late         uint64  `json:"frames_late"`
	Delivered    uint64  `json:"frames_delivered"`
	Bytes        uint64  `json:"bytes_delivered"`
	Lags         uint64  `json:"lags"`
	Thinned      uint64  `json:"readers_thinned"`
	Restarts     uint64  `json:"source_restarts"`
	// Loss is the mean of what readers have reported last, nil if none has.
	Loss *float64 `json:"loss_percent"`
	Ages ages     `json:"age_ms"`
	// Controls: the API may list controls of the camera.
	Controls bool `json:"controls"`
}

// ages are the mean ages of the latest frames at each stage, nil where there was none.
type ages struct {
	Encoded *float64 `json:"encoded"`
	LaidOut *float64 `json:"laid_out"`
	First   *float64 `json:"first_reader_sent"`
	Last    *float64 `json:"last_reader_sent"`
}

// figures are what is known of the streams, for all who ask. It belongs to the loop.
type figures struct {
	byStream map[*cast.Stream]*streamFigures
}

func newFigures() figures { return figures{byStream: map[*cast.Stream]*streamFigures{}} }

const (
	// figuresHold is how long what was counted is good for those who ask, as the readers of a stream are many.
	figuresHold = 250 * time.Millisecond
	// figuresSpan is over how long a time at least rates and means are taken, and figuresOld how old a sample is
	// that is of no use, as nobody has asked for so long.
	figuresSpan = time.Second
	figuresOld  = 5 * time.Second
)

// streamFigures are a stream's.
type streamFigures struct {
	told     stream
	at       time.Duration
	old, new sample
}

// sample is what was counted at a time.
type sample struct {
	at                            time.Duration
	frames                        uint64
	encoded, laidOut, first, last moment
}

// moment is how many ages were recorded, and their sum.
type moment struct {
	count uint64
	sum   time.Duration
}

func momentOf(histograms ...*histogram.Histogram) (m moment) {
	for _, h := range histograms {
		m.count += h.Count
		m.sum += h.Sum
	}
	return m
}

// since is the mean of what was recorded since an earlier moment.
func (m moment) since(before moment) *float64 {
	n := m.count - before.count
	if n == 0 {
		return nil
	}
	mean := rounded(float64(m.sum-before.sum)/float64(n)/float64(time.Millisecond), 1000)
	return &mean
}

// rounded is a number, rounded to parts of 1.
func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }

// of is what the API says of a stream.
func (f *figures) of(s *cast.Stream, now time.Duration) stream {
	one := f.byStream[s]
	if one == nil {
		for other := range f.byStream {
			if other.State() == cast.Ended {
				delete(f.byStream, other)
			}
		}
		one = &streamFigures{at: now - figuresHold}
		f.byStream[s] = one
	}
	one.told.State = s.State()
	if now-one.at >= figuresHold {
		one.count(s, now)
	}
	return one.told
}

// count counts anew.
func (one *streamFigures) count(s *cast.Stream, now time.Duration) {
	f, source := s.Totals(), s.SourceFigures()
	taken := sample{at: now, frames: f.Frames, encoded: momentOf(&f.EncodedAge), laidOut: momentOf(&f.LaidOutAge),
		first: momentOf(&f.FirstAge, &f.FirstAgeTCP), last: momentOf(&f.LastAge, &f.LastAgeTCP)}
	if one.new.at == 0 || now-one.new.at >= figuresOld {
		one.old, one.new = taken, taken
	} else if now-one.new.at >= figuresSpan {
		one.old, one.new = one.new, taken
	}
	one.at = now
	d, before := s.Describe(), &one.old
	one.told = stream{
		Name: s.Name(), State: s.State(), Source: d.Source, Coding: d.Coding,
		Readers: f.Readers - s.Destinations(), Destinations: s.Destinations(),
		Frames: f.Frames, Missing: source.Gaps, Unusable: f.Unusable, Skipped: f.Skipped + f.NotEncoded, Late: f.Late,
		Delivered: f.Delivered, Bytes: f.Bytes, Lags: f.Lags, Thinned: f.Thinned, Restarts: f.Restarts, Loss: lossOf(s),
		Ages: ages{taken.encoded.since(before.encoded), taken.laidOut.since(before.laidOut), taken.first.since(before.first), taken.last.since(before.last)},
	}
	if p := s.Params(); p != nil {
		one.told.Format, one.told.Width, one.told.Height, one.told.NominalRate = p.Format.String(), p.Width, p.Height, p.FramesPerSecond
	}
	if span := now - before.at; span > 0 {
		one.told.Rate = rounded(float64(f.Frames-before.frames)/span.Seconds(), 10)
	}
}

// lossOf is the mean of what a stream's readers have reported last, in percent, nil if none has.
func lossOf(s *cast.Stream) *float64 {
	share, known := s.MeanLoss()
	if !known {
		return nil
	}
	percent := rounded(100*share, 100)
	return &percent
}
