package loop

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// linuxNeighbours are the Neighbours of a real machine, by rtnetlink(7). The kernel tells
// of each change without being asked, and any process may listen.
type linuxNeighbours struct {
	room [4096]byte // for a datagram, which has one message as a rule
}

func (*linuxNeighbours) OpenNeighbours() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	local := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_NEIGH - 1)}
	if err := unix.Bind(fd, local); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	return fd, nil
}

func (n *linuxNeighbours) ReadNeighbours(fd int, news []Neighbour) (int, error) {
	length, err := unix.Read(fd, n.room[:])
	if err != nil {
		return 0, err
	}
	return parseNeighbours(n.room[:length], news), nil
}

// parseNeighbours reads netlink(7) messages, and fills in the news that RTM_NEWNEIGH ones
// have. What is malformed ends it.
func parseNeighbours(p []byte, news []Neighbour) (count int) {
	for len(p) >= unix.SizeofNlMsghdr && count < len(news) {
		length, kind := int(binary.NativeEndian.Uint32(p)), binary.NativeEndian.Uint16(p[4:])
		if length < unix.SizeofNlMsghdr || length > len(p) {
			break
		}
		if kind == unix.RTM_NEWNEIGH {
			if n, ok := parseNeighbour(p[unix.SizeofNlMsghdr:length]); ok {
				news[count] = n
				count++
			}
		}
		p = p[min(aligned(length), len(p)):]
	}
	return count
}

// answering are the states in which a link address is known and has not come into doubt.
const answering = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_PERMANENT | unix.NUD_NOARP

// parseNeighbour reads a struct ndmsg and its attributes. It is not ok if the message tells
// nothing of whether the neighbour answers.
func parseNeighbour(p []byte) (n Neighbour, ok bool) {
	if len(p) < unix.SizeofNdMsg {
		return n, false
	}
	index, state := binary.NativeEndian.Uint32(p[4:]), binary.NativeEndian.Uint16(p[8:])
	if state&(answering|unix.NUD_FAILED) == 0 {
		return n, false
	}
	n.Answers = state&unix.NUD_FAILED == 0
	for p = p[unix.SizeofNdMsg:]; len(p) >= unix.SizeofRtAttr; {
		length, kind := int(binary.NativeEndian.Uint16(p)), binary.NativeEndian.Uint16(p[2:])
		if length < unix.SizeofRtAttr || length > len(p) {
			break
		}
		if kind == unix.NDA_DST {
			n.Addr, ok = netip.AddrFromSlice(p[unix.SizeofRtAttr:length])
		}
		p = p[min(aligned(length), len(p)):]
	}
	if n.Addr.Is6() && n.Addr.IsLinkLocalUnicast() {
		n.Addr = n.Addr.WithZone(strconv.FormatUint(uint64(index), 10))
	}
	return n, ok
}

// aligned is a length rounded up as netlink has it (NLMSG_ALIGNTO, RTA_ALIGNTO).
func aligned(length int) int { return (length + 3) &^ 3 }
