package tcpfan

import (
	"errors"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
)

// Reader is one TCP reader. Of a packet that the socket took only half of, the other half is
// queued on the connection, so that a reply can follow it.
type Reader struct {
	fan     *Fan
	conn    *tcp.Conn
	channel uint8
	owner   Owner

	cursor  ring.Cursor
	pin     ring.Pin // the frame in hand
	packet  int      // the next one of it
	part    partReader
	blocked bool // until the connection is writable
	gone    bool
	squeeze ring.Squeeze
	after   uint32 // counts the form's packets up to the end of the last frame that was begun
	index   int    // in the fan's list
	still   standing
	room    int // that LimitSendBuffer was asked for
	// frameBytes is the size of the last frame that was sent, or begun.
	frameBytes int

	frames, lags uint64
}

// Owner is told about a Reader.
type Owner interface {
	// Took is called when the reader's socket took something: a sign of life.
	Took()
	// Lost is called when the connection has failed. The reader is still there: the owner
	// has it leave.
	Lost(err error)
}

// CatchUp has a reader that waits for its first key frame begin with the newest one that there is,
// in a later turn, and returns its first packet's sequence number and timestamp. It does nothing,
// and ok is false, if the reader has begun or need not wait, or if that frame is no longer kept.
func (r *Reader) CatchUp() (first ring.Beginning, ok bool) {
	f := r.fan
	if r.gone || r.cursor.Taken() > 0 {
		return first, false
	}
	cursor, squeeze, first, ok := f.config.Form.CatchUp()
	if !ok {
		return first, false
	}
	r.cursor, r.squeeze = cursor, squeeze
	f.beginning = append(f.beginning, r)
	f.begin.Set(f.config.Loop.Now())
	return first, true
}

// Gone reports whether the reader has left.
func (r *Reader) Gone() bool { return r.gone }

// Frames is how many frames the reader was sent whole.
func (r *Reader) Frames() uint64 { return r.frames }

// Lags is how many frames the reader has missed because it was too far behind.
func (r *Reader) Lags() uint64 { return r.lags }

// Leave ends the reader, in the middle of a send, too. Leaving twice does nothing.
func (r *Reader) Leave() {
	if r.gone {
		return
	}
	r.gone = true
	r.pin.Release()
	f := r.fan
	f.config.Backlog.remove(r)
	f.config.Form.Release()
	last := len(f.readers) - 1
	f.readers[r.index] = f.readers[last]
	f.readers[r.index].index = r.index
	f.readers[last] = nil
	f.readers = f.readers[:last]
}

// Writable is called when the connection takes more.
func (r *Reader) Writable() {
	r.blocked = false
	r.fan.config.Backlog.remove(r)
	r.goOn()
}

// SendRTCP sends RTCP to the reader, on the channel after RTP's.
func (r *Reader) SendRTCP(packet []byte) { r.write(r.channel+1, packet) }

// SendRTP sends one RTP packet to the reader that belongs to no frame.
func (r *Reader) SendRTP(packet []byte) { r.write(r.channel, packet) }

func (r *Reader) write(channel uint8, packet []byte) {
	f := r.fan
	header := interleavedHeader(channel, len(packet))
	f.interleaver.report = append(append(f.interleaver.report[:0], header[:]...), packet...)
	// In one piece: half of it in a full queue would end the framing. That the
	// connection has failed is found by the next frame.
	_ = r.conn.Write(f.interleaver.report)
}

// goOn sends what there is, until the connection takes no more.
func (r *Reader) goOn() {
	for !r.gone && !r.blocked && !r.fan.stopped && r.begin() {
		r.send()
	}
}

