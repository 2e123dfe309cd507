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
	// Spread and Burst are the pacing (cast.Config), and RTSP where it is answered, if
	// wished.
	Spread float64
	Burst  int
	RTSP   netip.AddrPort
	// Source is the address of this machine that readers are sent from, if wished.
	Source netip.Addr
	// CloneAt is the interface at which the kernel is to make the copies, if wished.
	CloneAt string

	Loop   *loop.Loop
	Cast   *cast.Broadcaster
	Stream *cast.Stream

	program *clone.Program
}

func init() {
	add := func(name string, m CastModel, missing func() string) {
		Register(Entry{Name: name, Transport: UDP, Hidden: name != "loop", Reports: true, Missing: missing,
			New: func() Model { m := m; return &m }})
	}
	add("loop", CastModel{}, nil)
	add("loop-cloned", CastModel{CloneAt: rig.Device}, missingForClones)
	// A frame of the benchmark is one burst by default; in the second it is several.
	add("loop-paced", CastModel{Spread: cast.DefaultSpread}, nil)
	add("loop-bursts", CastModel{Spread: cast.DefaultSpread, Burst: 8}, nil)
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
	config := cast.Config{RTSP: m.RTSP, RTP: netip.MustParseAddrPort("0.0.0.0:0"), MTU: MTU, Spread: m.Spread, Burst: m.Burst}
	if m.CloneAt != "" {
		if m.program, err = clone.Open(m.CloneAt, len(b.Readers)); err != nil {
			return err
		}
		m.Source, config.Clones = b.Host, m.program.Clones
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
		o := &observer{}
		if o.reader, err = m.join(reader, o); err != nil {
			return err
		}
	}
	return nil
}

// Join has a reader at this address join, whose reports are not read.
func (m *CastModel) Join(reader netip.AddrPort) (*cast.UDPReader, error) { return m.join(reader, nil) }

func (m *CastModel) join(reader netip.AddrPort, o cast.Observer) (*cast.UDPReader, error) {
	at := cast.Place{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1), Source: m.Source}
	return m.Stream.Join(at, o)
}

// observer reads what a reader reports.
type observer struct {
	reader *cast.UDPReader
	heard  *cast.Feedback // nil until it has reported
}

// Control takes a reader's RTCP.
func (o *observer) Control(packet []byte) {
	if o.heard == nil {
		o.heard = &cast.Feedback{}
	}
	o.heard.Take(o.reader, packet)
}

// Lost has the reader leave.
func (o *observer) Lost(error) { o.reader.Leave() }

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
