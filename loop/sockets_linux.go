package loop

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linuxSockets are the Sockets of a real machine; it holds no state.
type linuxSockets struct{}

func family(ip netip.Addr) int {
	if ip.Unmap().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(ap netip.AddrPort) unix.Sockaddr {
	if ip := ap.Addr().Unmap(); ip.Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ip.As4()}
	}
	zone, _ := strconv.ParseUint(ap.Addr().Zone(), 10, 32)
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16(), ZoneId: uint32(zone)}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		return netip.AddrPortFrom(ip, uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// openBound opens a non-blocking socket, lets prepare set its options, and binds it.
func openBound(kind int, local netip.AddrPort, prepare func(fd int) error) (fd int, err error) {
	domain := family(local.Addr())
	fd, err = unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if domain == unix.AF_INET6 { // an IPv4 socket may stand beside it
		err = setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = prepare(fd)
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, sockaddr(local)))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setInt(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}

func (linuxSockets) OpenUDP(local netip.AddrPort, o UDPOptions) (int, error) {
	if o.Beside != 0 {
		return openBeside(local, o)
	}
	return openBound(unix.SOCK_DGRAM, local, func(fd int) error {
		if o.ReuseAddress {
			if err := setReuse(fd, 1); err != nil {
				return err
			}
		}
		if err := setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBufferBytes); err != nil {
			return err
		}
		if err := setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, o.ReceiveBufferBytes); err != nil {
			return err
		}
		if o.PacketInfo {
			if err := setPacketInfo(fd, local.Addr()); err != nil {
				return err
			}
		}
		if o.Rejections {
			if err := setRejections(fd, local.Addr()); err != nil {
				return err
			}
		}
		return setMulticast(fd, local.Addr(), o)
	})
}

// openBeside opens a socket that shares the port of another. The kernel asks both whether
// they agree, when the second is bound; afterwards nobody else is to join them.
func openBeside(local netip.AddrPort, o UDPOptions) (int, error) {
	beside := o.Beside
	o.Beside, o.ReuseAddress = 0, true
	if err := setReuse(beside, 1); err != nil {
		return -1, err
	}
	fd, err := linuxSockets{}.OpenUDP(local, o)
	if err == nil {
		if err = setReuse(fd, 0); err != nil {
			unix.Close(fd)
			fd = -1
		}
	}
	return fd, errors.Join(err, setReuse(beside, 0))
}

func setReuse(fd, value int) error {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, value)
}

// setBuffer asks for a socket buffer beyond net.core.[rw]mem_max, which takes
// CAP_NET_ADMIN, and else for as much as that allows.
func setBuffer(fd, force, ordinary, bytes int) error {
	if bytes == 0 || unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bytes) == nil {
		return nil
	}
	return setInt(fd, unix.SOL_SOCKET, ordinary, bytes)
}

func setPacketInfo(fd int, local netip.Addr) error {
	if family(local) == unix.AF_INET {
		return setInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

func setMulticast(fd int, local netip.Addr, o UDPOptions) error {
	index := 0
	if o.MulticastInterface != "" {
		var err error
		if index, err = interfaceIndex(fd, o.MulticastInterface); err != nil {
			return err
		}
	}
	level, ttlOption := unix.IPPROTO_IP, unix.IP_MULTICAST_TTL
	if family(local) == unix.AF_INET6 {
		level, ttlOption = unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS
	}
	if o.MulticastTTL > 0 {
		if err := setInt(fd, level, ttlOption, o.MulticastTTL); err != nil {
			return err
		}
	}
	if index == 0 {
		return nil
	}
	if level == unix.IPPROTO_IPV6 {
		return setInt(fd, level, unix.IPV6_MULTICAST_IF, index)
	}
	request := &unix.IPMreqn{Ifindex: int32(index)}
	return os.NewSyscallError("setsockopt", unix.SetsockoptIPMreqn(fd, level, unix.IP_MULTICAST_IF, request))
}

func interfaceIndex(fd int, name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return 0, fmt.Errorf("network interface %q: %w", name, err)
	}
	return int(request.Uint32()), nil
}

func (linuxSockets) CanSegment(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

func (linuxSockets) ListenTCP(local netip.AddrPort) (int, error) {
	fd, err := openBound(unix.SOCK_STREAM, local, func(fd int) error {
		return setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if err != nil {
		return -1, err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("listen", err)
	}
	return fd, nil
}

func (linuxSockets) Accept(fd int) (int, netip.AddrPort, error) {
	conn, peer, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	// What is written is whole frames or whole replies: nothing is gained by
	// waiting for more.
	if err := unix.SetsockoptInt(conn, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(conn)
		return -1, netip.AddrPort{}, err
	}
	// On a kernel that does not know it more waits there.
	_ = unix.SetsockoptInt(conn, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, mostUnsentBytes)
	return conn, addrPort(peer), nil
}

// mostUnsentBytes is how much may wait in the kernel to be sent for the first time
// (tcp(7)): enough to keep a fast link busy between two turns. Without a limit some
// megabytes would, which a slow reader would see seconds late, while newer frames wait
// behind them.
const mostUnsentBytes = 128 << 10

func (linuxSockets) ConnectTCP(peer netip.AddrPort) (int, error) {
	fd, err := unix.Socket(family(peer.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// As in Accept; on a new socket it cannot fail.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.Connect(fd, sockaddr(peer)); err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, fmt.Errorf("%v: %w", peer, os.NewSyscallError("connect", err))
	}
	return fd, nil
}

func (linuxSockets) SocketError(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case errno != 0:
		return unix.Errno(errno)
	}
	return nil
}

func (linuxSockets) LocalAddr(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	return addrPort(sa), nil
}

func (linuxSockets) Read(fd int, p []byte) (int, error) {
	n, err := unix.Read(fd, p)
	return max(n, 0), err
}

func (linuxSockets) Writev(fd int, vectors []Vector) (int, error) {
	if len(vectors) == 0 {
		return 0, nil
	}
	vectors = vectors[:min(len(vectors), maxVectors)]
	n, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vectors[0])), uintptr(len(vectors)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// maxVectors is IOV_MAX, the most that one writev takes.
const maxVectors = 1024

func (linuxSockets) CloseFD(fd int) error {
	return os.NewSyscallError("close", unix.Close(fd))
}

// FamilyMissing reports whether the error of opening a socket says that the machine lacks the
// address family (EAFNOSUPPORT, EADDRNOTAVAIL; see socket(2) and bind(2)).
func FamilyMissing(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)
}
