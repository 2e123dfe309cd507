package webrtc

import (
	"errors"
	"net"
	"sync"
	"time"
)

// pipe is the net.PacketConn of one handshake, in memory: it reads the datagrams that the loop takes, and writes by send. take
// belongs to the loop's goroutine; any goroutine may call the other methods.
type pipe struct {
	in   chan []byte
	send func([]byte)
	// closed is closed by Close.
	closed chan struct{}
	once   sync.Once

	lock sync.Mutex
	// over is closed while the deadline of reads has passed: a read ends at once.
	over   chan struct{}
	isOver bool
}

// errDeadline ends a read whose deadline has passed.
var errDeadline = errors.New("the deadline of the read has passed")

// pipeDatagrams is how many datagrams wait to be read.
const pipeDatagrams = 8

func newPipe(send func([]byte)) *pipe {
	return &pipe{in: make(chan []byte, pipeDatagrams), send: send, over: make(chan struct{}), closed: make(chan struct{})}
}

// take queues a datagram to be read, unless pipeDatagrams wait. The pipe keeps it. take does not wait.
func (p *pipe) take(datagram []byte) {
	select {
	case p.in <- datagram:
	default:
	}
}

// ReadFrom is net.PacketConn's.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.lock.Lock()
	over := p.over
	p.lock.Unlock()
	select {
	case datagram := <-p.in:
		return copy(b, datagram), peerAddr{}, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-over:
		return 0, nil, errDeadline
	}
}

// WriteTo is net.PacketConn's. What is written after Close is dropped.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case <-p.closed:
	default:
		p.send(b)
	}
	return len(b), nil
}

// Close is net.PacketConn's. Closing twice does nothing.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// SetReadDeadline is net.PacketConn's. pion/dtls asks for a time that is long past, to end a read, or for none.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	switch {
	case t.IsZero() && p.isOver:
		p.over, p.isOver = make(chan struct{}), false
	case !t.IsZero() && !p.isOver:
		close(p.over)
		p.isOver = true
	}
	return nil
}

// SetWriteDeadline is net.PacketConn's: writing does not wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is net.PacketConn's.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// LocalAddr is net.PacketConn's.
func (p *pipe) LocalAddr() net.Addr { return peerAddr{} }

// peerAddr is the same for all viewers: only the loop knows their addresses.
type peerAddr struct{}

func (peerAddr) Network() string { return "webrtc" }
func (peerAddr) String() string  { return "viewer" }
