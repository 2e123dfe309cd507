package capture

import "github.com/camcast/camcast/media"

// frameQueue is the frames that wait in a Feed, with bytes of their own. When it is full it
// drops frames and counts them as gaps.
type frameQueue struct {
	most    int // how many may wait
	waiting []media.Frame
	// needsKey: a frame of a dependent format is dropped unless it is a key frame, as one
	// before it was dropped, or it is the first.
	needsKey bool
	spare    [][]byte // buffers of frames that were taken or dropped
	gaps     uint64
	refused  uint64
}

// refuse counts a frame that cannot be added. Those that depend on it are dropped.
func (q *frameQueue) refuse(f media.Frame) {
	q.refused++
	q.needsKey = q.needsKey || f.Params.Format.Dependent()
}

// wants reports whether a frame is to be added. If not it counts as a gap.
func (q *frameQueue) wants(f media.Frame) bool {
	if q.needsKey && f.Params.Format.Dependent() && !f.Key {
		q.gaps++
		return false
	}
	return true
}

// add adds a frame to those that wait, or drops some. Its bytes are the queue's.
func (q *frameQueue) add(f media.Frame) {
	isFull := len(q.waiting) >= q.most
	switch {
	case !f.Params.Format.Dependent():
		if isFull {
			q.drop(1) // the newest is worth most
		}
	case f.Key:
		if isFull || q.needsKey {
			q.drop(len(q.waiting))
		}
		q.needsKey = false
	case isFull || q.needsKey:
		q.needsKey = true
		q.gaps++
		q.recycle(f.Bytes)
		return
	}
	q.waiting = append(q.waiting, f)
}

// take takes the first frame. Its bytes go back by recycle.
func (q *frameQueue) take() (f media.Frame, ok bool) {
	if len(q.waiting) == 0 {
		return media.Frame{}, false
	}
	f, last := q.waiting[0], len(q.waiting)-1
	copy(q.waiting, q.waiting[1:])
	q.waiting[last] = media.Frame{}
	q.waiting = q.waiting[:last]
	return f, true
}

// drop drops the first n frames.
func (q *frameQueue) drop(n int) {
	for range n {
		f, _ := q.take()
		q.recycle(f.Bytes)
	}
	q.gaps += uint64(n)
}

// reset drops all frames; a dependent format begins anew with a key frame.
func (q *frameQueue) reset() {
	q.drop(len(q.waiting))
	q.needsKey = true
}

// buffer returns a buffer for the bytes of a frame, nil if there is none to spare.
func (q *frameQueue) buffer() (b []byte) {
	if n := len(q.spare); n > 0 {
		b, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	return b
}

// recycle keeps a buffer for another frame. It keeps as many as may wait, and one for the
// frame that was taken.
func (q *frameQueue) recycle(b []byte) {
	if len(q.spare) <= q.most {
		q.spare = append(q.spare, b)
	}
}
