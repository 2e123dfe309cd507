package model

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// goroutines is a goroutine and a connected socket per reader, which writes packet by
// packet: what most Go programs do. The frames are in a ring, and a reader that has them
// all waits on a channel.
type goroutines struct{ perReader }

func init() {
	Register(Entry{Name: "goroutine", Transport: UDP, H264: true, New: func() Model { return &goroutines{} }})
	// The same, but the kernel cuts each frame: what is left of the difference to loop.
	Register(Entry{Name: "goroutine-segmented", Transport: UDP, Hidden: true, New: func() Model {
		return &goroutines{perReader{write: writeSegmented}}
	}})
}

func (m *goroutines) Start(b *Broadcast) error {
	return m.start(b, func(c *cursor[*Frame]) { c.wait() })
}

// writeSegmented writes a frame as one message (udp(7), UDP_SEGMENT).
func writeSegmented(conn *net.UDPConn, f *Frame) error {
	control := make([]byte, unix.CmsgSpace(2))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	header.Level, header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	header.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(f.Packets.PacketSize))
	_, _, err := conn.WriteMsgUDP(f.Packets.Bytes, control, nil)
	return err
}
