package tcp

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/loop"
)

// Outside is what carries the bytes of an adopted connection between the loop's socket and the
// peer, such as a TLS bridge. Its methods are called by the loop and do not wait.
type Outside interface {
	// Held is how many bytes it holds that the peer has not acknowledged, those of the kernel
	// included. What waits in the loop's socket is not among them.
	Held() int
	// LimitSendBuffer is Conn's, of the socket that goes to the peer.
	LimitSendBuffer(bytes int) error
	// ResetOnClose is Conn's: Close then drops what Held counts.
	ResetOnClose() error
	// Close says that the loop's socket is closed. What was written before is still brought to
	// the peer, for some seconds at most.
	Close()
}

// Divert has the listener give each connection that it accepts to divert, as a socket of which no
// Conn is made: it is divert's, which has to close it. Adopt brings what becomes of it back.
func (ln *Listener) Divert(divert func(fd int, peer netip.AddrPort)) { ln.divert = divert }

// Adopt makes a connection as if it had just been accepted, of a stream socket that does not block.
// The socket is the connection's from now on. It has the addresses that are given, not its own,
// and o, if it is not nil, carries its bytes to the peer. An error means that the socket and o are
// closed.
func (ln *Listener) Adopt(fd int, peer, local netip.AddrPort, o Outside) error {
	c, err := adopt(ln.loop, fd, peer, local, ln.room, o)
	if err != nil {
		return err
	}
	ln.serve(c)
	return nil
}

// Adopt makes a connection as Listener.Adopt does, for a client.
func Adopt(l *loop.Loop, fd int, peer, local netip.AddrPort, o Outside, h Handler) (*Conn, error) {
	c, err := adopt(l, fd, peer, local, newReadRoom(readBufferBytes), o)
	if err != nil {
		return nil, err
	}
	c.handler = h
	return c, nil
}

// Adopter makes connections of sockets that others have accepted. They share the room that they are read
// into.
type Adopter struct {
	loop    *loop.Loop
	room    *readRoom
	reading *loop.Budget
}

// NewAdopter makes an Adopter. Reading from its connections is work of the budget, as with Listener.Limit.
func NewAdopter(l *loop.Loop, reading *loop.Budget) *Adopter {
	return &Adopter{loop: l, room: newReadRoom(acceptedReadBytes), reading: reading}
}

// Adopt makes a connection as Listener.Adopt does.
func (a *Adopter) Adopt(fd int, peer, local netip.AddrPort, o Outside, h Handler) (*Conn, error) {
	c, err := adopt(a.loop, fd, peer, local, a.room, o)
	if err != nil {
		return nil, err
	}
	c.handler, c.reading = h, a.reading.NewTask(c.readNow)
	return c, nil
}

func adopt(l *loop.Loop, fd int, peer, local netip.AddrPort, room *readRoom, o Outside) (*Conn, error) {
	c := &Conn{loop: l, peer: peer, local: local, room: room, outside: o}
	if err := c.register(fd); err != nil {
		if o != nil {
			o.Close()
		}
		return nil, err
	}
	return c, nil
}

// register has the loop watch the connection's socket, or closes it.
func (c *Conn) register(fd int) (err error) {
	if c.registration, err = c.loop.Register(fd, loop.Readable, c.ready); err != nil {
		return errors.Join(err, c.loop.Kernel().CloseFD(fd))
	}
	return nil
}
