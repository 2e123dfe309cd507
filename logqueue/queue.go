package logqueue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Records is how many records a Queue holds.
const Records = 1024

// Queue is a slog.Handler that never waits. Any goroutine may use it.
type Queue struct {
	shared *shared
	next   slog.Handler // with the attributes and groups of this handler
}

// shared is what a Queue and those made of it by WithAttrs and WithGroup have in common.
type shared struct {
	records chan entry
	dropped atomic.Uint64 // since that was logged last
	total   atomic.Uint64 // dropped since the queue was made
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when all that was queued is handled
	once    sync.Once
	limit   limiter // the goroutine's alone
	root    slog.Handler
}

// entry is a record on its way, and the handler that it is for.
type entry struct {
	handler slog.Handler
	record  slog.Record
}

// New makes a Queue in front of a handler, which is called by one goroutine alone from now on.
// Close ends that goroutine.
func New(next slog.Handler) *Queue {
	s := &shared{
		records: make(chan entry, Records), closing: make(chan struct{}), done: make(chan struct{}),
		limit: newLimiter(), root: next,
	}
	go s.run()
	return &Queue{s, next}
}

// Enabled reports whether the handler behind the queue wants records of a level.
func (q *Queue) Enabled(ctx context.Context, level slog.Level) bool {
	return q.next.Enabled(ctx, level)
}

// NeverWaits says that Handle returns at once, whoever reads the log. Package cast puts no other
// queue in front of a handler that has this method.
func (q *Queue) NeverWaits() {}

// Handle queues a record. If the queue is full, or closed, the record is counted as dropped.
// The error is always nil.
func (q *Queue) Handle(_ context.Context, r slog.Record) error {
	select {
	case <-q.shared.closing:
		q.shared.drop()
		return nil
	default:
	}
	select {
	case q.shared.records <- entry{q.next, r.Clone()}:
	default:
		q.shared.drop()
	}
	return nil
}

// drop counts a record that is dropped.
func (s *shared) drop() {
	s.dropped.Add(1)
	s.total.Add(1)
}

// Dropped is how many records were dropped so far. Any goroutine may call it.
func (q *Queue) Dropped() uint64 { return q.shared.total.Load() }

// WithAttrs returns a handler for the same queue whose records have further attributes.
func (q *Queue) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Queue{q.shared, q.next.WithAttrs(attrs)}
}

// WithGroup returns a handler for the same queue whose attributes are in a group.
func (q *Queue) WithGroup(name string) slog.Handler {
	return &Queue{q.shared, q.next.WithGroup(name)}
}

// Close has what is queued handled, and waits for that until ctx is done. What is logged later
// is dropped. Closing twice only waits.
func (q *Queue) Close(ctx context.Context) error {
	q.shared.once.Do(func() { close(q.shared.closing) })
	select {
	case <-q.shared.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run hands records over until the queue is closed and empty.
func (s *shared) run() {
	defer close(s.done)
	for {
		select {
		case e := <-s.records:
			s.handle(e)
		case <-s.closing:
			for {
				select {
				case e := <-s.records:
					s.handle(e)
				default:
					return
				}
			}
		}
	}
}

// handle hands one record over, unless it repeats others. What was dropped meanwhile is said
// first.
func (s *shared) handle(e entry) {
	ctx := context.Background()
	if n := s.dropped.Swap(0); n > 0 {
		r := slog.NewRecord(e.record.Time, slog.LevelWarn, "log lines were dropped: they came faster than they are read", 0)
		r.Add("lines", n)
		_ = s.root.Handle(ctx, r) // a log that cannot be written cannot be told of
	}
	omitted, ok := s.limit.admit(keyOf(&e.record), e.record.Time)
	if !ok {
		return
	}
	if omitted > 0 {
		e.record.Add("omitted", omitted)
	}
	_ = e.handler.Handle(ctx, e.record)
}

var _ slog.Handler = (*Queue)(nil)
