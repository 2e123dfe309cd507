package loop

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// This file reads the error queues of UDP sockets (MSG_ERRQUEUE, recvmsg(2); IP_RECVERR, ip(7)).

// setRejections has the kernel queue the ICMP messages that answer what a socket sends.
func setRejections(fd int, local netip.Addr) error {
	if family(local) == unix.AF_INET {
		return setInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// rejectionBatch is how many rejections one call takes.
const rejectionBatch = 16

// linuxRejections is room for the entries of an error queue.
type linuxRejections struct {
	messages [rejectionBatch]Message
	peers    [rejectionBatch]Address
	payloads [rejectionBatch]Vector
	cmsgs    [rejectionBatch]Cmsg
	bytes    [rejectionBatch][QuotedBytes]byte
}

func (r *linuxRejections) ReadRejections(fd int, rejections []Rejection) (int, error) {
	messages := r.messages[:min(len(rejections), rejectionBatch)]
	for i := range messages {
		r.payloads[i].Set(r.bytes[i][:])
		messages[i].Receive(&r.peers[i], &r.payloads[i], &r.cmsgs[i])
	}
	n, err := recvmmsg(fd, messages, unix.MSG_ERRQUEUE)
	if err != nil {
		return 0, err
	}
	for i := range messages[:n] {
		rejections[i] = messages[i].rejection()
	}
	return n, nil
}

// rejection is what a message of an error queue says. The address is where the datagram went, and
// the payload that of the datagram.
func (m *Message) rejection() Rejection {
	r := Rejection{Peer: m.Peer(), Quoted: m.Received()}
	m.cmsg().each(int(m.header.Controllen), func(level, kind int32, data []byte) {
		isError := level == unix.IPPROTO_IP && kind == unix.IP_RECVERR || level == unix.IPPROTO_IPV6 && kind == unix.IPV6_RECVERR
		if !isError || len(data) < extendedErrorBytes {
			return
		}
		r.Errno = unix.Errno(binary.NativeEndian.Uint32(data))
		r.PortClosed = portClosed(data[4], data[5], data[6])
	})
	return r
}

// The messages that say that a port is closed, or that a host does not have UDP (RFC 792, RFC
// 4443). golang.org/x/sys has no names for them.
const (
	icmpUnreachable, icmpProtocolUnreachable, icmpPortUnreachable = 3, 2, 3
	icmp6Unreachable, icmp6PortUnreachable                        = 1, 4
	icmp6ParameterProblem, icmp6UnknownNextHeader                 = 4, 1
)

// portClosed reports whether an error of an origin (SO_EE_ORIGIN_ICMP, say), of a type and a code
// says so.
func portClosed(origin, kind, code byte) bool {
	switch origin {
	case unix.SO_EE_ORIGIN_ICMP:
		return kind == icmpUnreachable && (code == icmpPortUnreachable || code == icmpProtocolUnreachable)
	case unix.SO_EE_ORIGIN_ICMP6:
		return kind == icmp6Unreachable && code == icmp6PortUnreachable || kind == icmp6ParameterProblem && code == icmp6UnknownNextHeader
	}
	return false
}
