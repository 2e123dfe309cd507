package loop

import (
	"os"

	"golang.org/x/sys/unix"
)

func (linuxSockets) LimitSendBuffer(fd, bytes int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes)
	if err == unix.EPERM {
		// SO_SNDBUF would give no more than net.core.wmem_max, which is often less than a
		// connection needs over a long way, and end the kernel's own choice (tcp_wmem).
		return nil
	}
	return os.NewSyscallError("setsockopt", err)
}

func (linuxSockets) Unacknowledged(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return n, os.NewSyscallError("ioctl", err)
}

func (linuxSockets) ResetOnClose(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
}
