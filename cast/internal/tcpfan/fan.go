package tcpfan

import (
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/tcp"
)

// Config is what a Fan works with. All fields but MaxGap are required.
type Config struct {
	// MaxGap is how many packets a reader may miss in a row: one that misses more is lost. 0: any number.
	MaxGap uint32
	Loop   *loop.Loop
	Ring   *ring.Ring
	Form   *ring.Form
	// Figures are counted up; they are the caller's.
	Figures *Figures
	// RequestKey asks for a key frame where frames depend on each other, as often as somebody
	// could use one.
	RequestKey func()
	// Backlog bounds what waits in the kernel, for other Fans too.
	Backlog *Backlog
	// Parts, if it is not nil, has frames sent as they are laid out, each as one packet, without RTSP's framing.
	Parts *Parts
}

// Figures counts what was sent.
type Figures struct {
	// Delivered is how many frames the kernel took whole, summed over all readers; Packets
	// and Bytes are what they held.
	Delivered, Packets, Bytes uint64
	// Lags is how many frames readers have missed because they were too far behind, summed
	// over all readers.
	Lags uint64
	// CutShort is how many frames a reader was in the middle of when they had to be given
	// up, because too many readers stood still in too many frames.
	CutShort uint64
	// FirstAge and LastAge are the ages of frames: when the first reader's connection had taken all of it, and
	// when every reader had its turn.
	FirstAge, LastAge histogram.Histogram
}

// sendSlice is how long readers may hold the loop before others have a turn.
const sendSlice = 4 * time.Millisecond

// Fan is the TCP readers of one ring.
type Fan struct {
	config      Config
	readers     []*Reader
	interleaver interleaver
	// round is the readers in the order in which they are sent the newest frame, and served
	// how many of them had their turn. It goes on in later turns of the loop.
	round  []*Reader
	served int
	more   *loop.Timer
	frames uint32 // so far, to choose the first reader by
	// beginning are readers that are caught up and have been sent nothing yet, which begin does.
	beginning []*Reader
	begin     *loop.Timer
	part      [2]loop.Vector // of the reader that is sent to
	head      []byte         // of its part, if that is its own
	// firstSent is the newest frame that a reader has been sent whole.
	firstSent uint64

	stopped bool
}

// New makes a Fan without readers.
func New(c Config) *Fan {
	f := &Fan{config: c}
	f.more = c.Loop.NewTimer(f.serve)
	f.begin = c.Loop.NewTimer(f.beginAll)
	return f
}

// Join has a reader sent frames on a connection, on an interleaved channel, from the next key
// frame on and until it leaves. The connection's handler calls Writable.
func (f *Fan) Join(conn *tcp.Conn, channel uint8, owner Owner) *Reader {
	return f.add(&Reader{fan: f, conn: conn, channel: channel, owner: owner, cursor: f.config.Ring.NewCursor()})
}

// add adds a reader.
func (f *Fan) add(r *Reader) *Reader {
	r.index = len(f.readers)
	f.readers = append(f.readers, r)
	f.config.Form.Use()
	r.after = uint32(f.config.Form.Packets())
	return r
}

// beginAll has those begin that are to be caught up.
func (f *Fan) beginAll() {
	for len(f.beginning) > 0 {
		last := len(f.beginning) - 1
		r := f.beginning[last]
		f.beginning[last] = nil
		f.beginning = f.beginning[:last]
		r.goOn()
	}
}

// Readers is how many there are.
func (f *Fan) Readers() int { return len(f.readers) }

// FrameReady sends the ring's newest frame: to every reader that can be written to, a
// different one first each frame. Any of them may be lost by it.
func (f *Fan) FrameReady() {
	n := len(f.readers)
	if n == 0 {
		return
	}
	f.frames++
	first := ring.First(f.frames, n)
	clear(f.round[f.served:]) // of the frame before, if that is not done
	f.round = append(append(f.round[:0], f.readers[first:]...), f.readers[:first]...)
	f.served = 0
	f.serve()
}

// serve has the readers of the round go on, until the slice is over.
func (f *Fan) serve() {
	kernel := f.config.Loop.Kernel()
	end := kernel.Monotonic() + sendSlice
	for f.served < len(f.round) {
		r := f.round[f.served]
		f.round[f.served] = nil
		f.served++
		r.goOn()
		if f.served < len(f.round) && kernel.Monotonic() >= end {
			f.more.Set(f.config.Loop.Now())
			return
		}
	}
	f.round, f.served = f.round[:0], 0
	if newest := f.config.Ring.Last(); newest != nil && newest.Number == f.firstSent {
		f.config.Figures.LastAge.Record(kernel.Monotonic() - newest.Captured)
	}
}

// SendRTCP sends an RTCP packet to every reader.
func (f *Fan) SendRTCP(packet []byte) {
	for _, r := range f.readers {
		r.SendRTCP(packet)
	}
}

// Stop ends sending for good.
func (f *Fan) Stop() {
	f.stopped = true
	f.more.Stop()
	f.begin.Stop()
	f.beginning = nil
	clear(f.round)
	f.round, f.served = f.round[:0], 0
}
