package tcp

const (
	// readBufferBytes is how much is read, and handed to a handler, at once.
	readBufferBytes = 16 << 10
	// closingReads bounds what is read from a connection before it is closed, times
	// readBufferBytes.
	closingReads = 8
)

// readRoom is what connections read into, one at a time.
type readRoom struct {
	bytes []byte
	// lent is set while a handler's Data reads bytes.
	lent bool
	// spare is read into meanwhile; nil until it is needed.
	spare []byte
}

func newReadRoom() *readRoom { return &readRoom{bytes: make([]byte, readBufferBytes)} }

// forDiscarding is room for what nobody will read.
func (r *readRoom) forDiscarding() []byte {
	if !r.lent {
		return r.bytes
	}
	if r.spare == nil {
		r.spare = make([]byte, readBufferBytes)
	}
	return r.spare
}

// read takes a bufferful. The rest comes with the next turn, so that a peer that sends much
// does not keep the others waiting.
func (c *Conn) read() {
	room := c.room
	n, err := c.loop.Kernel().Read(c.registration.FD(), room.bytes)
	switch {
	case err == nil && n > 0:
		room.lent = true
		c.handler.Data(room.bytes[:n])
		room.lent = false
	case err == nil:
		c.fail(nil)
	case !isAgain(err):
		c.fail(err)
	}
}

// discardInput reads what has come before the connection is closed. Closing with input
// unread would have the kernel reset the connection, and the peer lose what was last sent to
// it. A handler may close its own connection, or another, while it reads what it was given.
func (c *Conn) discardInput() {
	k, fd, room := c.loop.Kernel(), c.registration.FD(), c.room.forDiscarding()
	for range closingReads {
		if n, err := k.Read(fd, room); n == 0 || err != nil {
			return
		}
	}
}
