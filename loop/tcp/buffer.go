package tcp

// LimitSendBuffer has the kernel hold at most about so many bytes that the peer has not
// acknowledged. Where the kernel does not let the process choose, its own limit stays.
func (c *Conn) LimitSendBuffer(bytes int) error {
	if c.closed {
		return ErrClosed
	}
	return c.loop.Kernel().LimitSendBuffer(c.registration.FD(), bytes)
}

// Held is how many bytes the kernel holds that the peer has not acknowledged, 0 if it does not
// say.
func (c *Conn) Held() int {
	if c.closed {
		return 0
	}
	n, err := c.loop.Kernel().Unacknowledged(c.registration.FD())
	if err != nil {
		return 0
	}
	return n
}

// ResetOnClose has Close drop what the peer has not acknowledged, and reset the connection.
// Otherwise the kernel holds that for a while after Close.
func (c *Conn) ResetOnClose() error {
	if c.closed {
		return ErrClosed
	}
	return c.loop.Kernel().ResetOnClose(c.registration.FD())
}
