package http

import (
	"context"
	"sync"
	"time"
)

// Requests that are not streams take a tenth of a millisecond of CPU each. Some clients that ask as fast as they are answered would
// take the CPUs that the loop sends frames with.
const (
	// requestInterval is how long requests are apart, of all clients together, when there are many.
	requestInterval = time.Second / 2000
	// requestBurst is how many may come at once.
	requestBurst = 1000
)

// pace says when requests are answered, in the order in which they have come. A connection has one at a time, so no more wait
// than there may be connections. The zero value is ready. Any goroutine may use it.
type pace struct {
	lock sync.Mutex
	next time.Time // when the next request is due, if it does not come later
}

// reserve returns how long a request that comes now is to wait.
func (p *pace) reserve(now time.Time) (wait time.Duration) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if earliest := now.Add(-requestBurst * requestInterval); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(requestInterval)
	return max(p.next.Sub(now), 0)
}

// wait waits until a request is due. ok is false if its client has gone by then.
func (p *pace) wait(gone context.Context) (ok bool) {
	wait := p.reserve(time.Now())
	if wait == 0 {
		return true
	}
	due, cancel := context.WithTimeout(gone, wait)
	defer cancel()
	<-due.Done()
	return gone.Err() == nil
}
