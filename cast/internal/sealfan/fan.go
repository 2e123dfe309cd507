package sealfan

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// Config is what a Fan works with. All fields but Thin are required.
type Config struct {
	Loop *loop.Loop
	// Budget is that of all sweeps, and Answers that of what is sent to single readers: packets again, and probes. It is made
	// after Budget, so that it has its turn after the sweeps.
	Budget, Answers *loop.Budget

	Ring *ring.Ring
	Log  *slog.Logger
	// Figures are counted up; they are the caller's.
	Figures *sending.Figures
	// Thin has readers thinned by their reports.
	Thin bool
	// RequestKey asks for a key frame, as often as somebody could use one.
	RequestKey func()
	// SSRC and Clock are those of all packets.
	SSRC  uint32
	Clock rtp.Clock
	// PacketBytes is how large a packet is at most before it is sealed, and RunPackets how many are sent
	// to a reader at once.
	PacketBytes, RunPackets int
}

// Fan is the readers of one ring that have keys of their own.
type Fan struct {
	config     Config
	sweeps     sending.Sweeps
	layouts    []*layout
	lastLayout uint32
	groups     []*group
	pictures   fanout.Pictures
	catching   catching
	answers    answers
	scratch    []byte
}

// Observer is told about a Reader.
type Observer interface {
	// Lost is called when the kernel has refused for a while to send to the reader, or when its keys
	// are used up. The reader is still there: the observer has it leave.
	Lost(err error)
}

// Address is where a reader is, the address of this machine to send from, and the socket.
type Address struct {
	Socket *udp.Socket
	Peer   netip.AddrPort
	Source netip.Addr
}

// New makes a Fan without readers.
func New(c Config) *Fan {
	f := &Fan{config: c, sweeps: sending.Sweeps{Loop: c.Loop, Budget: c.Budget, Ring: c.Ring, Log: c.Log, Figures: c.Figures}}
	f.catching.init(f)
	f.answers.init(f)
	return f
}

// SetPace says how far frames are apart, 0 if that is not known, and over how much of that a frame's bursts
// are spread.
func (f *Fan) SetPace(interval, spread time.Duration) { f.sweeps.SetPace(interval, spread) }

// Join has r sent frames from the next key frame on, until it leaves, sealed by keys of a profile. r is the
// caller's memory, zero before. CatchUp may have it begin before that. The error is ErrForms, or says what is wrong
// with the form; r has not joined then.
func (f *Fan) Join(r *Reader, at Address, kind Form, profile srtp.Profile, keys *srtp.Private, observer Observer) error {
	if err := kind.Check(); err != nil {
		return err
	}
	l, err := f.layout(kind)
	if err != nil {
		return err
	}
	r.keys, r.observer, r.waits = keys, observer, true
	r.ahead.end = keys.Next() + maxAhead
	l.readers++
	l.form.Use()
	r.enter(f.group(at.Socket, l, profile.TagBytes()), at)
	return nil
}

// group returns the readers of a layout behind a socket, with tags of one length, making an empty group for the
// first.
func (f *Fan) group(socket *udp.Socket, l *layout, tagBytes int) *group {
	for _, g := range f.groups {
		if g.fan.Socket() == socket && g.layout == l && g.tagBytes == tagBytes {
			return g
		}
	}
	g := &group{owner: f, layout: l, tagBytes: tagBytes, fan: socket.NewOwnFan()}
	g.sweep = newSweep(g)
	f.groups = append(f.groups, g)
	f.config.Ring.AddHolder()
	return g
}

// release notes that a layout has one reader fewer. With its last one it is forgotten.
func (f *Fan) release(l *layout) {
	l.form.Release()
	if l.readers--; l.readers > 0 {
		return
	}
	// New lists: those in use may be walked at this moment.
	f.groups = slices.DeleteFunc(slices.Clone(f.groups), func(g *group) bool {
		if g.layout != l {
			return false
		}
		g.sweep.stop()
		f.config.Ring.RemoveHolder()
		return true
	})
	f.layouts = slices.DeleteFunc(slices.Clone(f.layouts), func(other *layout) bool { return other == l })
	l.form.Drop()
	if len(f.layouts) == 0 {
		f.answers.unused = nil
	}
}

// FrameReady sends the ring's newest frame.
func (f *Fan) FrameReady() {
	if len(f.groups) == 0 {
		return
	}
	newest := f.config.Ring.Last()
	if wire := f.layouts[0].form.Of(newest); wire != nil {
		f.pictures.Count(newest, wire)
	}
	for _, g := range f.groups {
		g.sweep.NewFrame()
	}
	f.catching.frameReady()
}

// Readers is the number of readers, resting ones included.
func (f *Fan) Readers() (n int) {
	for _, g := range f.groups {
		n += len(g.readers) - len(g.leaving)
	}
	return n
}

// Round is how far something has come on its way to all readers. Its zero value is the beginning.
type Round struct{ group, index int }

// Some calls visit with at most so many readers, beginning where the round stands, and reports whether it has come to
// the end. A reader that comes or goes between two calls may be visited twice, or not.
func (f *Fan) Some(round *Round, most int, visit func(*Reader)) (done bool) {
	for ; round.group < len(f.groups); round.group, round.index = round.group+1, 0 {
		for readers := f.groups[round.group].readers; round.index < len(readers); round.index++ {
			if most == 0 {
				return false
			}
			if r := readers[round.index]; !r.gone {
				most--
				visit(r)
			}
		}
	}
	return true
}

// Each calls visit with each reader, which may have it leave.
func (f *Fan) Each(visit func(*Reader)) {
	for _, g := range f.groups {
		for i := len(g.readers) - 1; i >= 0; i-- {
			if i < len(g.readers) && !g.readers[i].gone {
				visit(g.readers[i])
			}
		}
	}
}

// Stop ends sending for good, and releases the frames in hand.
func (f *Fan) Stop() {
	f.catching.stop()
	f.answers.stop()
	for _, g := range f.groups {
		g.sweep.stop()
	}
}

// group is the readers of one layout behind one socket: a dense list, in the order of the fan, and the sweep that
// serves them.
type group struct {
	owner    *Fan
	layout   *layout
	tagBytes int
	fan      *udp.Fan
	readers  []*Reader
	sweep    *sweep
	// leaving readers are removed when the frame in hand is sent.
	leaving []*Reader
}

// endFrame removes the readers that left meanwhile.
func (g *group) endFrame() {
	for len(g.leaving) > 0 {
		last := len(g.leaving) - 1
		r := g.leaving[last]
		g.leaving[last] = nil
		g.leaving = g.leaving[:last]
		r.remove()
	}
}
