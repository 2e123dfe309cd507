package loop

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file and cmsg.go hold all of the package's unsafe memory layouts: the structures
// that sendmmsg(2) and recvmmsg(2) read and write. golang.org/x/sys has the calls' numbers
// but not the vector.

// Address is a socket address as the kernel wants it, IPv4 or IPv6. The zero value
// is no address.
type Address struct {
	raw unix.RawSockaddrInet6 // an IPv4 address lies in its first 16 bytes
}

// length is how much of raw the kernel is to read. It follows from the family rather
// than being kept, as the kernel writes addresses, too.
func (a *Address) length() uint32 {
	switch a.raw.Family {
	case unix.AF_INET:
		return unix.SizeofSockaddrInet4
	case unix.AF_INET6:
		return unix.SizeofSockaddrInet6
	}
	return 0
}

// Set makes a the address ap. An IPv4-mapped IPv6 address becomes IPv4, an invalid one
// no address. A zone must be an interface's number, as AddrPort gives it; others are
// ignored.
func (a *Address) Set(ap netip.AddrPort) {
	if !ap.Addr().IsValid() {
		*a = Address{}
		return
	}
	port := bigEndian(ap.Port())
	if ip := ap.Addr().Unmap(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: ip.As4()}
		return
	}
	a.raw = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: ap.Addr().As16()}
	if zone := ap.Addr().Zone(); zone != "" {
		scope, _ := strconv.ParseUint(zone, 10, 32)
		a.raw.Scope_id = uint32(scope)
	}
}

// AddrPort is the address as a value, invalid if there is none.
func (a *Address) AddrPort() netip.AddrPort {
	switch a.raw.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), bigEndian(v4.Port))
	case unix.AF_INET6:
		ip := netip.AddrFrom16(a.raw.Addr)
		if a.raw.Scope_id != 0 { // link-local: meaningless without its interface
			ip = ip.WithZone(strconv.FormatUint(uint64(a.raw.Scope_id), 10))
		}
		return netip.AddrPortFrom(ip, bigEndian(a.raw.Port))
	}
	return netip.AddrPort{}
}

