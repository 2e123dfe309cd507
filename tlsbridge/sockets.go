package tlsbridge

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// fromFD makes a net.Conn of a socket that does not block, and closes fd in any case.
func fromFD[C net.Conn](fd int) (c C, err error) {
	file := os.NewFile(uintptr(fd), "")
	conn, err := net.FileConn(file) // a duplicate
	err = errors.Join(err, file.Close())
	if err != nil {
		return c, err
	}
	c, ok := conn.(C)
	if !ok {
		return c, errors.Join(fmt.Errorf("a socket of %T", conn), conn.Close())
	}
	return c, nil
}

const (
	// frameBytes is how many bytes of frames the kernel may hold between the loop and the bridge;
	// it doubles the number, and counts what it needs itself. The loop hands over a frame of
	// usual size at once.
	frameBytes = 64 << 10
	// requestBytes is that of the other direction.
	requestBytes = 8 << 10
)

// pair makes a pair of sockets: ours, and the loop's. fromLoop and toLoop bound what the kernel
// holds in each direction.
func pair(fromLoop, toLoop int) (ours *net.UnixConn, loops int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, os.NewSyscallError("socketpair", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, toLoop),
		unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, fromLoop),
	)
	if err != nil {
		return nil, -1, errors.Join(os.NewSyscallError("setsockopt", err), unix.Close(fds[0]), unix.Close(fds[1]))
	}
	if ours, err = fromFD[*net.UnixConn](fds[0]); err != nil {
		return nil, -1, errors.Join(err, unix.Close(fds[1]))
	}
	return ours, fds[1], nil
}

// unacknowledged is how many bytes the kernel holds that a socket's peer has not acknowledged, 0 if
// it does not say.
func unacknowledged(socket *net.TCPConn) (bytes int) {
	_ = onFD(socket, func(fd int) (err error) {
		bytes, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		return err
	})
	return bytes
}

// limitSendBuffer is loop.Sockets' LimitSendBuffer.
func limitSendBuffer(socket *net.TCPConn, bytes int) error {
	err := onFD(socket, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes) })
	if err == unix.EPERM {
		return nil
	}
	return os.NewSyscallError("setsockopt", err)
}

// onFD calls f with a socket's fd.
func onFD(socket *net.TCPConn, f func(fd int) error) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return err
	}
	return result
}
