package model

import (
	"crypto/cipher"
	"encoding/binary"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtp"
)

// SealedLimit is the least that user space can do for readers with keys of their own: each reader's packets sealed
// by crypto/cipher into a slab, one message a reader for the kernel to cut, and a call for each slab. It
// keeps nothing to send again, has no cameras and no pacing, takes no notice of slow readers, and nobody can join.
type SealedLimit struct {
	// Spoil, if it is not nil, changes what a reader is sent of a frame: tests of the readers have it do wrong.
	Spoil func(frame uint64, sealed []byte) []byte

	bareSocket
	readers   []sealedReader
	addresses []loop.Address
	messages  []loop.Message // of a slab
	payloads  []loop.Vector
	slab      []byte
	cmsg      loop.Cmsg
	nonce     [gcmNonceBytes]byte
	next      uint64 // the index of the next packet, which is the same for all
}

type sealedReader struct {
	aead cipher.AEAD
	salt [gcmNonceBytes]byte
}

// slabReaders is how many readers' packets are sealed before they are sent: they are still in the CPU's cache then.
const slabReaders = 16

func init() {
	Register(Entry{Name: "webrtc-limit", Transport: UDP, WebRTC: true, Private: true, New: func() Model { return &SealedLimit{} }})
}

// Start opens the socket and derives the keys.
func (m *SealedLimit) Start(b *Broadcast) error { return m.startOn(nil, b) }

// startOn starts it on a kernel, on this machine's if it is nil.
func (m *SealedLimit) startOn(k loop.Kernel, b *Broadcast) (err error) {
	if err := m.open(k); err != nil {
		return err
	}
	m.cmsg.Set(b.H264Size.PacketBytes, netip.Addr{}) // before it is pointed at: its length counts
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
	m.cmsg.Set(f.Packets.PacketSize+tag, netip.Addr{})
	for i := range f.Packets.Runs() {
		run := f.Packets.Run(i)
		for first := 0; first < len(m.readers); first += slabReaders {
			if err := m.sendSlab(f, run, first, min(slabReaders, len(m.readers)-first)); err != nil {
				return err
			}
		}
		m.next += uint64(packetsIn(run, f.Packets.PacketSize))
	}
	return nil
}

// sendSlab seals a run for some readers, from the first one on, and sends it to them.
func (m *SealedLimit) sendSlab(f *Frame, run []byte, first, readers int) error {
	if need := slabReaders * (len(run) + packetsIn(run, f.Packets.PacketSize)*PrivateProfile.TagBytes()); cap(m.slab) < need {
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
		m.messages[i].Point(&m.addresses[first+i], &m.payloads[i], &m.cmsg)
	}
	return m.send(m.messages[:readers])
}

// packetsIn is how many packets a run has.
func packetsIn(run []byte, packetBytes int) int { return (len(run) + packetBytes - 1) / packetBytes }

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

// Figures returns none.
func (m *SealedLimit) Figures() Figures { return Figures{} }
