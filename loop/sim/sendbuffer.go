package sim

import (
	"os"
)

// LimitSendBuffer lets a connection hold so many bytes, but not more than the default.
func (k *Kernel) LimitSendBuffer(fd, bytes int) error {
	err := k.enter(Call{Name: "LimitSendBuffer", FD: fd, Bytes: bytes})
	if err == nil {
		var c *tcpConn
		if c, err = fileOf[*tcpConn](k, fd); err == nil {
			c.sendLimit = min(bytes, defaultBufferBytes)
		} else {
			err = os.NewSyscallError("setsockopt", err)
		}
	}
	k.trace("LimitSendBuffer", fd, "", bytes, err)
	return err
}

// Unacknowledged is how much a connection holds that the other end has not received.
func (k *Kernel) Unacknowledged(fd int) (n int, err error) {
	if err = k.enter(Call{Name: "Unacknowledged", FD: fd}); err == nil {
		var c *tcpConn
		if c, err = fileOf[*tcpConn](k, fd); err == nil {
			n = c.send.len()
		} else {
			err = os.NewSyscallError("ioctl", err)
		}
	}
	k.trace("Unacknowledged", fd, "", n, err)
	return n, err
}

// ResetOnClose has a connection be reset when it is closed.
func (k *Kernel) ResetOnClose(fd int) error {
	err := k.enter(Call{Name: "ResetOnClose", FD: fd})
	if err == nil {
		var c *tcpConn
		if c, err = fileOf[*tcpConn](k, fd); err == nil {
			c.resets = true
		} else {
			err = os.NewSyscallError("setsockopt", err)
		}
	}
	k.trace("ResetOnClose", fd, "", 0, err)
	return err
}
