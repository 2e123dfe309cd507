package cast

import (
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
)

// tcpReader is someone who is sent RTP over the RTSP connection. It goes at its own
// pace, so it has a cursor of its own: a frame and the next packet of it. Packets are
// written straight from the frame that all share; of a packet that the socket took
// only half of, the other half is queued, so that a reply can follow it.
type tcpReader struct {
	stream  *Stream
	conn    *tcp.Conn
	channel uint8
	owner   *Reader

	hand    cursor
	packet  int // the next one of the frame in hand
	last    uint64
	blocked bool // until the connection is writable
	gone    bool
	place   int // in the stream's list
}

// newFrame is called when the ring has a new frame, and when the connection is
// writable again.
func (r *tcpReader) newFrame() {
	for !r.gone && !r.blocked && r.begin() {
		r.send()
	}
}

// begin makes sure that there is a frame in hand, and reports whether there is.
func (r *tcpReader) begin() bool {
	if r.hand.held() != nil {
		return true
	}
	if r.hand.frame != nil { // it was given up while we stood in the middle of it
		r.hand.release()
		r.stream.figures.CutShort++
		r.stream.lagged(1, 1)
		r.owner.lags++
	}
	f, missed := r.stream.ring.after(r.last, 1)
	if f == nil {
		return false
	}
	r.stream.lagged(missed, 1)
	r.owner.lags += missed
	r.last, r.packet = f.number, 0
	r.hand.pin(f)
	return true
}

// send writes what the socket takes of the frame in hand.
func (r *tcpReader) send() {
	f := r.hand.frame
	vectors := r.stream.interleaver.lay(f, r.channel)[2*r.packet:]
	n, err := r.conn.Send(vectors)
	if err != nil {
		r.owner.Lost(err)
		return
	}
	if n > 0 {
		r.owner.alive()
	}
	for len(vectors) > 0 && n >= vectors[0].Len()+vectors[1].Len() {
		n -= vectors[0].Len() + vectors[1].Len()
		vectors = vectors[2:]
		r.packet++
	}
	if n > 0 {
		if !r.queueRest(vectors[:2], n) {
			return
		}
		vectors = vectors[2:]
		r.packet++
	}
	if len(vectors) > 0 {
		r.blocked = true
		return
	}
	r.stream.delivered(f, 1)
	r.owner.frames++
	r.hand.release()
}

// queueRest queues what is left of a packet of which n bytes went out.
func (r *tcpReader) queueRest(packet []loop.Vector, n int) bool {
	for i := range packet {
		p := packet[i].Bytes()
		skip := min(n, len(p))
		n -= skip
		if skip == len(p) {
			continue
		}
		if err := r.conn.Write(p[skip:]); err != nil {
			r.owner.Lost(err)
			return false
		}
	}
	return true
}

// leave ends the reader, in the middle of a send, too.
func (r *tcpReader) leave() {
	r.gone = true
	r.hand.release()
}
