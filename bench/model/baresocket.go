package model

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// bareSocket is a UDP socket of the models that are bare system calls.
type bareSocket struct {
	kernel loop.Kernel
	fd     int
}

// bareBatch is how many messages go to the kernel in a call.
const bareBatch = 64

// open opens the socket of a kernel, of this machine's if it is nil.
func (s *bareSocket) open(k loop.Kernel) (err error) {
	if s.kernel = k; k == nil {
		if s.kernel, err = loop.NewKernel(); err != nil {
			return err
		}
	}
	local := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	s.fd, err = s.kernel.OpenUDP(local, loop.UDPOptions{SendBufferBytes: 8 << 20})
	return err
}

// send sends messages. While the socket is full it tries again and again.
func (s *bareSocket) send(messages []loop.Message) error {
	for len(messages) > 0 {
		n, err := s.kernel.Sendmmsg(s.fd, messages[:min(len(messages), bareBatch)])
		if err != nil && err != unix.EAGAIN {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

// Close closes the socket.
func (s *bareSocket) Close() error {
	if err := s.kernel.CloseFD(s.fd); err != nil {
		return err
	}
	return s.kernel.Close()
}
