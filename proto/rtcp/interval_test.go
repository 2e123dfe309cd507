package rtcp

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// middleRandom makes the random factor 1.
func middleRandom() float64 { return 0.5 }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func near(a, b time.Duration) bool { return max(a-b, b-a) < time.Millisecond }

func TestDeterministicInterval(t *testing.T) {
	for _, c := range []struct {
		name             string
		members, senders int
		sender, initial  bool
		bandwidth, bytes float64
		want             float64 // seconds
	}{
		{"alone, first", 1, 0, false, true, 1000, 100, 2.5},
		{"alone", 1, 0, false, false, 1000, 100, 5},
		// 75 % of 1000 octets/s for 999 receivers of 100 octets.
		{"receivers", 1000, 1, false, false, 1000, 100, 133.2},
		// 25 % for the one sender: below the least.
		{"the sender among many", 1000, 1, true, false, 1000, 100, 5},
		{"the sender, little bandwidth", 1000, 1, true, false, 10, 100, 40},
		// More than a quarter send: all share alike.
		{"many senders", 100, 30, false, false, 1000, 100, 10},
		{"no bandwidth at all", 10, 1, false, false, 0, 100, maxSeconds},
	} {
		i := Interval{
			config:  IntervalConfig{Bandwidth: c.bandwidth, Sender: c.sender},
			members: c.members, senders: c.senders, averageBytes: c.bytes, initial: c.initial,
		}
		if got := i.deterministic(); !near(got, seconds(c.want)) {
			t.Errorf("%s: %v, want %vs", c.name, got, c.want)
		}
	}
}

func TestIntervalIsSpread(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	least, most, sum := time.Hour, time.Duration(0), time.Duration(0)
	const n = 10000
	for range n {
		i := NewInterval(0, IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: random.Float64})
		least, most, sum = min(least, i.Next()), max(most, i.Next()), sum+i.Next()
	}
	lowest, highest := seconds(2.5*0.5/compensation), seconds(2.5*1.5/compensation)
	if least < lowest || most >= highest || most-least < (highest-lowest)*9/10 {
		t.Errorf("from %v to %v, want %v to %v", least, most, lowest, highest)
	}
	if mean := sum / n; math.Abs(mean.Seconds()-2.5/compensation) > 0.05 {
		t.Errorf("mean %v", mean)
	}
}

func TestReconsideration(t *testing.T) {
	i := NewInterval(0, IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: middleRandom})
	first := i.Next()
	if !near(first, seconds(2.5/compensation)) {
		t.Fatalf("first report at %v", first)
	}
	i.SetMembers(seconds(1), 1000, 1)
	if i.Expire(first) {
		t.Fatal("sent though 999 others have come")
	}
	// 133.2 s from the beginning, by the formula.
	if want := seconds(133.2 / compensation); !near(i.Next(), want) {
		t.Fatalf("put off to %v, want %v", i.Next(), want)
	}
	second := i.Next()
	if !i.Expire(second) {
		t.Fatal("not sent though nobody else has come")
	}
	i.Sent(second, 100)
	if want := second + seconds(133.2/compensation); !near(i.Next(), want) {
		t.Errorf("the next at %v, want %v", i.Next(), want)
	}
}

func TestReverseReconsideration(t *testing.T) {
	i := NewInterval(0, IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: middleRandom})
	i.SetMembers(0, 1000, 1)
	i.Expire(i.Next())
	i.Sent(seconds(10), 100)
	before := i.Next() - seconds(20)
	i.membersBefore = 1000
	i.SetMembers(seconds(20), 100, 1)
	if want := seconds(20) + before/10; !near(i.Next(), want) {
		t.Errorf("with a tenth of the members the next is at %v, want %v", i.Next(), want)
	}
	if want := seconds(19); !near(i.last, want) {
		t.Errorf("the last one counts as sent at %v, want %v", i.last, want)
	}
	again := i.Next()
	i.SetMembers(seconds(20), 100, 1)
	if i.Next() != again {
		t.Error("the same number of members has changed the next time")
	}
}

func TestLeave(t *testing.T) {
	small := NewInterval(0, IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: middleRandom})
	small.SetMembers(0, manyMembers-1, 1)
	if !small.Leave(0, 80) {
		t.Error("a goodbye in a small group waits")
	}
	i := NewInterval(0, IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: middleRandom})
	i.SetMembers(0, 10000, 1)
	if i.Leave(seconds(100), 80) {
		t.Fatal("a goodbye in a large group does not wait")
	}
	if want := seconds(100 + 2.5/compensation); !near(i.Next(), want) {
		t.Fatalf("goodbye at %v, want %v", i.Next(), want)
	}
	for range 999 { // so many leave with it
		i.ReceivedGoodbye(seconds(101), 80)
	}
	if due := i.Next(); i.Expire(due) {
		t.Fatal("sent though a thousand leave")
	}
	// 80 octets, 1000 who leave, 75 % of 1000 octets/s.
	if want := seconds(100 + 1000*80/750.0/compensation); !near(i.Next(), want) {
		t.Errorf("put off to %v, want %v", i.Next(), want)
	}
	i.SetMembers(seconds(102), 5, 1)
	if due := i.Next(); !i.Expire(due) {
		t.Error("never sent")
	}
}

// TestTogether has many participants join at once, each of which learns within a second
// how many there are, and looks at what they all send together.
func TestTogether(t *testing.T) {
	const (
		members      = 10000
		bytes        = 100
		session      = 10e6 / 8 // octets/s: 10 Mbit/s
		bandwidth    = session * BandwidthShare
		totalSeconds = 120
	)
	random := rand.New(rand.NewPCG(7, 7))
	var all [members]*Interval
	for n := range all {
		all[n] = NewInterval(0, IntervalConfig{Bandwidth: bandwidth, PacketBytes: bytes, Random: random.Float64})
	}
	var sent, first [totalSeconds]int
	for second := range totalSeconds {
		now := time.Duration(second+1) * time.Second
		for _, i := range all {
			for i.Next() <= now {
				at := i.Next()
				if i.Expire(at) {
					if i.initial {
						first[second]++
					}
					sent[second]++
					i.Sent(at, bytes)
				}
			}
			if second == 0 {
				i.SetMembers(now, members, 1)
			}
		}
	}
	// Within one interval, by the formula without its random part.
	const interval = int(members*bytes/bandwidth*4) / 3 // three quarters are the receivers'
	window, most, busiest := 0, 0, 0
	for second, n := range sent {
		window += n
		if gone := second - interval; gone >= 0 {
			window -= sent[gone]
		}
		most, busiest = max(most, window), max(busiest, n)
	}
	if share := float64(most*bytes) / float64(interval) / bandwidth; share < 0.5 || share > 1 {
		t.Errorf("in %d s they use %.2f of the bandwidth", interval, share)
	}
	// Without reconsideration half of them would report in one second.
	if busiest > members/5 {
		t.Errorf("%d reports in one second: %v", busiest, sent)
	}
	reported := 0
	for _, n := range first {
		reported += n
	}
	if reported != members {
		t.Errorf("%d of %d have reported", reported, members)
	}
}