// begin makes sure that there is a frame in hand, and reports whether there is.
func (r *Reader) begin() bool {
	if r.pin.Held() != nil {
		return true
	}
	if r.pin.GivenUp() {
		r.pin.Release()
		r.fan.config.Figures.CutShort++
		r.miss(1)
		if !r.cutShort() {
			return false
		}
	}
	if r.part.rest > 0 {
		return true
	}
	for {
		before := r.cursor
		frame, missed := r.cursor.Next(r.fan.config.Ring, ring.Policy{Step: 1})
		r.miss(r.part.counted(missed))
		if r.cursor.WantsKey(r.fan.config.Ring) {
			r.fan.config.RequestKey()
		}
		if frame == nil {
			return false
		}
		if wire := r.fan.config.Form.Of(frame); wire != nil {
			if r.tooFarBehind(wire) {
				r.owner.Lost(ErrTooFarBehind)
				return false
			}
			if !r.part.wants(frame) {
				continue
			}
			r.packet, r.part.sent = 0, 0
			r.pin.Set(frame)
			return true
		}
		r.cursor.Unsent(frame, &before) // it could not be laid out as packets
	}
}

// ErrTooFarBehind is the reason why a reader is lost that has missed more packets than Config.MaxGap.
var ErrTooFarBehind = errors.New("it has missed too many packets to go on")

// tooFarBehind reports whether there are more than Config.MaxGap packets before a frame that the reader was not
// sent.
func (r *Reader) tooFarBehind(wire *ring.Wire) bool {
	gap := wire.First - r.after
	r.after = wire.First + uint32(wire.Count)
	return r.fan.config.MaxGap > 0 && int32(gap) > int32(r.fan.config.MaxGap)
}

// miss counts frames that the reader has missed.
func (r *Reader) miss(frames uint64) {
	r.lags += frames
	r.fan.config.Figures.Lags += frames
}

// send writes what the socket takes of the frame in hand.
func (r *Reader) send() {
	if r.fan.config.Parts != nil {
		r.sendPart()
		return
	}
	frame := r.pin.Held()
	wire := r.fan.config.Form.Of(frame)
	r.frameBytes = len(wire.Bytes)
	r.makeRoom(r.frameBytes)
	vectors := r.fan.interleaver.lay(frame.Number, wire, r.channel, r.squeeze.At(frame.Number, wire.Timestamp))[2*r.packet:]
	n, err := r.conn.Send(vectors)
	if err != nil {
		r.owner.Lost(err)
		return
	}
	if n > 0 {
		r.owner.Took()
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
		r.fan.config.Backlog.add(r)
		return
	}
	r.delivered(wire)
}

const (
	// bufferedFrames is how many frames the kernel may hold for one reader: those that are on
	// their way, over as long a way as a stream of 30 frames in a second takes a quarter of a
	// second for, there and back.
	bufferedFrames = 8
	// leastRoom and mostRoom are bounds of that, in bytes.
	leastRoom, mostRoom = 256 << 10, 4 << 20
)

// makeRoom sees that the kernel may hold enough for frames of this size, and not much more. It
// costs a system call with the first frame, and when frames have become twice as large.
func (r *Reader) makeRoom(frameBytes int) {
	enough := min(max(bufferedFrames*frameBytes, leastRoom), mostRoom)
	if enough <= r.room || r.room > 0 && enough < 2*r.room && enough < mostRoom {
		return
	}
	r.room = enough
	_ = r.conn.LimitSendBuffer(enough) // failing, the kernel's own limit stays
}

// delivered counts the frame in hand, which is sent, and releases it.
func (r *Reader) delivered(wire *ring.Wire) {
	figures := r.fan.config.Figures
	figures.Delivered++
	figures.Packets += uint64(wire.Count)
	figures.Bytes += uint64(len(wire.Bytes))
	r.frames++
	if frame := r.pin.Held(); frame.Number > r.fan.firstSent {
		r.fan.firstSent = frame.Number
		figures.FirstAge.Record(r.fan.config.Loop.Kernel().Monotonic() - frame.Captured)
	}
	r.pin.Release()
}

// queueRest queues what is left of a packet of which n bytes went out.
func (r *Reader) queueRest(packet []loop.Vector, n int) bool {
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
