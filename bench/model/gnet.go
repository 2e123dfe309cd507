package model

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"
)

// gnetModel is the event loop of gnet v2.10.0, over TCP: one loop with all connections, which
// is handed each frame as a task and writes it to one reader after the other. What a socket
// does not take gnet copies, and sends when it is writable; a reader of whom something is left
// there misses the frame, so that nobody's memory grows.
//
// Over UDP gnet has a connected socket per reader, or SendTo on one socket, but a datagram is
// a system call: there is none for many datagrams or for a segmented one, and no way to reach
// below it. That cost several times as much as a write of a whole frame to a stream, which is
// therefore gnet's best. Frames are tasks from another goroutine because gnet takes no foreign
// descriptor, such as a camera's.
type gnetModel struct {
	gnet.BuiltinEventEngine
	engine  gnet.Engine
	serving chan error
	booted  chan struct{}
	loop    atomic.Pointer[gnet.EventLoop] // the only one, once somebody has come
	conns   map[gnet.Conn]struct{}         // the loop's
	idle    chan struct{}                  // has a token while no frame is being written
	err     error                          // of the last frame; belongs to whoever has the token
	lags    atomic.Uint64
}

func init() {
	Register(Entry{Name: "gnet", Transport: Stream, New: func() Model { return &gnetModel{} }})
}

func (m *gnetModel) Start(b *Broadcast) error {
	m.serving, m.booted, m.idle = make(chan error, 1), make(chan struct{}), make(chan struct{}, 1)
	m.conns = map[gnet.Conn]struct{}{}
	m.idle <- struct{}{}
	go func() {
		m.serving <- gnet.Run(m, fmt.Sprintf("tcp://%v:%d", b.Host, TCPPort), gnet.WithNumEventLoop(1),
			gnet.WithReuseAddr(true), gnet.WithTCPNoDelay(gnet.TCPNoDelay))
	}()
	select {
	case <-m.booted:
		return nil
	case err := <-m.serving:
		return err
	}
}

// OnBoot is called when connections are taken.
func (m *gnetModel) OnBoot(engine gnet.Engine) gnet.Action {
	m.engine = engine
	close(m.booted)
	return gnet.None
}

// OnOpen is called with each reader that comes.
func (m *gnetModel) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	m.conns[c] = struct{}{}
	loop := c.EventLoop()
	m.loop.Store(&loop)
	return nil, gnet.None
}

// OnClose is called with each that goes.
func (m *gnetModel) OnClose(c gnet.Conn, _ error) gnet.Action {
	delete(m.conns, c)
	return gnet.None
}

// Send waits until the frame before was written.
func (m *gnetModel) Send(f *Frame) error {
	<-m.idle
	loop := m.loop.Load()
	if m.err != nil || loop == nil {
		m.idle <- struct{}{}
		return m.err
	}
	frame := f.framed
	return (*loop).Execute(context.Background(), gnet.RunnableFunc(func(context.Context) error {
		m.write(frame)
		m.idle <- struct{}{}
		return nil
	}))
}

func (m *gnetModel) write(frame []byte) {
	for c := range m.conns {
		if c.OutboundBuffered() > 0 {
			m.lags.Add(1)
			continue
		}
		if _, err := c.Write(frame); err != nil {
			m.err = err
		}
	}
}

func (m *gnetModel) Figures() Figures { return Figures{Lags: m.lags.Load()} }

// Close does not have Stop wait, which looks only twice a second.
func (m *gnetModel) Close() error {
	told, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.engine.Stop(told); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return <-m.serving
}
