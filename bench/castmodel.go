package bench

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// castModel is package cast as it is: a stream with RTCP and a watchdog, readers that have
// joined, frames that are laid out as packets and swept over the readers from the loop.
type castModel struct {
	paced  bool           // with the daemon's pacing
	rtsp   netip.AddrPort // where RTSP is answered, if wished
	loop   *loop.Loop
	cast   *cast.Broadcaster
	stream *cast.Stream
	b      *Broadcast
	sent   uint64
}

func (m *castModel) Start(b *Broadcast) (err error) {
	m.b = b
	if m.loop, err = loop.New(); err != nil {
		return err
	}
	config := cast.Config{RTSP: m.rtsp, RTP: netip.MustParseAddrPort("0.0.0.0:0"), MTU: mtu}
	if m.paced {
		config.Spread = cast.DefaultSpread
	}
	if m.cast, err = cast.New(m.loop, config); err != nil {
		return err
	}
	source, err := newStillSource()
	if err != nil {
		return err
	}
	if m.stream, err = m.cast.AddStream("bench", source, cast.StreamOptions{AwaitReader: true}); err != nil {
		return err
	}
	for _, reader := range b.Readers {
		at := cast.Place{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1)}
		if _, err := m.stream.Join(at, nil); err != nil {
			return err
		}
	}
	return nil
}

func (m *castModel) Send() error {
	if _, err := m.loop.Turn(0); err != nil {
		return err
	}
	if err := m.stream.Publish(m.b.Picture, m.loop.Kernel().Monotonic()); err != nil {
		return err
	}
	for m.sent++; m.stream.Swept() < m.sent; {
		if _, err := m.loop.Turn(loop.Forever); err != nil {
			return err
		}
	}
	return nil
}

func (m *castModel) Figures() Figures {
	return Figures{Calls: m.cast.Sockets().Calls + m.loop.Stats().Turns, Lags: m.stream.Figures().Lags}
}

func (m *castModel) Close() error { return errors.Join(m.cast.Close(), m.loop.Close()) }

// stillSource is a source from which nothing comes: the benchmark publishes by itself.
type stillSource struct {
	fd  int
	fps float64
}

func newStillSource() (*stillSource, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return &stillSource{fd, framesPerSecond}, err
}

func (s *stillSource) Describe() capture.Description {
	return capture.Description{Source: "benchmark", Width: 1280, Height: 720, FramesPerSecond: s.fps}
}
func (s *stillSource) FD() int                      { return s.fd }
func (s *stillSource) Next() (capture.Frame, error) { return capture.Frame{}, capture.ErrNotReady }
func (s *stillSource) Release()                     {}
func (s *stillSource) Figures() capture.Figures     { return capture.Figures{} }
func (s *stillSource) Close() error                 { return unix.Close(s.fd) }
