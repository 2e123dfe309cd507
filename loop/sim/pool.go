package sim

import "math/bits"

// bufferPool holds buffers that have carried a datagram, by power of two, so that
// traffic allocates nothing in the long run.
type bufferPool struct {
	free [17][][]byte
}

const smallestClass = 6 // 64 bytes

func (p *bufferPool) get(n int) []byte {
	class := max(bits.Len(uint(max(n, 1)-1)), smallestClass)
	if free := p.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		p.free[class] = free[:len(free)-1]
		return b[:n]
	}
	return make([]byte, n, 1<<class)
}

func (p *bufferPool) put(b []byte) {
	if c := cap(b); c >= 1<<smallestClass {
		class := bits.Len(uint(c)) - 1
		p.free[class] = append(p.free[class], b)
	}
}

// freeList holds values that are out of use.
type freeList[T any] struct {
	free []*T
}

func (l *freeList[T]) get() *T {
	if n := len(l.free); n > 0 {
		v := l.free[n-1]
		l.free = l.free[:n-1]
		return v
	}
	return new(T)
}

func (l *freeList[T]) put(v *T) {
	*v = *new(T)
	l.free = append(l.free, v)
}

// queue is a first-in first-out list that reuses its room.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v ...T) {
	// Moved only when half of it is empty, so that the cost per item stays constant.
	if q.head > len(q.items)/2 && len(q.items)+len(v) > cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v...)
}

// waiting are the items, first in first.
func (q *queue[T]) waiting() []T { return q.items[q.head:] }

// drop takes the first n items off.
func (q *queue[T]) drop(n int) {
	clear(q.items[q.head : q.head+n])
	if q.head += n; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
}
