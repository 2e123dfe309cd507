package model

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// perReader is a goroutine with a connected socket for each reader, and a ring of frames
// that they all read from.
type perReader struct {
	ring    *payloadRing[*Frame]
	conns   []*net.UDPConn
	cursors []*cursor[*Frame]
	write   func(*net.UDPConn, *Frame) error // nil: packet by packet
	group   sync.WaitGroup
	failed  atomic.Pointer[error]
}

// sendBufferBytes holds some frames.
const sendBufferBytes = 1 << 20

// start begins a goroutine per reader, which calls idle when there is nothing to send.
func (m *perReader) start(b *Broadcast, idle func(*cursor[*Frame])) error {
	m.ring = newPayloadRing[*Frame]()
	if m.write == nil {
		m.write = writePackets
	}
	for _, reader := range b.Readers {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(reader))
		if err != nil {
			return err
		}
		if err := conn.SetWriteBuffer(sendBufferBytes); err != nil {
			return err
		}
		c := &cursor[*Frame]{ring: m.ring}
		m.conns, m.cursors = append(m.conns, conn), append(m.cursors, c)
		m.group.Go(func() { m.serve(conn, c, idle) })
	}
	return nil
}

func (m *perReader) serve(conn *net.UDPConn, c *cursor[*Frame], idle func(*cursor[*Frame])) {
	for !m.ring.closed.Load() {
		f, ok := c.next()
		if !ok {
			idle(c)
			continue
		}
		// Who is not there refuses: on loopback the next write says so.
		if err := m.write(conn, f); err != nil && !errors.Is(err, net.ErrClosed) {
			m.failed.Store(&err)
		}
	}
}

// writePackets writes a frame packet by packet.
func writePackets(conn *net.UDPConn, f *Frame) (failed error) {
	for i := range f.Packets.Count {
		if _, err := conn.Write(f.Packets.Packet(i)); err != nil {
			failed = err
		}
	}
	return failed
}

// Send hands a frame to the goroutines.
func (m *perReader) Send(f *Frame) error {
	m.ring.write(f)
	if err := m.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Figures counts the lags of all readers.
func (m *perReader) Figures() (f Figures) {
	for _, c := range m.cursors {
		f.Lags += c.lags.Load()
	}
	return f
}

// Close ends the goroutines.
func (m *perReader) Close() error {
	m.ring.close()
	var errs []error
	for _, conn := range m.conns {
		errs = append(errs, conn.Close())
	}
	m.group.Wait()
	return errors.Join(errs...)
}
