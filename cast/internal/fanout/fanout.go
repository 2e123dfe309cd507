package fanout

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop"
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
	Figures *sending.Figures
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

// Fanout is the UDP readers of one ring.
type Fanout struct {
	config Config
	sweeps sending.Sweeps
	groups []*group
	trials []trialEnd
	// rested is how many packets the form had made when a reader began to rest. It is kept only where
	// there is a MaxGap.
	rested map[*Reader]uint32
	// closed are readers whose port was found closed, those of longest ago first; closing fires
	// when the time of the first is over.
	closed   []closedPort
	closing  *loop.Timer
	pictures pictures
	catching catching
}

// New makes a Fanout without readers.
func New(c Config) *Fanout {
	f := &Fanout{config: c, rested: map[*Reader]uint32{}}
	f.sweeps = sending.Sweeps{Loop: c.Loop, Budget: c.Budget, Ring: c.Ring, Log: c.Log, Figures: c.Figures}
	f.closing = c.Loop.NewAwakeTimer(f.endClosed)
	f.catching.init(f)
	return f
}

// Owner is Config.Owner.
func (f *Fanout) Owner() any { return f.config.Owner }

// SetPace says how far frames are apart, 0 if that is not known, and over how much of that a
// frame's bursts are spread.
func (f *Fanout) SetPace(interval, spread time.Duration) { f.sweeps.SetPace(interval, spread) }

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
		if g.sweep.Hand == nil {
			g.moveReaders()
		}
	}
	f.catching.enterAll()
	for _, g := range f.groups {
		g.sweep.newFrame()
	}
	f.catching.Do()
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
	f.catching.Stop()
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
func (f *Fanout) delivered(w *ring.Wire, n uint64) { f.config.Figures.CountDelivered(w, 0, n) }

// lagged counts frames that readers have missed.
func (f *Fanout) lagged(frames uint64, readers int) {
	f.config.Figures.Lags += frames * uint64(readers)
}