func bigEndian(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// Vector is a run of bytes to send or to receive into (struct iovec). It keeps its
// bytes alive. Many messages may share one.
type Vector struct {
	iov unix.Iovec
}

// Set points the vector at p, which must stay unchanged until it is sent.
func (v *Vector) Set(p []byte) {
	v.iov.Base = unsafe.SliceData(p)
	v.iov.SetLen(len(p))
}

// Len is how many bytes the vector points at.
func (v *Vector) Len() int { return int(v.iov.Len) }

// Bytes are what the vector points at.
func (v *Vector) Bytes() []byte { return unsafe.Slice(v.iov.Base, int(v.iov.Len)) }

// Message is one entry of a sendmmsg or recvmmsg vector (struct mmsghdr): pointers
// to an address, to bytes and to ancillary data, each of which may be shared
// between messages and is kept alive.
type Message struct {
	header      unix.Msghdr
	transferred uint32 // msg_len: set by the kernel
}

// struct mmsghdr is a msghdr and an int, padded to the msghdr's alignment.
var (
	_ [unsafe.Sizeof(Message{}) - (unsafe.Sizeof(unix.Msghdr{}) + wordRounded4)]byte
	_ [(unsafe.Sizeof(unix.Msghdr{}) + wordRounded4) - unsafe.Sizeof(Message{})]byte
)

const wordRounded4 = (4 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)

// Point makes m a message of payload to peer with cmsg, which may be nil.
func (m *Message) Point(peer *Address, payload *Vector, cmsg *Cmsg) {
	m.PointPeer(peer)
	m.PointPayload(payload)
	m.PointCmsg(cmsg)
}

// PointPayload changes the bytes alone.
func (m *Message) PointPayload(payload *Vector) {
	m.header.Iov = &payload.iov
	m.header.SetIovlen(1)
}

// PointPeer changes the address alone; its family must be set already.
func (m *Message) PointPeer(peer *Address) {
	m.header.Name = (*byte)(unsafe.Pointer(&peer.raw))
	m.header.Namelen = peer.length()
}

// PointCmsg changes the ancillary data alone. The cmsg's length is read now:
// call PointCmsg again after its Set if that changed what it says.
func (m *Message) PointCmsg(cmsg *Cmsg) {
	if cmsg == nil || cmsg.length == 0 {
		m.header.Control = nil
		m.header.SetControllen(0)
		return
	}
	m.header.Control = &cmsg.buf[0]
	m.header.SetControllen(cmsg.length)
}

// Receive makes m ready to receive a datagram into payload, its sender into peer
// and its ancillary data into cmsg (which may be nil). It must be called again
// before each receive, as the kernel overwrites the lengths.
func (m *Message) Receive(peer *Address, payload *Vector, cmsg *Cmsg) {
	m.header.Name = (*byte)(unsafe.Pointer(&peer.raw))
	m.header.Namelen = unix.SizeofSockaddrInet6
	m.header.Iov = &payload.iov
	m.header.SetIovlen(1)
	m.header.Control = nil
	m.header.SetControllen(0)
	if cmsg != nil {
		m.header.Control = &cmsg.buf[0]
		m.header.SetControllen(len(cmsg.buf))
	}
	m.header.Flags = 0
}

// Peer is the address of a message that is sent or was received.
func (m *Message) Peer() netip.AddrPort {
	if m.header.Name == nil {
		return netip.AddrPort{}
	}
	return m.address().AddrPort()
}

func (m *Message) address() *Address { return (*Address)(unsafe.Pointer(m.header.Name)) }

// Payload is what a message to be sent points at, or the room of one to be
// received.
func (m *Message) Payload() []byte {
	return unsafe.Slice(m.header.Iov.Base, int(m.header.Iov.Len))
}

// Received is the datagram that was received; it lies in the payload's bytes.
func (m *Message) Received() []byte { return m.Payload()[:m.transferred] }

// Truncated reports whether the received datagram was longer than its room.
func (m *Message) Truncated() bool { return m.header.Flags&unix.MSG_TRUNC != 0 }

// SegmentBytes is the datagram size a message to be sent is cut into, 0 if it goes
// out whole.
func (m *Message) SegmentBytes() int {
	if m.header.Control == nil {
		return 0
	}
	return m.cmsg().SegmentBytes()
}

// Mark is the mark of a message to be sent, 0 if it has none.
func (m *Message) Mark() (mark uint32) {
	if m.header.Control == nil {
		return 0
	}
	m.cmsg().each(int(m.header.Controllen), func(level, kind int32, data []byte) {
		if level == unix.SOL_SOCKET && kind == unix.SO_MARK && len(data) >= 4 {
			mark = binary.NativeEndian.Uint32(data)
		}
	})
	return mark
}

// SharesCmsg reports whether both messages point at the same ancillary data.
func (m *Message) SharesCmsg(other *Message) bool { return m.header.Control == other.header.Control }

// LocalAddress is the address a message leaves from or, received, was sent to.
// Invalid if it carries none.
func (m *Message) LocalAddress() netip.Addr {
	if m.header.Control == nil {
		return netip.Addr{}
	}
	return m.cmsg().address(int(m.header.Controllen))
}

func (m *Message) cmsg() *Cmsg {
	offset := unsafe.Offsetof(Cmsg{}.buf)
	return (*Cmsg)(unsafe.Add(unsafe.Pointer(m.header.Control), -int(offset)))
}

// Deliver fills in a message as the kernel does when a datagram of n bytes arrives
// from peer for local. It is for implementations of Kernel; n bytes must have been
// copied into Payload already.
func (m *Message) Deliver(peer netip.AddrPort, local netip.Addr, n int, truncated bool) {
	m.address().Set(peer)
	m.header.Namelen = m.address().length()
	m.transferred = uint32(n)
	m.header.Flags = 0
	if truncated {
		m.header.Flags = unix.MSG_TRUNC
	}
	if m.header.Control != nil {
		var c Cmsg // the message's own keeps its length, as with a real kernel
		c.Set(0, local)
		m.cmsg().buf = c.buf
		m.header.SetControllen(c.length)
	}
}
