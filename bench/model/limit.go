package model

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
)

// limit is the least that user space can do: messages built once, one per reader, each
// a whole run of packets for the kernel to cut, 64 a call. It has no cameras and no pacing, takes no notice of slow
// readers, and nobody can join.
type limit struct {
	bareSocket
	messages  []loop.Message
	addresses []loop.Address
	payload   loop.Vector
	cmsg      loop.Cmsg
}

func init() {
	Register(Entry{Name: "limit", Transport: UDP, H264: true, New: func() Model { return &limit{} }})
}

func (m *limit) Start(b *Broadcast) error {
	if err := m.open(nil); err != nil {
		return err
	}
	m.cmsg.Set(PacketBytes, netip.Addr{}) // before it is pointed at: its length counts
	m.messages, m.addresses = make([]loop.Message, len(b.Readers)), make([]loop.Address, len(b.Readers))
	for i, reader := range b.Readers {
		m.addresses[i].Set(reader)
		m.messages[i].Point(&m.addresses[i], &m.payload, &m.cmsg)
	}
	return nil
}

func (m *limit) Send(f *Frame) error {
	m.cmsg.Set(f.Packets.PacketSize, netip.Addr{})
	for i := range f.Packets.Runs() {
		m.payload.Set(f.Packets.Run(i))
		if err := m.send(m.messages); err != nil {
			return err
		}
	}
	return nil
}

func (m *limit) Figures() Figures { return Figures{} }
