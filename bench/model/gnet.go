package model

import (
	"context"
	"errors"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// gnetModel is the event loop of gnet v2.10.0. A gnet server over UDP only answers, so
// this is its client: a connected UDP socket per reader, all on one event loop, which is
// handed each frame as a task and writes it to one reader after the other.
//
// Its limit is that a write is one datagram and one system call: there is no call for
// many datagrams or for a segmented one, and no way to reach below it. Frames are tasks
// from another goroutine because gnet takes no foreign descriptor, such as a camera's.
// A datagram that the socket does not take is lost: gnet does not wait for a UDP socket
// to become writable.
type gnetModel struct {
	gnet.BuiltinEventEngine
	client *gnet.Client
	conns  []gnet.Conn
	idle   chan struct{} // has a token while no frame is being written
	err    error         // of the last frame; belongs to whoever has the token
}

func init() {
	Register(Entry{Name: "gnet", Transport: UDP, New: func() Model { return &gnetModel{idle: make(chan struct{}, 1)} }})
}

func (m *gnetModel) Start(b *Broadcast) (err error) {
	m.idle <- struct{}{}
	if m.client, err = gnet.NewClient(m, gnet.WithNumEventLoop(1), gnet.WithSocketSendBuffer(sendBufferBytes)); err != nil {
		return err
	}
	if err := m.client.Start(); err != nil {
		return err
	}
	for _, reader := range b.Readers {
		conn, err := m.client.Dial("udp", reader.String())
		if err != nil {
			return err
		}
		m.conns = append(m.conns, conn)
	}
	return nil
}

// Send waits until the frame before was written.
func (m *gnetModel) Send(f *Frame) error {
	<-m.idle
	if m.err != nil {
		return m.err
	}
	write := func(context.Context) error {
		m.err = m.write(f)
		m.idle <- struct{}{}
		return nil
	}
	return m.conns[0].EventLoop().Execute(context.Background(), gnet.RunnableFunc(write))
}

func (m *gnetModel) write(f *Frame) error {
	var errs []error
	for _, conn := range m.conns {
		for i := range f.Packets.Count {
			_, err := conn.Write(f.Packets.Packet(i))
			if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ECONNREFUSED) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (m *gnetModel) Figures() Figures { return Figures{} }

func (m *gnetModel) Close() error { return m.client.Stop() }
