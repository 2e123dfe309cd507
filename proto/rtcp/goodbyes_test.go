package rtcp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestHalfLeaves has half of ten thousand members leave at the same moment. Every member gets
// the goodbyes of the others. Many goodbyes are sent before others have arrived; the rest keep
// to the receivers' share. Goodbyes and reports together have at most twice what RTCP may have,
// since they do not count each other (section 6.3.7). Those who stay report more often when
// the others are gone (section 6.3.4).
func TestHalfLeaves(t *testing.T) {
	const (
		members   = 10000
		leavers   = members / 2
		bytes     = 100
		goodbye   = 80
		bandwidth = 10e6 / 8 * BandwidthShare
		settled   = 60 * time.Second // when all have reported a few times
		step      = 20 * time.Millisecond
		after     = 60 // seconds
	)
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	all := make([]*Interval, members)
	for n := range all {
		all[n] = NewInterval(0, IntervalConfig{Bandwidth: bandwidth, PacketBytes: bytes, Random: random.Float64})
		all[n].SetMembers(0, members, 1)
	}
	var octets [2 * after]int // in each second, all together
	expire := func(i *Interval, now time.Duration, size int) bool {
		if i.Next() > now || !i.Expire(now) {
			return false
		}
		if second := int((now - settled) / time.Second); now >= settled {
			octets[second] += size
		}
		return true
	}
	now := time.Duration(0)
	report := func(who []*Interval) {
		for _, i := range who {
			if expire(i, now, bytes) {
				i.Sent(now, bytes)
			}
		}
	}
	for ; now < settled; now += step {
		report(all)
	}
	leaving, staying := all[:leavers], all[leavers:]
	before := staying[0].deterministic()
	for _, i := range leaving {
		if i.Leave(now, goodbye) {
			t.Fatal("a goodbye in a large group does not wait")
		}
	}
	var goodbyes [after]int
	for ; now < settled+after*time.Second; now += step {
		gone := 0
		for n := 0; n < len(leaving); {
			if !expire(leaving[n], now, goodbye) {
				n++
				continue
			}
			leaving[n] = leaving[len(leaving)-1]
			leaving = leaving[:len(leaving)-1]
			gone++
		}
		goodbyes[(now-settled)/time.Second] += gone
		for range gone {
			for _, i := range leaving {
				i.ReceivedGoodbye(now, goodbye)
			}
		}
		for _, i := range staying {
			if gone > 0 {
				i.SetMembers(now, i.Members()-gone, 1)
			}
		}
		report(staying)
	}
	t.Logf("seed %d: goodbyes in each second: %v", seed, goodbyes[:20])
	t.Logf("octets of RTCP in each second: %v", octets[:20])
	if len(leaving) > 0 {
		t.Errorf("%d of %d have not said goodbye within %d s", len(leaving), leavers, after)
	}
	if early := goodbyes[0] + goodbyes[1] + goodbyes[2]; early > leavers*3/4 {
		t.Errorf("%d of %d goodbyes in three seconds", early, leavers)
	}
	for second, n := range goodbyes[3:] {
		if float64(n*goodbye) > 1.15*receiverFraction*bandwidth {
			t.Errorf("%d goodbyes in second %d are more than the receivers' share", n, second+4)
		}
	}
	const window = 10
	sum := 0
	for second, n := range octets[:after] {
		if sum += n; second >= window {
			sum -= octets[second-window]
		}
		if sum > 2*window*bandwidth {
			t.Errorf("%.2f of the bandwidth in the %d s up to second %d", float64(sum)/window/bandwidth, window, second+1)
		}
	}
	if got, want := staying[0].deterministic(), before/2; got < want*9/10 || got > want*11/10 {
		t.Errorf("those who stay report every %v, want %v", got, want)
	}
}
