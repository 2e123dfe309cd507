package model

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/clone"
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// CastModel is package cast as it is: a stream with RTCP and a watchdog, readers that have
// joined, frames that are laid out as packets and swept over the readers from one loop.
type CastModel struct {
	// Spread is the pacing (cast.Config.Spread), and RTSP where it is answered, if
	// wished.
	Spread float64
	RTSP   netip.AddrPort
	// CloneAt is the interface at which the kernel is to make the copies, if wished.
	CloneAt string

	Loop   *loop.Loop
	Cast   *cast.Broadcaster
	Stream *cast.Stream

	source  netip.Addr
	program *clone.Program
}

func init() {
	Register(Entry{Name: "loop", Transport: UDP, New: func() Model { return &CastModel{} }})
	Register(Entry{Name: "loop-cloned", Transport: UDP, Hidden: true, Missing: missingForClones,
		New: func() Model { return &CastModel{CloneAt: rig.Device} }})
	Register(Entry{Name: "loop-paced", Transport: UDP, Hidden: true, New: func() Model { return &CastModel{Spread: cast.DefaultSpread} }})
}

// missingForClones says what a machine lacks to make clones.
func missingForClones() string {
	var name unix.Utsname
	var major, minor int
	err := unix.Uname(&name)
	if err == nil {
		_, err = fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	}
	if err != nil || major < 6 || major == 6 && minor < 6 {
		return "Linux 6.6 or later"
	}
	return ""
}

// Start opens the sockets and has the readers join.
func (m *CastModel) Start(b *Broadcast) (err error) {
	if m.Loop, err = loop.New(); err != nil {
		return err
	}
	config := cast.Config{RTSP: m.RTSP, RTP: netip.MustParseAddrPort("0.0.0.0:0"), MTU: MTU, Spread: m.Spread}
	if m.CloneAt != "" {
		if m.program, err = clone.Open(m.CloneAt, len(b.Readers)); err != nil {
			return err
		}
		m.source, config.Clones = b.Host, m.program.Clones
	}
	if m.Cast, err = cast.New(m.Loop, config); err != nil {
		return err
	}
	source, err := NewStillSource(b.FramesPerSecond)
	if err != nil {
		return err
	}
	if m.Stream, err = m.Cast.AddStream("bench", source, cast.StreamOptions{AwaitReader: true}); err != nil {
		return err
	}
	for _, reader := range b.Readers {
		if _, err := m.Join(reader); err != nil {
			return err
		}
	}
	return nil
}

// Join has a reader at this address join.
func (m *CastModel) Join(reader netip.AddrPort) (*cast.UDPReader, error) {
	at := cast.Place{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1), Source: m.source}
	return m.Stream.Join(at, nil)
}

// Send publishes a frame and turns the loop until all of it was handed to the kernel.
func (m *CastModel) Send(f *Frame) error {
	if _, err := m.Loop.Turn(0); err != nil {
		return err
	}
	swept := m.Stream.Swept()
	if err := m.Stream.Publish(f.Picture, m.Loop.Kernel().Monotonic()); err != nil {
		return err
	}
	for m.Stream.Swept() == swept {
		if _, err := m.Loop.Turn(loop.Forever); err != nil {
			return err
		}
	}
	return nil
}

// Figures are those of the stream.
func (m *CastModel) Figures() Figures { return Figures{Lags: m.Stream.Figures().Lags} }

// Close frees everything.
func (m *CastModel) Close() error {
	err := m.Cast.Close()
	if m.program != nil {
		err = errors.Join(err, m.program.Close())
	}
	return errors.Join(err, m.Loop.Close())
}

// StillSource is a source from which nothing comes: the benchmark publishes by itself.
type StillSource struct {
	fd, fps int
}

// NewStillSource makes a source that says it has so many frames per second.
func NewStillSource(fps int) (*StillSource, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return &StillSource{fd, fps}, err
}

// Describe says what would come.
func (s *StillSource) Describe() capture.Description {
	return capture.Description{Source: "benchmark", Width: 1280, Height: 720, FramesPerSecond: float64(s.fps)}
}

// FD never becomes ready.
func (s *StillSource) FD() int { return s.fd }

// Next says that there is nothing.
func (s *StillSource) Next() (capture.Frame, error) { return capture.Frame{}, capture.ErrNotReady }

// Release does nothing.
func (s *StillSource) Release() {}

// Figures are all zero.
func (s *StillSource) Figures() capture.Figures { return capture.Figures{} }

// Close closes the descriptor.
func (s *StillSource) Close() error { return unix.Close(s.fd) }
