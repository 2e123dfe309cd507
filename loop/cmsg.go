package loop

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Cmsg is a message's ancillary data (cmsg(3)): how it is to be cut into datagrams, the
// address it leaves from and its mark, or, when received, the address it was sent to.
// Many messages may share one.
type Cmsg struct {
	length int
	buf    [cmsgBytes]byte
}

// Room for a UDP_SEGMENT or UDP_GRO message (at most an int), one in6_pktinfo and a mark; or for
// one in6_pktinfo and a sock_extended_err with the address of its sender.
const cmsgBytes = 40 + 64

// Both fit on every architecture.
var (
	_ [cmsgBytes - (2*cmsgSpace4 + cmsgSpace20)]byte
	_ [cmsgBytes - (cmsgSpace20 + cmsgSpaceError)]byte
)

const (
	cmsgHeaderBytes = (unix.SizeofCmsghdr + wordBytes - 1) &^ (wordBytes - 1)
	cmsgSpace4      = cmsgHeaderBytes + (4+wordBytes-1)&^(wordBytes-1)
	cmsgSpace20     = cmsgHeaderBytes + (unix.SizeofInet6Pktinfo+wordBytes-1)&^(wordBytes-1)
	cmsgSpaceError  = cmsgHeaderBytes + (extendedErrorBytes+unix.SizeofSockaddrInet6+wordBytes-1)&^(wordBytes-1)
	wordBytes       = int(unsafe.Sizeof(uintptr(0)))

	// extendedErrorBytes is the size of struct sock_extended_err (ip(7)).
	extendedErrorBytes = 16
)

// Set makes c say that a message is cut into datagrams of segmentBytes (0: sent
// whole) and leaves from source (the zero Addr: the routing table decides).
func (c *Cmsg) Set(segmentBytes int, source netip.Addr) {
	c.length = 0
	if segmentBytes > 0 {
		binary.NativeEndian.PutUint16(c.add(unix.SOL_UDP, unix.UDP_SEGMENT, 2), uint16(segmentBytes))
	}
	switch source = source.Unmap(); {
	case source.Is4():
		info := unix.Inet4Pktinfo{Spec_dst: source.As4()}
		copy(c.add(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo),
			(*[unix.SizeofInet4Pktinfo]byte)(unsafe.Pointer(&info))[:])
	case source.Is6():
		info := unix.Inet6Pktinfo{Addr: source.As16()}
		copy(c.add(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo),
			(*[unix.SizeofInet6Pktinfo]byte)(unsafe.Pointer(&info))[:])
	}
}

// Mark adds to what Set has said the message's mark (SO_MARK, socket(7)). It does not leave
// the machine: rules for routes and firewalls see it, and programs at interfaces. A message
// may have one if the process has CAP_NET_ADMIN or CAP_NET_RAW; else sending it fails with
// EPERM.
func (c *Cmsg) Mark(mark uint32) {
	binary.NativeEndian.PutUint32(c.add(unix.SOL_SOCKET, unix.SO_MARK, 4), mark)
}

// add appends a cmsg and returns its data to fill in.
func (c *Cmsg) add(level, kind int32, dataBytes int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c.buf[c.length]))
	h.Level, h.Type = level, kind
	h.SetLen(cmsgHeaderBytes + dataBytes)
	data := c.buf[c.length+cmsgHeaderBytes:][:dataBytes]
	c.length += cmsgHeaderBytes + (dataBytes+wordBytes-1)&^(wordBytes-1)
	return data
}

// each calls f for every cmsg in the first n bytes.
func (c *Cmsg) each(n int, f func(level, kind int32, data []byte)) {
	for at := 0; at+cmsgHeaderBytes <= n; {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c.buf[at]))
		length := int(h.Len)
		if length < cmsgHeaderBytes || length > n-at {
			return
		}
		f(h.Level, h.Type, c.buf[at+cmsgHeaderBytes:at+length])
		at += (length + wordBytes - 1) &^ (wordBytes - 1)
	}
}

// SegmentBytes is the datagram size that Set asked for, 0 if none.
func (c *Cmsg) SegmentBytes() (size int) {
	c.each(c.length, func(level, kind int32, data []byte) {
		if level == unix.SOL_UDP && kind == unix.UDP_SEGMENT && len(data) >= 2 {
			size = int(binary.NativeEndian.Uint16(data))
		}
	})
	return size
}

// Address is the source that Set asked for, invalid if none. What a received datagram
// was sent to is asked of its Message.
func (c *Cmsg) Address() netip.Addr { return c.address(c.length) }

func (c *Cmsg) address(n int) (ip netip.Addr) {
	c.each(n, func(level, kind int32, data []byte) {
		switch {
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			ip = netip.AddrFrom4(info.Spec_dst)
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			ip = netip.AddrFrom16(info.Addr)
		}
	})
	return ip
}
