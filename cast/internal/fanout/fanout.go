package fanout

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/udp"
)

// Config is what a Fanout works with. All fields but Thin and MaxGap are required.
type Config struct {
	Loop *loop.Loop
	// Budget is that of all sweeps.
	Budget *loop.Budget
	Ring   *ring.Ring
	Form   *ring.Form
	Log    *slog.Logger
	// Figures are counted up; they are the caller's.
	Figures *Figures
	// Thin has readers thinned by their reports.
	Thin bool
	// MaxGap is how many packets a reader may miss while it rests: one that misses more is lost. 0: any
	// number.
	MaxGap uint32
	// RequestKey asks for a key frame where frames depend on each other, as often as somebody
	// could use one.
	RequestKey func()
	// NextSequence is the RTP sequence number of the next packet that the form will make.
	NextSequence func() uint16
	// Owner is the caller's own; the package does not touch it.
	Owner any
}

// Figures counts what was sent.
type Figures struct {
	// Delivered is how many frames were handed to the kernel whole, summed over all
	// readers; Packets and Bytes are what they held.
	Delivered, Packets, Bytes uint64
	// Lags is how many frames readers have missed because sending was too far behind, summed
	// over all readers.
	Lags uint64
	// Unreachable is how many sends to single readers the kernel refused.
	Unreachable uint64
	// Thinned is how many readers are thinned at present. ThinnedMore and ThinnedLess count
	// the halvings and doublings so far.
	Thinned, ThinnedMore, ThinnedLess uint64
	// Resting is how many readers rest at present.
	Resting uint64
	// Late is how many frames began to be sent to the first unthinned reader more than a frame
	// interval after their capture.
	Late uint64
	// Swept is how many frames were handed to the kernel whole for all unthinned readers
	// behind at least one socket.
	Swept uint64
	// FirstAge and LastAge are the ages of frames when they were handed to the kernel for an
	// unthinned reader: for the first of all readers, and for the last one behind each socket.
	FirstAge, LastAge histogram.Histogram
}

// Fanout is the UDP readers of one ring.
type Fanout struct {
	config   Config
	interval time.Duration // between frames, as the source says; 0: not known
	spread   time.Duration // over which the bursts of a frame are spread
	groups   []*group
	trials   []trialEnd
	// lost are readers whose observers are to be told.
	lost []lostReader
	// rested is how many packets the form had made when a reader began to rest. It is kept only where
	// there is a MaxGap.
	rested map[*Reader]uint32
	// closed are readers whose port was found closed, those of longest ago first; closing fires
	// when the time of the first is over.
	closed  []closedPort
	closing *loop.Timer
	// firstBegun is the newest frame that has begun to be sent to an unthinned reader.
	// firstSent and lastSent are the newest ones that the ages were recorded of.
	firstBegun, firstSent, lastSent uint64
	pictures                        pictures
	catching                        catching
}

// New makes a Fanout without readers.
func New(c Config) *Fanout {
	f := &Fanout{config: c, rested: map[*Reader]uint32{}}
	f.closing = c.Loop.NewAwakeTimer(f.endClosed)
	f.catching.init(f)
	return f
}

// Owner is Config.Owner.
func (f *Fanout) Owner() any { return f.config.Owner }

// SetPace says how far frames are apart, 0 if that is not known, and over how much of that a
// frame's bursts are spread.
func (f *Fanout) SetPace(interval, spread time.Duration) { f.interval, f.spread = interval, spread }

// Address is where a reader is.
type Address struct {
	// RTP and RTCP are two ports of one IP address, or the same one.
	RTP, RTCP netip.AddrPort
	// Source is the address of this machine to send from; the zero Addr leaves it to the
	// routing table.
	Source netip.Addr
}

// Join has r sent frames from the next key frame on, until it leaves: RTP from the socket rtp,
// RTCP from rtcp. r is the caller's memory, zero before. Both sockets must be open until the
// reader has left and Stop was called. CatchUp may have it begin before that.
func (f *Fanout) Join(r *Reader, rtp, rtcp *udp.Socket, at Address, observer Observer) {
	r.observer, r.rtcpPort = observer, at.RTCP.Port()
	level := uint8(0)
	if f.dependent() {
		level = joinLevel // until a key frame is about to be sent to level 0: see accepts
	}
	f.config.Form.Use()
	r.enter(f.group(rtp, rtcp, level), at.RTP, at.Source)
	if level > 0 {
		r.moveTo(0)
	}
}

// FrameReady sends the ring's newest frame.
func (f *Fanout) FrameReady() {
	newest := f.config.Ring.Last()
	if wire := f.config.Form.Of(newest); wire != nil {
		f.pictures.count(newest, wire)
	}
	f.endTrials()
	// Groups are made while readers move: those behind the present ones have nobody to move.
	for _, g := range f.groups {
		if g.sweep.hand == nil {
			g.moveReaders()
		}
	}
	f.catching.enterAll()
	for _, g := range f.groups {
		g.sweep.newFrame()
	}
	f.catching.task.Do()
}

// Readers is the number of readers, resting ones included.
func (f *Fanout) Readers() (n int) {
	for _, g := range f.groups {
		n += g.size()
	}
	return n
}

// Each calls visit with each reader, which may move it or have it leave.
func (f *Fanout) Each(visit func(*Reader)) {
	for _, g := range f.groups {
		for i := len(g.readers) - 1; i >= 0; i-- { // one that moves gives its index to a later one
			visit(g.readers[i])
		}
	}
}

// Stop ends sending for good, and releases the frames in hand.
func (f *Fanout) Stop() {
	f.closing.Stop()
	f.closed = nil
	f.catching.stop()
	for _, g := range f.groups {
		g.sweep.stop()
	}
}

// Forget drops the groups of a socket that is about to be closed. Its readers have left.
func (f *Fanout) Forget(rtp *udp.Socket) {
	// A new list: the one in use may be walked at this moment.
	f.groups = slices.DeleteFunc(slices.Clone(f.groups), func(g *group) bool {
		if g.fan.Socket() != rtp {
			return false
		}
		g.sweep.stop()
		f.config.Ring.RemoveHolder()
		return true
	})
}

// framePackets is how many packets the newest frame has, as those before it had about.
func (f *Fanout) framePackets() uint32 {
	if newest := f.config.Ring.Last(); newest != nil {
		if wire := f.config.Form.Of(newest); wire != nil {
			return uint32(wire.Count)
		}
	}
	return 0
}

// dependent reports whether frames depend on each other.
func (f *Fanout) dependent() bool {
	newest := f.config.Ring.Last()
	return newest != nil && newest.Params.Format.Dependent()
}

// delivered counts a frame that n readers were sent.
func (f *Fanout) delivered(w *ring.Wire, n uint64) {
	f.config.Figures.Delivered += n
	f.config.Figures.Packets += n * uint64(w.Count)
	f.config.Figures.Bytes += n * uint64(len(w.Bytes))
}

// lagged counts frames that readers have missed.
func (f *Fanout) lagged(frames uint64, readers int) {
	f.config.Figures.Lags += frames * uint64(readers)
}
