package bench

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// goroutines is a goroutine and a connected socket per reader, which writes packet by
// packet: what most Go programs do.
type goroutines struct {
	b      *Broadcast
	conns  []*net.UDPConn
	frames []chan struct{}
	group  sync.WaitGroup
	calls  atomic.Uint64
	failed atomic.Pointer[error]
}

func (m *goroutines) Start(b *Broadcast) error {
	m.b = b
	for _, reader := range b.Readers {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(reader))
		if err != nil {
			return err
		}
		if err := conn.SetWriteBuffer(1 << 20); err != nil {
			return err
		}
		frames := make(chan struct{}, 1)
		m.conns, m.frames = append(m.conns, conn), append(m.frames, frames)
		go m.serve(conn, frames)
	}
	return nil
}

func (m *goroutines) serve(conn *net.UDPConn, frames <-chan struct{}) {
	for range frames {
		for i := range m.b.Packets.Count {
			if _, err := conn.Write(m.b.Packets.Packet(i)); err != nil {
				m.failed.Store(&err)
			}
		}
		m.calls.Add(uint64(m.b.Packets.Count))
		m.group.Done()
	}
}

func (m *goroutines) Send() error {
	m.group.Add(len(m.frames))
	for _, frames := range m.frames {
		frames <- struct{}{}
	}
	m.group.Wait()
	if err := m.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *goroutines) Figures() Figures { return Figures{Calls: m.calls.Load()} }

func (m *goroutines) Close() error {
	var errs []error
	for i, conn := range m.conns {
		close(m.frames[i])
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
