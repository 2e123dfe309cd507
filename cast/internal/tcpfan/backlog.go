package tcpfan

import (
	"errors"
	"time"

	"github.com/camcast/camcast/loop"
)

// Backlog bounds what the kernel holds for all readers that take nothing, of any number of Fans on
// one loop. What a reader has not acknowledged stays in the kernel's memory, some 200 kB, and
// only ending the connection frees it. So, while the sum is above the limit, the reader ends that
// has taken nothing for the longest time, if that is a second or more. A reader over a poor link
// takes something again and again; one that reads nothing does not. The kernel says that a connection
// takes more only when a third of its buffer is free, which may take a poor link seconds: so a reader
// is asked about before it is ended, and stays if it has taken a frame's bytes.
//
// A reader is asked about once each time it stands still, and once a second while there is too much, so
// that frames cost no system call more.
type Backlog struct {
	loop  *loop.Loop
	limit int // in bytes, negative: none
	timer *loop.Timer
	// first and last are the ends of the list of readers whose connections take no more at
	// present, by the time since when. That is measured by Loop.Awake: what peers took while the
	// process was stopped is not known yet.
	first, last *Reader
	figures     BacklogFigures
}

// BacklogFigures are those of a Backlog.
type BacklogFigures struct {
	// Readers is how many readers have taken nothing for a while, and Bytes what the kernel
	// holds for them.
	Readers, Bytes int
	// Ended is how many were ended so far.
	Ended uint64
}

const (
	// stillAfter is when a reader that takes nothing stands still: later than its peer's
	// acknowledgements take as a rule.
	stillAfter = 250 * time.Millisecond
	// endAfter is how long a reader at least takes nothing before it is ended.
	endAfter = time.Second
)

var errBacklog = errors.New("it reads nothing, and too much waits in the kernel for such readers")

// NewBacklog makes a Backlog of so many bytes; a negative number is no limit.
func NewBacklog(l *loop.Loop, limit int) *Backlog {
	b := &Backlog{loop: l, limit: limit}
	b.timer = l.NewTimer(b.review)
	return b
}

// Figures are those at present.
func (b *Backlog) Figures() BacklogFigures { return b.figures }

// Close ends it. Its readers have left.
func (b *Backlog) Close() { b.timer.Stop() }

// standing is what a Backlog keeps of a reader.
type standing struct {
	listed     bool
	since      time.Duration
	held       int
	counted    bool // held was asked
	prev, next *Reader
}

// add lists a reader whose connection takes no more.
func (b *Backlog) add(r *Reader) {
	if r.still.listed {
		return
	}
	r.still = standing{listed: true, since: b.loop.Awake(), prev: b.last}
	if b.last != nil {
		b.last.still.next = r
	} else {
		b.first = r
	}
	b.last = r
	if _, set := b.timer.Due(); !set {
		b.timer.SetAfter(stillAfter)
	}
}

// remove takes a reader out that takes something, or leaves.
func (b *Backlog) remove(r *Reader) {
	s := &r.still
	if !s.listed {
		return
	}
	if s.prev != nil {
		s.prev.still.next = s.next
	} else {
		b.first = s.next
	}
	if s.next != nil {
		s.next.still.prev = s.prev
	} else {
		b.last = s.prev
	}
	if s.counted {
		b.figures.Readers--
		b.figures.Bytes -= s.held
	}
	r.still = standing{}
}

// review counts the readers that stand still by now, and ends as many as it must.
func (b *Backlog) review() {
	now := b.loop.Awake()
	for r := b.first; r != nil && now-r.still.since >= stillAfter; r = r.still.next {
		if !r.still.counted {
			r.still.counted, r.still.held = true, r.conn.Held()
			b.figures.Readers++
			b.figures.Bytes += r.still.held
		}
	}
	for b.limit >= 0 && b.figures.Bytes > b.limit && b.first != nil && now-b.first.still.since >= endAfter {
		r := b.first
		moves := r.still.held-r.conn.Held() >= r.frameBytes
		b.remove(r) // whatever its owner does
		if moves {
			b.add(r)
			continue
		}
		b.figures.Ended++
		_ = r.conn.ResetOnClose() // failing, what it holds is freed some time after it is closed
		r.owner.Lost(errBacklog)
	}
	if b.first != nil {
		b.timer.SetAfter(stillAfter)
	}
}
