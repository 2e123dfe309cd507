package tcpfan

import (
	"errors"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop/tcp"
)

// Parts says what the parts of an HTTP response look like. A part that was begun must be as long as
// its header has said, also when the frame must be given up: it is filled up then.
type Parts struct {
	// HeadBytes bounds the header of a part. A reader that has not been sent so much of a frame that is
	// given up is lost.
	HeadBytes int
	// Trailer is how each part ends; it may be empty.
	Trailer []byte
	// Filler is what stands for the rest of a picture that was given up, repeated.
	Filler []byte
	// Retime, if it is not nil, changes the times in the first HeadBytes of a frame's part for a reader that is
	// caught up.
	Retime func(head []byte, s ring.Squeeze, number uint64)
}

// partReader is what a Reader of parts has besides.
type partReader struct {
	sent int // bytes of the frame in hand
	// rest is how many bytes are missing of the part of a frame that was given up.
	rest int
	// interval is the least between two frames, 0 if it is sent all. due is when the next one at
	// the earliest was taken.
	interval, due time.Duration
}

// JoinPart has a reader sent frames on a connection, each as a part, until it leaves: from the newest key frame
// on if fromNewest is set, else from the next. interval is the least time between two of them, 0: it is sent
// all. The connection's handler calls Writable.
func (f *Fan) JoinPart(conn *tcp.Conn, interval time.Duration, fromNewest bool, owner Owner) *Reader {
	r := f.add(&Reader{fan: f, conn: conn, owner: owner, cursor: f.config.Ring.NewCursor(), part: partReader{interval: interval}})
	if newest, ok := f.config.Ring.NewCursorAtKey(); ok && fromNewest {
		r.cursor = newest
		f.beginning = append(f.beginning, r)
		f.begin.Set(f.config.Loop.Now())
	}
	return r
}

// wants reports whether a frame that could be sent is.
func (p *partReader) wants(f *ring.Frame) bool {
	if p.interval == 0 {
		return true
	}
	if f.Captured < p.due {
		return false
	}
	p.due += p.interval
	if p.due < f.Captured {
		p.due = f.Captured + p.interval
	}
	return true
}

// counted is how many missed frames count: one that is not sent all was to get one of them perhaps.
func (p *partReader) counted(missed uint64) uint64 {
	if p.interval == 0 {
		return missed
	}
	return min(missed, 1)
}

// errCutShort is why a reader of parts is lost.
var errCutShort = errors.New("it stood still at the beginning of a frame that had to be given up")

// cutShort has the part of a frame filled up that was given up. It returns false if that cannot be.
func (r *Reader) cutShort() bool {
	parts := r.fan.config.Parts
	switch {
	case parts == nil || r.part.sent == 0:
	case r.part.sent < parts.HeadBytes:
		r.owner.Lost(errCutShort)
		return false
	default:
		r.part.rest = r.frameBytes - r.part.sent
	}
	return true
}

// sendPart writes what the socket takes of the part in hand.
func (r *Reader) sendPart() {
	if r.part.rest > 0 {
		r.fill()
		return
	}
	frame := r.pin.Held()
	wire := r.fan.config.Form.Of(frame)
	r.frameBytes = len(wire.Bytes)
	r.makeRoom(r.frameBytes)
	head := r.ownHead(frame.Number, wire)
	n, ok := r.offer(head[min(r.part.sent, len(head)):], wire.Bytes[max(r.part.sent, len(head)):])
	r.part.sent += n
	if ok && r.part.sent == len(wire.Bytes) {
		r.delivered(wire)
	}
}

// ownHead is the beginning of a part that is this reader's alone; it has none unless it is caught up. It holds until the
// next call.
func (r *Reader) ownHead(number uint64, wire *ring.Wire) []byte {
	f := r.fan
	parts := f.config.Parts
	if parts.Retime == nil || !r.squeeze.Changes(number) {
		return nil
	}
	f.head = append(f.head[:0], wire.Bytes[:parts.HeadBytes]...)
	parts.Retime(f.head, r.squeeze, number)
	return f.head
}

// fill writes what the socket takes of what stands for the rest of a frame.
func (r *Reader) fill() {
	parts := r.fan.config.Parts
	p := parts.Trailer
	if picture := r.part.rest - len(p); picture > 0 {
		p = parts.Filler[:min(picture, len(parts.Filler))]
	} else {
		p = p[-picture:]
	}
	n, _ := r.offer(nil, p)
	r.part.rest -= n
}

// offer writes what the socket takes of two pieces, of which the first may be empty. ok is false if the reader is lost; it
// is blocked if that is not all.
func (r *Reader) offer(head, rest []byte) (n int, ok bool) {
	v := r.fan.part[:]
	v[0].Set(head)
	v[1].Set(rest)
	if len(head) == 0 {
		v = v[1:]
	}
	n, err := r.conn.Send(v)
	if err != nil {
		r.owner.Lost(err)
		return n, false
	}
	if n > 0 {
		r.owner.Took()
	}
	if n < len(head)+len(rest) {
		r.blocked = true
		r.fan.config.Backlog.add(r)
	}
	return n, true
}
