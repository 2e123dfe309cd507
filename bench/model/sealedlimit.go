package model

import (
	"crypto/cipher"
	"encoding/binary"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// SealedLimit is the least that user space can do for readers with keys of their own: each reader's packets sealed
// by crypto/cipher into a slab, one message a reader for the kernel to cut, and a call for each slab. It
// keeps nothing to send again, knows no cameras, no pacing, no slow readers, and nobody can join.
type SealedLimit struct {
	// Spoil, if there is one, changes what a reader is sent of a frame.
	Spoil func(frame uint64, sealed []byte) []byte

	kernel    loop.Kernel
	fd        int
	readers   []sealedReader
	addresses []loop.Address
	messages  []loop.Message // of a slab
	payloads  []loop.Vector
	slab      []byte
	control   loop.Cmsg
	nonce     [gcmNonceBytes]byte
	next      uint64 // the index of the next packet, which is the same for all
}

type sealedReader struct {
	aead cipher.AEAD
	salt [gcmNonceBytes]byte
}

// slabReaders is for how many readers is sealed before they are sent to: what was sealed is still in the CPU's
// cache then.
const slabReaders = 16

func init() {
	Register(Entry{Name: "webrtc-limit", Transport: UDP, WebRTC: true, Private: true, New: func() Model { return &SealedLimit{} }})
}

// Start opens the socket and derives the keys.
func (m *SealedLimit) Start(b *Broadcast) error {
	k, err := loop.NewKernel()
	if err != nil {
		return err
	}
	return m.startOn(k, b)
}

func (m *SealedLimit) startOn(k loop.Kernel, b *Broadcast) (err error) {
	m.kernel = k
	local := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if m.fd, err = m.kernel.OpenUDP(local, loop.UDPOptions{SendBufferBytes: 8 << 20}); err != nil {
		return err
	}
	m.control.Set(b.H264Size.PacketBytes, netip.Addr{}) // before it is pointed at: its length counts
	m.messages, m.payloads = make([]loop.Message, slabReaders), make([]loop.Vector, slabReaders)
	m.readers, m.addresses = make([]sealedReader, len(b.Readers)), make([]loop.Address, len(b.Readers))
	for i, reader := range b.Readers {
		m.addresses[i].Set(reader)
		ours, _ := PrivateKeys(i)
		if m.readers[i].aead, m.readers[i].salt, err = sessionKeys(ours); err != nil {
			return err
		}
	}
	return nil
}

// Send seals a frame for all readers, and hands it to the kernel.
func (m *SealedLimit) Send(f *Frame) error {
	tag := PrivateProfile.TagBytes()
	m.control.Set(f.Packets.PacketSize+tag, netip.Addr{})
	for i := range f.Packets.Runs() {
		run := f.Packets.Run(i)
		for first := 0; first < len(m.readers); first += slabReaders {
			if err := m.sendSlab(f, run, first, min(slabReaders, len(m.readers)-first)); err != nil {
				return err
			}
		}
		m.next += uint64((len(run) + f.Packets.PacketSize - 1) / f.Packets.PacketSize)
	}
	return nil
}

// sendSlab seals a run for some readers, from the first one on, and sends it to them.
func (m *SealedLimit) sendSlab(f *Frame, run []byte, first, readers int) error {
	packets := (len(run) + f.Packets.PacketSize - 1) / f.Packets.PacketSize
	if need := slabReaders * (len(run) + packets*PrivateProfile.TagBytes()); cap(m.slab) < need {
		m.slab = make([]byte, 0, need)
	}
	slab := m.slab[:0]
	for i := range readers {
		from := len(slab)
		slab = m.seal(slab, &m.readers[first+i], run, f.Packets.PacketSize)
		sealed := slab[from:]
		if m.Spoil != nil {
			sealed = m.Spoil(f.Number, sealed)
		}
		m.payloads[i].Set(sealed)
		m.messages[i].Point(&m.addresses[first+i], &m.payloads[i], &m.control)
	}
	for rest := m.messages[:readers]; len(rest) > 0; {
		n, err := m.kernel.Sendmmsg(m.fd, rest)
		if err != nil && err != unix.EAGAIN {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// seal appends the packets of a run, sealed for a reader (RFC 7714, section 8).
func (m *SealedLimit) seal(dst []byte, r *sealedReader, run []byte, packetBytes int) []byte {
	for index := m.next; len(run) > 0; index++ {
		packet := run[:min(packetBytes, len(run))]
		run = run[len(packet):]
		from := len(dst)
		dst = append(dst, packet[:rtp.HeaderBytes]...)
		binary.BigEndian.PutUint16(dst[from+2:], uint16(index))
		copy(m.nonce[2:], packet[8:rtp.HeaderBytes]) // the SSRC
		binary.BigEndian.PutUint16(m.nonce[:], 0)
		binary.BigEndian.PutUint32(m.nonce[6:], uint32(index>>16))
		binary.BigEndian.PutUint16(m.nonce[10:], uint16(index))
		for i, b := range r.salt {
			m.nonce[i] ^= b
		}
		dst = r.aead.Seal(dst, m.nonce[:], packet[rtp.HeaderBytes:], dst[from:])
	}
	return dst
}

// Figures are none.
func (m *SealedLimit) Figures() Figures { return Figures{} }

// Close closes the socket.
func (m *SealedLimit) Close() error {
	if err := m.kernel.CloseFD(m.fd); err != nil {
		return err
	}
	return m.kernel.Close()
}
