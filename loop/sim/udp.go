package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

const (
	// defaultBufferBytes is Linux' default for socket buffers (net.core.wmem_default).
	defaultBufferBytes = 212992
	// datagramOverheadBytes is what a datagram takes of a buffer besides its payload,
	// so that empty ones fill it, too.
	datagramOverheadBytes = 256
	// maxSegments is how many datagrams a message may be cut into: udp(7)'s limit,
	// though kernels from 6.9 on allow 128.
	maxSegments = 64
	// maxPayload4 and maxPayload6 are what an IP packet holds besides its headers.
	maxPayload4, maxPayload6 = 65507, 65527
	// maxMessages is how many messages one call takes (UIO_MAXIOV).
	maxMessages = 1024
)

// udpSocket is a bound UDP socket: an fd's, or a peer's.
type udpSocket struct {
	k            *Kernel
	descriptor   *descriptor // nil: a peer's
	peer         *UDPPeer    // nil: an fd's
	local        netip.AddrPort
	older        *udpSocket // one bound to the same address before
	reuse        bool
	packetInfo   bool
	rejections   bool // ICMP messages are queued
	closed       bool
	sendLimit    int
	sending      int // bytes waiting for a line, charged to the buffer
	receiveLimit int
	received     queue[datagram]
	rejected     queue[loop.Rejection]
	receiving    int // bytes in received and rejected
	err          error
	line         *line // the way to it
	lineEpoch    int
}

// datagram is one in a receive buffer.
type datagram struct {
	payload []byte
	from    netip.AddrPort
	to      netip.Addr
}

// OpenUDP opens a socket bound to local.
func (k *Kernel) OpenUDP(local netip.AddrPort, o loop.UDPOptions) (int, error) {
	fd := -1
	err := k.enter(Call{Name: "OpenUDP", FD: -1, Peer: local})
	if err == nil {
		fd, err = k.openUDP(bindable(local), o)
	}
	if k.tracer.w != nil {
		k.trace("OpenUDP", -1, local.String(), fd, err)
	}
	return fd, err
}

func (k *Kernel) openUDP(local netip.AddrPort, o loop.UDPOptions) (int, error) {
	if err := k.checkBind(local); err != nil {
		return -1, os.NewSyscallError("bind", err)
	}
	if o.MulticastInterface != "" && o.MulticastInterface != "lo" && o.MulticastInterface != "eth0" {
		return -1, fmt.Errorf("network interface %q: %w (the simulated machine has lo and eth0)",
			o.MulticastInterface, os.NewSyscallError("ioctl", unix.ENODEV))
	}
	s := &udpSocket{k: k, reuse: o.ReuseAddress, packetInfo: o.PacketInfo, rejections: o.Rejections,
		sendLimit: defaultBufferBytes, receiveLimit: defaultBufferBytes}
	if o.SendBufferBytes > 0 {
		s.sendLimit = o.SendBufferBytes
	}
	if o.ReceiveBufferBytes > 0 {
		s.receiveLimit = o.ReceiveBufferBytes
	}
	d, err := k.open(s)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	s.descriptor = d
	if o.Beside != 0 {
		beside, err := fileOf[*udpSocket](k, o.Beside)
		if err != nil {
			return -1, errors.Join(os.NewSyscallError("setsockopt", err), k.closeFD(d.fd))
		}
		s.reuse, beside.reuse = true, true
		defer func() { s.reuse, beside.reuse = false, false }()
	}
	if err := k.bindUDP(s, local); err != nil {
		return -1, errors.Join(os.NewSyscallError("bind", err), k.closeFD(d.fd))
	}
	return d.fd, nil
}

func (k *Kernel) bindUDP(s *udpSocket, local netip.AddrPort) (err error) {
	n := &k.network
	if local.Port() == 0 {
		local, err = n.freePort(local, func(ap netip.AddrPort) bool {
			return conflicts(n.udp, ap, func(*udpSocket) bool { return true })
		})
		if err != nil {
			return err
		}
	}
	// A peer is another machine: only one at the very same address is in its way.
	if other := n.udp[local]; other != nil && !(s.reuse && other.reuse) {
		return unix.EADDRINUSE
	}
	if s.peer == nil && conflicts(n.udp, local, func(o *udpSocket) bool { return o.peer == nil && !(s.reuse && o.reuse) }) {
		return unix.EADDRINUSE
	}
	s.local, s.older = local, n.udp[local]
	n.udp[local] = s
	return nil
}

func (s *udpSocket) close() {
	if s.closed || !s.local.IsValid() { // a socket that could not be bound
		s.closed = true
		return
	}
	s.closed = true
	n := &s.k.network
	if n.udp[s.local] == s {
		if s.older != nil {
			n.udp[s.local] = s.older
		} else {
			delete(n.udp, s.local)
		}
	} else {
		for at := n.udp[s.local]; at != nil; at = at.older {
			if at.older == s {
				at.older = s.older
			}
		}
	}
	for _, d := range s.received.waiting() {
		s.k.pool.put(d.payload)
	}
	s.received = queue[datagram]{}
}

func (s *udpSocket) conditions() (c loop.Interest) {
	if s.received.len() > 0 {
		c |= loop.Readable
	}
	if s.sending < s.sendLimit/2 || s.sending == 0 { // sock_writeable
		c |= loop.Writable
	}
	if s.err != nil { // poll(2) calls a socket with an error readable
		c |= loop.Failed | loop.Readable
	}
	if s.rejected.len() > 0 {
		c |= loop.Failed
	}
	return c
}

// takeError returns and clears the pending error.
func (s *udpSocket) takeError() error {
	err := s.err
	s.err = nil
	return err
}

// SetSocketError gives a socket a pending error, as an ICMP message does to one that
// listens to them: the fd is Failed until a call returns the error.
func (k *Kernel) SetSocketError(fd int, errno unix.Errno) error {
	d := k.descriptor(fd)
	if d == nil {
		return unix.EBADF
	}
	switch f := d.file.(type) {
	case *udpSocket:
		f.err = errno
	case *tcpConn:
		f.err = errno
	default:
		return unix.ENOTSOCK
	}
	k.touch(d)
	return nil
}

// CanSegment reports whether sockets take UDP_SEGMENT.
func (k *Kernel) CanSegment(fd int) bool {
	err := k.enter(Call{Name: "CanSegment", FD: fd})
	_, isUDP := fileOf[*udpSocket](k, fd)
	can := err == nil && isUDP == nil && !k.options.noSegments
	if k.tracer.w != nil {
		k.trace("CanSegment", fd, fmt.Sprint(can), 0, nil)
	}
	return can
}
