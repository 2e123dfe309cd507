package tlsbridge

import (
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// turns bounds how many goroutines compute at once. A goroutine that waits for a peer has none. Hosts
// that wait have turns in rotation: one that floods the daemon waits for itself, and for another host there
// are at most as many turns before its own as there are hosts.
type turns struct {
	most int
	// rests: after each turn nobody has it for as long as it took, so that a flood leaves half of
	// the time to others.
	rests bool

	mutex sync.Mutex
	taken int
	// lines are the hosts that wait, and first and last the order of their next turns.
	lines       map[netip.Prefix]*line
	first, last *line
}

// line is what waits of one host, in order.
type line struct {
	host    netip.Prefix
	waiting []chan struct{}
	next    *line
}

// mostRest bounds how long nobody has a turn. On a busy machine they take long.
const mostRest = 2 * time.Millisecond

func newTurns(most int, rests bool) *turns {
	return &turns{most: most, rests: rests, lines: map[netip.Prefix]*line{}}
}

// enter takes a turn for a host, when there is one, and returns the time.
func (t *turns) enter(host netip.Prefix) (began time.Time) {
	t.mutex.Lock()
	if t.taken < t.most {
		t.taken++
		t.mutex.Unlock()
		return time.Now()
	}
	mine := make(chan struct{})
	l := t.lines[host]
	if l == nil {
		l = &line{host: host}
		t.lines[host] = l
		t.append(l)
	}
	l.waiting = append(l.waiting, mine)
	t.mutex.Unlock()
	<-mine
	return time.Now()
}

// leave gives a turn back that began then.
func (t *turns) leave(began time.Time) {
	if t.rests {
		time.AfterFunc(min(time.Since(began), mostRest), t.release)
		return
	}
	t.release()
}

// release hands a turn to the next host, which waits behind all others with what is left of its line.
func (t *turns) release() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	l := t.first
	if l == nil {
		t.taken--
		return
	}
	t.first, l.next = l.next, nil
	close(l.waiting[0])
	if l.waiting = l.waiting[1:]; len(l.waiting) > 0 {
		t.append(l)
	} else {
		delete(t.lines, l.host)
	}
}

// append has a line be the last one.
func (t *turns) append(l *line) {
	if t.first == nil {
		t.first = l
	} else {
		t.last.next = l
	}
	t.last = l
}

// The turns of all connections of the process: what they share are its CPUs.
var (
	carrying    = newTurns(runtime.NumCPU(), false)
	handshaking = newTurns((runtime.NumCPU()+1)/2, true)
)

// AtOnce is how many goroutines of this package compute at once, at most.
func AtOnce() int { return carrying.most + handshaking.most }

const (
	// carriedBytes is how much is encrypted at once.
	carriedBytes = 32 << 10
	// bufferBytes has room for that when it is encrypted: two records of 16 kB, with what TLS
	// adds to each, and alerts.
	bufferBytes = carriedBytes + 1<<10
)

// buffers are those of connections that carry something at present.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, bufferBytes)
	return &b
}}

// release gives a buffer back.
func release(b *[]byte) {
	if cap(*b) == bufferBytes { // it has not grown
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
