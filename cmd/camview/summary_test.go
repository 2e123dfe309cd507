package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/histogram"
)

func TestStatsLine(t *testing.T) {
	var ages, none histogram.Histogram
	for range 10 {
		ages.Record(20 * time.Millisecond)
	}
	jitter, roundTrip := 1.25, 0.3
	for _, c := range []struct {
		before, now summary
		ages        *histogram.Histogram
		want        string
	}{
		{
			summary{Readers: 1, Seconds: 5, Frames: 100, Packets: 1000, PacketsLost: 10, PacketsSkipped: 40, Lags: 1},
			summary{Readers: 1, Seconds: 6, Frames: 130, Packets: 1085, PacketsLost: 20, PacketsSkipped: 45, Lags: 3, Jitter: &jitter, RoundTrip: &roundTrip},
			&ages, "fps 30.0  lost 10.0%  skipped 5.0%  jitter 1.2 ms  age 20.0 ms  rtt 0.3 ms  lags 2",
		},
		{
			summary{Readers: 50, PacketsSkipped: 4}, summary{Readers: 50, ReadersServed: 49, Seconds: 2, Frames: 3000},
			&none, "readers 49  fps 30.0  lost 0.0%  skipped 0.0%  jitter ?  age ?  rtt ?  lags 0",
		},
		{summary{Readers: 1}, summary{Readers: 1}, &none, "fps 0.0  lost 0.0%  skipped 0.0%  jitter ?  age ?  rtt ?  lags 0"},
	} {
		if got := statsLine(c.before, c.now, c.ages); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	var ages histogram.Histogram
	ages.Record(2 * time.Millisecond)
	s := summary{
		Readers: 2, ReadersServed: 1, Seconds: 1.5, Frames: 3, FramesLost: 4, FramesSkipped: 9, Packets: 5, PacketsLost: 6, PacketsSkipped: 10, Lags: 7, Reconnects: 1,
		Age: spreadOf(&ages), Jitter: meanOf(3*time.Millisecond, 2), RoundTrip: meanOf(0, 0),
	}
	var out bytes.Buffer
	if err := s.print(&out, true); err != nil {
		t.Fatal(err)
	}
	want := `{"readers":2,"readers_served":1,"seconds":1.5,"frames":3,"frames_lost":4,"frames_skipped":9,"packets":5,"packets_lost":6,"packets_skipped":10,` +
		`"age_ms":{"p50":2,"p99":2,"max":2},"jitter_ms":1.5,"rtt_ms":null,"lags":7,"reconnects":1}` + "\n"
	if out.String() != want || !json.Valid(out.Bytes()) {
		t.Errorf("got  %swant %s", out.String(), want)
	}
	out.Reset()
	if err := s.print(&out, false); err != nil {
		t.Fatal(err)
	}
	want = "1 of 2 readers got pictures: 3 frames (4 damaged or lost, 9 skipped), 5 packets (6 lost, 10 skipped) in 1.5 s; 7 lags, 1 reconnect\n" +
		"age p50 2.0 ms, p99 2.0 ms, max 2.0 ms; jitter 1.50 ms\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}
