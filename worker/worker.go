package worker

import "sync/atomic"

// Worker does pieces of work of type T, such as a frame to code and a buffer for the result. It
// has two of them, which are filled again and again, so that their buffers stay. While code runs, the
// piece belongs to the goroutine of the job, else to the loop's. All methods belong to the loop's
// goroutine.
type Worker[T any] struct {
	work    func(job func() (done func()))
	code    func(*T)
	done    func(*T)
	job     func() func() // run, made once
	result  func()        // finish, made once
	pieces  [2]T
	coding  *T // until done was called with it; nil: there is none
	waiting *T // nil: none waits
	dropped uint64

	closed bool
	free   func()       // what Close was given
	state  atomic.Int32 // of the job
}

// The states of a job. Close and the end of the job may be on two goroutines at once: the second of
// them frees what the job has used.
const (
	idle      int32 = iota // there is none, or its code has ended
	running                // its code may run
	abandoned              // its code may run, and the worker is closed
)

// New makes a worker. work is Code of capture.Host or cast.Config, or Work. It runs code with one
// piece of work at a time, on a goroutine that is not the loop's, and then done with the same
// piece on the loop. done may call Add and Close.
func New[T any](work func(job func() (done func())), code, done func(*T)) *Worker[T] {
	w := &Worker[T]{work: work, code: code, done: done}
	w.job, w.result = w.run, w.finish
	return w
}

// Add has fill fill in a piece of work, which may hold what it was filled with before, for its
// buffers. The piece is begun at once, or waits while another is under way. It then replaces an
// older one that waits. Once the worker is closed Add does nothing.
func (w *Worker[T]) Add(fill func(*T)) {
	if w.closed {
		return
	}
	piece := w.waiting
	if piece != nil {
		w.dropped++
	} else if piece = &w.pieces[0]; piece == w.coding {
		piece = &w.pieces[1]
	}
	fill(piece)
	if w.coding != nil {
		w.waiting = piece
		return
	}
	w.begin(piece)
}

func (w *Worker[T]) begin(piece *T) {
	w.coding, w.waiting = piece, nil
	w.state.Store(running)
	w.work(w.job)
}

// run is the job.
func (w *Worker[T]) run() (done func()) {
	w.code(w.coding)
	if !w.state.CompareAndSwap(running, idle) {
		w.free() // it was closed meanwhile
		return nil
	}
	return w.result
}

// finish hands over the result, and begins with what waits.
func (w *Worker[T]) finish() {
	if w.closed {
		return
	}
	w.done(w.coding)
	w.coding = nil
	if w.waiting != nil {
		w.begin(w.waiting)
	}
}

// Busy reports whether a piece of work is under way: what is added now waits.
func (w *Worker[T]) Busy() bool { return w.coding != nil }

// Waiting reports whether a piece waits for the one that is under way.
func (w *Worker[T]) Waiting() bool { return w.waiting != nil }

// Dropped is how many pieces were dropped because a newer one came while they waited.
func (w *Worker[T]) Dropped() uint64 { return w.dropped }

// Close ends the worker. done is not called any more: what waits is dropped, and so is the result
// of a job that runs. free is called when code uses nothing any more, by the job that runs, or else by a
// job of its own: closing a device may take long, too. Closing twice does nothing.
func (w *Worker[T]) Close(free func()) {
	if w.closed {
		return
	}
	w.closed, w.waiting, w.free = true, nil, free
	if !w.state.CompareAndSwap(running, abandoned) {
		w.work(func() (done func()) {
			free()
			return nil
		})
	}
}
