package rtp_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// arrival is a packet that arrives after some time, with a timestamp that is off by some
// time.
type arrival struct {
	sequence uint16
	after    time.Duration // since the first packet
	off      time.Duration
	want     int64
	verdict  rtp.Verdict
}

func TestSequence(t *testing.T) {
	const (
		strange   = rtp.Strange
		started   = rtp.Started
		continued = rtp.Continued
		ms        = time.Millisecond
	)
	for name, packets := range map[string][]arrival{
		"in order":            {{7, 0, 0, 7, started}, {8, 1 * ms, 0, 8, continued}, {9, 2 * ms, 0, 9, continued}},
		"a gap":               {{7, 0, 0, 7, started}, {9, 1 * ms, 0, 9, continued}},
		"reordered":           {{7, 0, 0, 7, started}, {9, 1 * ms, 0, 9, continued}, {8, 2 * ms, 0, 8, continued}, {10, 3 * ms, 0, 10, continued}},
		"a duplicate":         {{7, 0, 0, 7, started}, {7, 1 * ms, 0, 7, continued}},
		"wrapping":            {{65535, 0, 0, 65535, started}, {0, 1 * ms, 0, 65536, continued}, {65534, 2 * ms, 0, 65534, continued}, {1, 3 * ms, 0, 65537, continued}},
		"overtaken the first": {{1, 0, 0, 1, started}, {65535, 1 * ms, 0, -1, continued}, {2, 2 * ms, 0, 2, continued}},
		"the largest gap":     {{10, 0, 0, 10, started}, {3009, 1 * ms, 0, 3009, continued}},
		"too large a gap":     {{10, 0, 0, 10, started}, {3010, 1 * ms, 0, 0, strange}},
		"the latest":          {{200, 0, 0, 200, started}, {101, 1 * ms, 0, 101, continued}},
		"too late":            {{200, 0, 0, 200, started}, {100, 1 * ms, 0, 0, strange}},
		"half the range off":  {{200, 0, 0, 200, started}, {200 + 32768, 1 * ms, 0, 0, strange}},
		"an outage": {
			{1, 0, 0, 1, started}, {20000, 60 * time.Second, 0, 0, strange}, {20001, 60 * time.Second, 0, 20001, continued},
			{20002, 60 * time.Second, 0, 20002, continued},
		},
		"an outage over the wrap":     {{65001, 0, 0, 65001, started}, {10000, time.Second, 0, 0, strange}, {10001, time.Second, 0, 65536 + 10001, continued}},
		"an outage of almost 32768":   {{0, 0, 0, 0, started}, {32766, time.Second, 0, 0, strange}, {32767, time.Second, 0, 32767, continued}},
		"a jump of 32768":             {{0, 0, 0, 0, started}, {32767, time.Second, 0, 0, strange}, {32768, time.Second, 0, 32768, started}},
		"the clock is a little off":   {{1, 0, 0, 1, started}, {20000, 0, 0, 0, strange}, {20001, 0, 4999 * ms, 20001, continued}},
		"the clock is slow":           {{1, 0, 0, 1, started}, {20000, 0, 0, 0, strange}, {20001, 0, -4999 * ms, 20001, continued}},
		"the clock is another":        {{1, 0, 0, 1, started}, {20000, 0, 0, 0, strange}, {20001, 0, 5000 * ms, 20001, started}},
		"another clock, behind":       {{1, 0, 0, 1, started}, {20000, 0, 0, 0, strange}, {20001, 0, -5000 * ms, 20001, started}},
		"restarted behind":            {{50000, 0, 0, 50000, started}, {40000, 0, 0, 0, strange}, {40001, 0, 0, 40001, started}, {40002, 0, 0, 40002, continued}},
		"restarted after some cycles": {{65535, 0, 0, 65535, started}, {0, 0, 0, 65536, continued}, {40000, 0, 0, 0, strange}, {40001, 0, 0, 40001, started}},
		"a stray packet":              {{1, 0, 0, 1, started}, {40000, 0, 0, 0, strange}, {2, 0, 0, 2, continued}, {3, 0, 0, 3, continued}},
		"two stray ones, not in a row": {
			{1, 0, 0, 1, started}, {40000, 0, 0, 0, strange}, {2, 0, 0, 2, continued}, {40001, 0, 0, 0, strange}, {3, 0, 0, 3, continued},
		},
		"a stray one, then one late":  {{5, 0, 0, 5, started}, {40000, 0, 0, 0, strange}, {4, 0, 0, 4, continued}, {40001, 0, 0, 0, strange}},
		"two that do not follow":      {{1, 0, 0, 1, started}, {40000, 0, 0, 0, strange}, {40002, 0, 0, 0, strange}, {40003, 0, 0, 40003, started}},
		"a stray one, then the wrap":  {{1, 0, 0, 1, started}, {65535 - 200, 0, 0, 0, strange}, {65535 - 199, 0, 0, 65535 - 199, started}},
		"the successor of 65535 is 0": {{30000, 0, 0, 30000, started}, {65535, 0, 0, 0, strange}, {0, 0, 0, 0, started}},
	} {
		// The timestamps and the receiver's clock wrap differently in each round.
		for _, first := range []uint32{0, 5, 1<<31 - 1, 1<<32 - 1, 1<<32 - 90000*30} {
			var s rtp.Sequence
			clock := rtp.NewClock(first)
			for i, p := range packets {
				begin := time.Duration(first) * time.Microsecond
				number, verdict := s.Take(begin+p.after, p.sequence, clock.At(p.after+p.off))
				if verdict != p.verdict || verdict != rtp.Strange && number != p.want {
					t.Errorf("%s, timestamps from %d, packet %d: number %d, verdict %d; want %d, %d", name, first, i, number, verdict, p.want, p.verdict)
				}
			}
		}
	}
}

// TestSequenceOfManyCycles loses, repeats and reorders packets within the limits, and wants
// each to have its true number.
func TestSequenceOfManyCycles(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		first := int64(random.IntN(65536))
		var s rtp.Sequence
		s.Take(0, uint16(first), 0)
		highest := first
		for range 20_000 {
			number := max(first, highest-99+random.Int64N(150))
			if random.IntN(1000) == 0 {
				number = highest + random.Int64N(3000)
			}
			highest = max(highest, number)
			if got, verdict := s.Take(0, uint16(number), 0); got != number || verdict != rtp.Continued {
				t.Fatalf("seed %d: number %d, verdict %d; want %d", seed, got, verdict, number)
			}
			if s.Highest() != highest {
				t.Fatalf("seed %d: the highest is %d, want %d", seed, s.Highest(), highest)
			}
		}
		if highest < 3*65536 {
			t.Fatalf("seed %d: the test ends at %d, before the numbers have wrapped three times", seed, highest)
		}
	}
}

func TestSequenceAllocatesNothing(t *testing.T) {
	var s rtp.Sequence
	n := uint16(0)
	if allocs := testing.AllocsPerRun(1000, func() { n += 7; s.Take(0, n, 0) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
