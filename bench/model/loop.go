package model

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/clone"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// CastModel is package cast as it is: a stream with RTCP and a watchdog, readers that have
// joined, frames that are laid out as packets and swept over the readers from one loop.
type CastModel struct {
	// Spread and Burst are the pacing (cast.Config, but for a Spread of 0, which sends at
	// once), and RTSP where it is answered, if wished.
	Spread float64
	Burst  int
	RTSP   netip.AddrPort
	// LagTime is how much is kept of frames that depend on each other (cast.Config).
	LagTime time.Duration
	// Source is the address of this machine that readers are sent from, if wished.
	Source netip.Addr
	// CloneAt is the interface at which the kernel is to make the copies, if wished.
	CloneAt string
	// SRTP has readers be sent SRTP under one key.
	SRTP bool
	// WebRTC has readers be sent H.264 with keys and sequence numbers of their own (PrivateKeys), as browsers are
	// when DTLS is done.
	WebRTC bool
	// Beside is how many readers by WebRTC are sent the frames, too. Nobody is at their addresses.
	Beside int
	// Transcoder is for pictures that RTP cannot carry, of which there are none.
	Transcoder cast.Transcoder

	Loop   *loop.Loop
	Cast   *cast.Broadcaster
	Front  *rtsp.Server // nil: RTSP is not answered
	Stream *cast.Stream

	params   *media.Params
	program  *clone.Program
	sessions map[netip.AddrPort]*cast.Session // by WebRTC
}

func init() {
	add := func(name string, m CastModel, missing func() string) {
		Register(Entry{Name: name, Transport: UDP, Hidden: name != "loop", Reports: true, H264: true, Sealed: m.SRTP, Missing: missing,
			New: func() Model { m := m; return &m }})
	}
	add("loop", CastModel{}, nil)
	add("loop-cloned", CastModel{CloneAt: rig.Device}, missingForClones)
	add("loop-srtp", CastModel{SRTP: true}, nil)
	add("loop-beside-webrtc", CastModel{Beside: 100}, nil)
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
	config := cast.Config{RTP: netip.MustParseAddrPort("0.0.0.0:0"), MTU: MTU, Spread: m.Spread, Burst: m.Burst, LagTime: m.LagTime, MaxConnections: cast.NoLimit, MaxConnectionsPerAddress: cast.NoLimit}
	if b.H264 {
		config.MTU = b.H264Size.PacketBytes + MTU - PacketBytes
	}
	if m.Spread == 0 {
		config.Spread = cast.AllAtOnce
	}
	if m.CloneAt != "" {
		if m.program, err = clone.Open(m.CloneAt, len(b.Readers)); err != nil {
			return err
		}
		m.Source, config.Clones = b.Host, m.program.Clones
	}
	if m.SRTP {
		config.SRTP, config.SessionTimeout, config.Random = true, time.Hour, sealedRandom
	}
	if m.Cast, err = cast.New(m.Loop, config); err != nil {
		return err
	}
	if m.RTSP.IsValid() {
		if m.Front, err = rtsp.Listen(m.Cast, m.RTSP, rtsp.Options{}); err != nil {
			return err
		}
	}
	m.params = &media.Params{Format: media.JPEG, Width: 1280, Height: 720, FramesPerSecond: float64(b.FramesPerSecond)}
	if b.H264 {
		m.params = H264Params
	}
	if m.Stream, err = m.Cast.AddStream("bench", nil, cast.StreamOptions{Params: m.params, Transcoder: m.Transcoder}); err != nil {
		return err
	}
	if m.WebRTC {
		m.takeReports()
	}
	for i, reader := range b.Readers {
		if m.WebRTC {
			if err := m.JoinPrivate(i, reader); err != nil {
				return err
			}
			continue
		}
		if m.SRTP {
			if err := m.joinSealed(reader); err != nil {
				return err
			}
			continue
		}
		o := &observer{}
		if o.reader, err = m.join(reader, o); err != nil {
			return err
		}
	}
	return m.joinBeside(b.Readers)
}

// Join has a reader at this address join, whose reports are not read.
func (m *CastModel) Join(reader netip.AddrPort) (*cast.UDPReader, error) { return m.join(reader, nil) }

func (m *CastModel) join(reader netip.AddrPort, o cast.Observer) (*cast.UDPReader, error) {
	at := cast.Address{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1), Source: m.Source}
	return m.Stream.Join(at, o)
}

// observer reads what a reader reports.
type observer struct {
	reader   *cast.UDPReader
	feedback *cast.Feedback // nil until it has reported
}

// RTCP takes a reader's reports.
func (o *observer) RTCP(packet []byte) {
	if o.feedback == nil {
		o.feedback = &cast.Feedback{}
	}
	o.feedback.Take(o.reader, packet)
}

// Lost has the reader leave.
func (o *observer) Lost(error) { o.reader.Leave() }

// Send publishes a frame and turns the loop until all of it was handed to the kernel.
func (m *CastModel) Send(f *Frame) error {
	if _, err := m.Loop.Turn(0); err != nil {
		return err
	}
	swept := m.Stream.Swept()
	if m.Beside > 0 {
		swept++ // each of both ways sweeps the frame over its readers
	}
	frame := f.Coded
	if frame.Params == nil {
		frame = media.Frame{Params: m.params, Bytes: f.Picture, Key: true}
	}
	frame.Captured = m.Loop.Kernel().Monotonic()
	m.consent(f.Number)
	if err := m.Stream.Publish(frame); err != nil {
		return err
	}
	for m.Stream.Swept() <= swept {
		if _, err := m.Loop.Turn(loop.Forever); err != nil {
			return err
		}
	}
	return nil
}

// Publish has the stream send a picture, a JPEG.
func (m *CastModel) Publish(picture []byte, captured time.Duration) error {
	return m.Stream.Publish(media.Frame{Params: m.params, Bytes: picture, Captured: captured, Key: true})
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
