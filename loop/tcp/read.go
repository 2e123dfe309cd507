package tcp

const (
	// readBufferBytes is how much is read, and handed to a handler, at once.
	readBufferBytes = 16 << 10
	// acceptedReadBytes is that of accepted connections. They send requests: what a handler
	// cannot handle within the budget it must keep, for each of many connections.
	acceptedReadBytes = 4 << 10
	// closingBytes bounds what is read from a connection before it is closed.
	closingBytes = 128 << 10
)

// readRoom is what connections read into, one at a time.
type readRoom struct {
	bytes []byte
	// lent is set while a handler's Data reads bytes.
	lent bool
	// spare is read into meanwhile; nil until it is needed.
	spare []byte
}

func newReadRoom(bytes int) *readRoom { return &readRoom{bytes: make([]byte, bytes)} }

// forDiscarding is room for what nobody will read.
func (r *readRoom) forDiscarding() []byte {
	if !r.lent {
		return r.bytes
	}
	if r.spare == nil {
		r.spare = make([]byte, len(r.bytes))
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

// readWithin reads within the budget of its listener, if that has one. As long as it has to wait
// the loop does not wait for what is there to be read: thousands of ready fds would come before
// others in each turn.
func (c *Conn) readWithin() {
	switch {
	case c.reading == nil:
		c.read()
	case !c.reading.Do() && !c.closed:
		c.deferred = true
		c.updateWant()
	}
}

// readNow is the task of reading.
func (c *Conn) readNow() {
	c.deferred = false
	if c.closed || c.paused && !c.ended { // then Resume has the loop wait again
		return
	}
	if !c.paused {
		c.read()
	}
	switch {
	case c.closed:
	case !c.ended:
		c.updateWant()
	case c.paused:
		c.endPaused()
	default: // the loop does not say when there is more
		c.deferred = true
		c.reading.Later()
	}
}

// endDeferred takes a connection that has hung up or failed off the loop, which would be told so in
// each turn until the connection is read from. What has come before is read when there is time.
func (c *Conn) endDeferred() {
	c.ended = true
	_ = c.registration.Unregister() // it cannot fail on an open fd
}

// discardInput reads what has come before the connection is closed. Closing with input
// unread would have the kernel reset the connection, and the peer lose what was last sent to
// it. A handler may close its own connection, or another, while it reads what it was given.
func (c *Conn) discardInput() {
	k, fd, room := c.loop.Kernel(), c.registration.FD(), c.room.forDiscarding()
	for range closingBytes / len(room) {
		if n, err := k.Read(fd, room); n == 0 || err != nil {
			return
		}
	}
}
