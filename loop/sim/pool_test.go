package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQueueAgainstASlice(t *testing.T) {
	var q queue[int]
	var model []int
	random := rand.New(rand.NewPCG(1, 2))
	for step := range 10_000 {
		if random.IntN(2) == 0 {
			for range random.IntN(20) {
				q.push(step)
				model = append(model, step)
			}
			q.push(step, step+1)
			model = append(model, step, step+1)
		} else {
			n := random.IntN(min(len(model), 25) + 1)
			q.drop(n)
			model = model[n:]
		}
		if q.len() != len(model) || !slices.Equal(q.waiting(), model) {
			t.Fatalf("step %d: %d items, want %d, or others", step, q.len(), len(model))
		}
	}
	if cap(q.items) > 4096 {
		t.Errorf("room for %d items: it grows without need", cap(q.items))
	}
}

func TestBufferPool(t *testing.T) {
	var p bufferPool
	for _, n := range []int{0, 1, 63, 64, 65, 1500, 65507, 65536} {
		b := p.get(n)
		if len(b) != n {
			t.Fatalf("%d bytes, want %d", len(b), n)
		}
		p.put(b)
		again := p.get(n)
		if len(again) != n || cap(again) != cap(b) || n > 0 && &again[0] != &b[0] {
			t.Errorf("a buffer of %d bytes does not come back", n)
		}
	}
}

func TestEventsHappenInOrder(t *testing.T) {
	k := New(1)
	random := rand.New(rand.NewPCG(3, 4))
	type happened struct{ at, order int }
	var all []happened
	for i := range 2000 {
		at := random.IntN(100)
		k.After(time.Duration(at), func() { all = append(all, happened{at, i}) })
	}
	k.Advance(100)
	sorted := slices.IsSortedFunc(all, func(a, b happened) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.order - b.order
	})
	if len(all) != 2000 || !sorted {
		t.Errorf("%d events, in order: %v", len(all), sorted)
	}
}
