package model

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// limit is the least that user space can do: messages built once, one per reader, each
// a whole run of packets for the kernel to cut, 64 a call. It knows no cameras, no pacing, no
// slow readers, and nobody can join.
type limit struct {
	kernel    loop.Kernel
	fd        int
	messages  []loop.Message
	addresses []loop.Address
	payload   loop.Vector
	control   loop.Cmsg
}

const limitBatch = 64

func init() {
	Register(Entry{Name: "limit", Transport: UDP, H264: true, New: func() Model { return &limit{} }})
}

func (m *limit) Start(b *Broadcast) (err error) {
	if m.kernel, err = loop.NewKernel(); err != nil {
		return err
	}
	local := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if m.fd, err = m.kernel.OpenUDP(local, loop.UDPOptions{SendBufferBytes: 8 << 20}); err != nil {
		return err
	}
	m.control.Set(PacketBytes, netip.Addr{}) // before it is pointed at: its length counts
	m.messages, m.addresses = make([]loop.Message, len(b.Readers)), make([]loop.Address, len(b.Readers))
	for i, reader := range b.Readers {
		m.addresses[i].Set(reader)
		m.messages[i].Point(&m.addresses[i], &m.payload, &m.control)
	}
	return nil
}

func (m *limit) Send(f *Frame) error {
	m.control.Set(f.Packets.PacketSize, netip.Addr{})
	for i := range f.Packets.Runs() {
		if err := m.send(f.Packets.Run(i)); err != nil {
			return err
		}
	}
	return nil
}

// send sends a run of packets to all readers.
func (m *limit) send(run []byte) error {
	m.payload.Set(run)
	for rest := m.messages; len(rest) > 0; {
		n, err := m.kernel.Sendmmsg(m.fd, rest[:min(len(rest), limitBatch)])
		if err != nil && err != unix.EAGAIN {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func (m *limit) Figures() Figures { return Figures{} }

func (m *limit) Close() error {
	if err := m.kernel.CloseFD(m.fd); err != nil {
		return err
	}
	return m.kernel.Close()
}
