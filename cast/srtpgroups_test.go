package cast_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestSealedGroups runs broadcasts from seeds whose frames depend on each other, in groups of any shape, open ones
// too, to SRTP readers who come and go: all that comes can be opened, no frame comes without those that it needs,
// and no key stream is used for two packets.
func TestSealedGroups(t *testing.T) {
	first, last := uint64(1), *seedCount
	if *seedFirst > 0 {
		first, last = *seedFirst, *seedFirst
	}
	frames := 0
	for seed := first; seed <= last; seed++ {
		frames += sealedGroups(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if frames < 100 {
		t.Errorf("%d frames have come", frames)
	}
}

// sealedGroups runs one, and returns how many frames have come.
func sealedGroups(t *testing.T, seed uint64) (frames int) {
	random := rand.New(rand.NewPCG(seed, 20))
	w, f := newGroupsWorld(t, seed, 0, uint32(2+random.IntN(40)), func(c *cast.Config) {
		c.SRTP, c.LagTime, c.Burst = true, time.Duration(1+random.IntN(1000))*time.Millisecond, 1+random.IntN(12)
	})
	dice := random.Uint32() | 1
	most := 30 + random.IntN(2)*8000 // frames of single packets, which a reader could take for more than a lead, and any
	f.bytes = func(n uint32) int { return 20 + int(n*dice>>8)%most }
	f.disposable = func(n uint32) bool { return (n*dice>>12)%3 == 0 }
	if random.IntN(2) == 0 {
		f.leading = func(n uint32) bool { return (n*dice>>14)%4 > 0 }
	}
	f.makesKeys = random.IntN(2) == 0
	keys := newKeyStreams()
	var here, all []*sealedReader
	for step := range 40 {
		w.run(time.Duration(random.IntN(200)) * time.Millisecond)
		if len(f.at) == 0 && step > 0 {
			continue // the stream is not described yet
		}
		if random.IntN(3) > 0 && len(here) > 0 {
			i := random.IntN(len(here))
			here[i].session.End("enough")
			here = append(here[:i], here[i+1:]...)
			continue
		}
		if _, ok := w.s.SRTP(); !ok {
			continue
		}
		r := w.sealedAt(fmt.Sprintf("10.0.%d.%d", 1+step/200, 1+step%200), keys)
		r.groups = &sink{grouped: true, lossless: true, wrong: func(format string, values ...any) {
			t.Errorf("the reader of step %d: %s", step, fmt.Sprintf(format, values...))
		}}
		w.must(r.play())
		here, all = append(here, r), append(all, r)
	}
	w.run(2 * time.Second)
	for _, r := range all {
		frames += len(r.groups.numbers)
		if r.unopened > 0 {
			t.Errorf("%d packets cannot be opened, %d can", r.unopened, r.opened)
		}
	}
	for _, r := range here {
		if r.ended == "" && len(r.groups.numbers) == 0 {
			t.Error("a reader gets no frame in two seconds")
		}
	}
	if keys.reused > 0 {
		t.Errorf("%d packets share a key stream with another", keys.reused)
	}
	return frames
}
