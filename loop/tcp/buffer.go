package tcp

// LimitSendBuffer has the kernel hold at most about so many bytes that the peer has not
// acknowledged. Where the kernel does not let the process choose, its own limit stays.
func (c *Conn) LimitSendBuffer(bytes int) error {
	if c.closed {
		return ErrClosed
	}
	if c.outside != nil {
		return c.outside.LimitSendBuffer(bytes)
	}
	return c.loop.Kernel().LimitSendBuffer(c.registration.FD(), bytes)
}

// Held is how many bytes the kernel, and what is outside, hold that the peer has not acknowledged.
// What the kernel does not say counts as 0.
func (c *Conn) Held() int {
	if c.closed {
		return 0
	}
	n, err := c.loop.Kernel().Unacknowledged(c.registration.FD())
	if err != nil {
		n = 0
	}
	if c.outside != nil {
		n += c.outside.Held()
	}
	return n
}

// ResetOnClose has Close drop what the peer has not acknowledged, and reset the connection.
// Otherwise the kernel holds that for a while after Close.
func (c *Conn) ResetOnClose() error {
	if c.closed {
		return ErrClosed
	}
	if c.outside != nil {
		return c.outside.ResetOnClose()
	}
	return c.loop.Kernel().ResetOnClose(c.registration.FD())
}
