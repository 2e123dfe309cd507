package tcp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// ErrNoOwner is Owner's error for a connection whose other end no process of this machine has open.
var ErrNoOwner = errors.New("tcp: no process of this machine has the connection's other end open")

// Owner is the user of the process that has opened the other end of a connection within this machine, as the
// kernel knows it: peer is that end's address, and local the one that it has connected to. Any goroutine may call
// it; it asks the kernel by a socket of its own (sock_diag(7)), and does not wait.
func Owner(peer, local netip.AddrPort) (uid uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	question := diagQuestion(peer, local)
	open, uid, err := askDiag(fd, question)
	if open && err == nil {
		// A socket that its process closes at the moment may be shown as open, and as root's. It was open when its
		// user was read if it is still open.
		open, _, err = askDiag(fd, question)
	}
	switch {
	case err != nil:
		return 0, err
	case !open:
		return 0, ErrNoOwner
	}
	return uid, nil
}

const (
	netlinkHeaderBytes = 16
	diagQuestionBytes  = netlinkHeaderBytes + 56 // struct inet_diag_req_v2
	// Where struct inet_diag_msg has a socket's state and its user.
	diagStateAt = netlinkHeaderBytes + 1
	diagUserAt  = netlinkHeaderBytes + 64
)

// diagQuestion asks for the socket whose address is peer, and which is connected to local.
func diagQuestion(peer, local netip.AddrPort) []byte {
	family := byte(unix.AF_INET6)
	if peer.Addr().Unmap().Is4() {
		family = unix.AF_INET
	}
	native := binary.NativeEndian
	q := native.AppendUint32(nil, diagQuestionBytes)
	q = native.AppendUint16(q, unix.SOCK_DIAG_BY_FAMILY)
	q = native.AppendUint16(q, unix.NLM_F_REQUEST)
	q = append(q, make([]byte, 8)...) // sequence number, port
	q = append(q, family, unix.IPPROTO_TCP, 0, 0)
	q = native.AppendUint32(q, ^uint32(0)) // in any state
	q = binary.BigEndian.AppendUint16(q, peer.Port())
	q = binary.BigEndian.AppendUint16(q, local.Port())
	for _, a := range []netip.Addr{peer.Addr(), local.Addr()} {
		q = append(q, a.Unmap().AsSlice()...)
		q = append(q, make([]byte, 16-len(a.Unmap().AsSlice()))...)
	}
	q = native.AppendUint32(q, 0) // any interface
	return native.AppendUint64(q, ^uint64(0))
}

// askDiag reports whether the socket that a question asks for is connected, and whose it is.
func askDiag(fd int, question []byte) (open bool, uid uint32, err error) {
	if err := unix.Sendto(fd, question, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, 0, os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 1024)
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT) // the kernel has answered within sendto
	if err != nil {
		return false, 0, os.NewSyscallError("recvfrom", err)
	}
	if answer = answer[:n]; n < netlinkHeaderBytes+4 {
		return false, 0, ErrNoOwner
	}
	switch binary.NativeEndian.Uint16(answer[4:]) {
	case unix.SOCK_DIAG_BY_FAMILY:
		if n < diagUserAt+4 {
			return false, 0, ErrNoOwner
		}
		return answer[diagStateAt] == unix.BPF_TCP_ESTABLISHED, binary.NativeEndian.Uint32(answer[diagUserAt:]), nil
	case unix.NLMSG_ERROR:
		if errno := unix.Errno(-int32(binary.NativeEndian.Uint32(answer[netlinkHeaderBytes:]))); errno != unix.ENOENT {
			return false, 0, os.NewSyscallError("sock_diag", errno)
		}
	}
	return false, 0, nil
}
