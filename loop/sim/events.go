package sim

import "time"

// happening is something that takes place at a virtual time.
type happening interface {
	happen(k *Kernel)
}

// action is a happening of the test's own.
type action func()

func (f action) happen(*Kernel) { f() }

type event struct {
	at time.Duration
	// order is the number of the event: those of the same time happen in the order
	// they were scheduled.
	order uint64
	what  happening
}

func (e *event) before(other *event) bool {
	return e.at < other.at || e.at == other.at && e.order < other.order
}

// events are what is yet to happen, a binary heap.
type events struct {
	heap    []event
	count   uint64
	running bool
}

func (k *Kernel) schedule(at time.Duration, what happening) {
	h := &k.events
	h.count++
	h.heap = append(h.heap, event{at, h.count, what})
	i := len(h.heap) - 1
	for i > 0 && h.heap[i].before(&h.heap[(i-1)/2]) {
		h.heap[i], h.heap[(i-1)/2] = h.heap[(i-1)/2], h.heap[i]
		i = (i - 1) / 2
	}
}

func (h *events) pop() event {
	first, last := h.heap[0], len(h.heap)-1
	h.heap[0] = h.heap[last]
	h.heap[last] = event{}
	h.heap = h.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.heap[child].before(&h.heap[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		h.heap[i], h.heap[least] = h.heap[least], h.heap[i]
		i = least
	}
}

// runDue lets happen what is due. What happens may schedule more, but not run it.
func (k *Kernel) runDue() {
	h := &k.events
	if h.running {
		return
	}
	h.running = true
	for len(h.heap) > 0 && h.heap[0].at <= k.now {
		h.pop().what.happen(k)
	}
	h.running = false
}

// After has f called when d of virtual time has passed: while the loop waits, at the beginning of
// a system call or in Advance and Spend, never within a handler's own code. f may use peers,
// devices and settings of the kernel; it must not turn the loop.
func (k *Kernel) After(d time.Duration, f func()) { k.schedule(k.now+max(d, 0), action(f)) }

// Advance moves the clock by d and lets happen what falls due. The loop is not turned:
// to it, d has passed in whatever it was doing.
func (k *Kernel) Advance(d time.Duration) { k.advanceTo(k.now + max(d, 0)) }

// Spend has the handler that calls it use d of CPU time: the clock moves by it as by Advance, and
// so does the thread's CPU time.
func (k *Kernel) Spend(d time.Duration) {
	k.cpu += max(d, 0)
	k.Advance(d)
}

// advanceTo moves the clock to a time, from event to event.
func (k *Kernel) advanceTo(at time.Duration) {
	k.runDue()
	for len(k.events.heap) > 0 && k.events.heap[0].at <= at && !k.events.running {
		k.setClock(k.events.heap[0].at)
		k.runDue()
	}
	k.setClock(at)
}

// use is CPU time within a system call: what falls due happens when the next one begins.
func (k *Kernel) use(d time.Duration) {
	k.cpu += d
	k.setClock(k.now + d)
}

func (k *Kernel) setClock(at time.Duration) {
	if at > k.now {
		k.now, k.idleWaits = at, 0
	}
}
