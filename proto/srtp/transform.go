package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// TagBytes is how many bytes longer an RTP packet is that a Sealer has sealed: the size of its authentication tag.
const TagBytes = 10

// streamBytes is how much of a packet is enciphered at once.
const streamBytes = 16 * aes.BlockSize

// transform is the session keys of SRTP or of SRTCP under one master key. It allocates nothing for
// a packet.
type transform struct {
	block  cipher.Block
	salt   [saltBytes]byte
	mac    hash.Hash
	stream [streamBytes]byte // the key stream of what is in hand
	sum    [sha1.Size]byte   // the newest authentication code
	suffix [4]byte
}

// newTransform derives the session keys; label is 0, or labelSRTCP.
func newTransform(k *Key, label byte) *transform {
	var key [masterKeyBytes]byte
	var auth [authKeyBytes]byte
	t, d := &transform{}, k.derivation()
	d.derive(label+labelEncryption, key[:])
	d.derive(label+labelAuth, auth[:])
	d.derive(label+labelSalt, t.salt[:])
	t.block, t.mac = newAES(key[:]), hmac.New(sha1.New, auth[:])
	return t
}

// sealRTP appends a packet, of whose bytes the first header are its header, with an SSRC and the sequence number of the
// index. It is TagBytes longer.
func (t *transform) sealRTP(dst, packet []byte, header int, ssrc uint32, index uint64) []byte {
	from := len(dst)
	dst = appendHeader(dst, packet[:header], ssrc, index)
	dst = append(dst, packet[header:]...)
	t.xor(dst[from+header:], ssrc, index)
	return append(dst, t.tag(dst[from:], uint32(index>>16), true)...)
}

// sealRTCP appends a compound packet. It is rtcpIndexBytes + TagBytes longer.
func (t *transform) sealRTCP(dst, packet []byte, index uint32) []byte {
	from := len(dst)
	dst = append(dst, packet...)
	t.xor(dst[from+rtcpHeaderBytes:], binary.BigEndian.Uint32(packet[4:]), uint64(index))
	dst = binary.BigEndian.AppendUint32(dst, encrypted|index)
	return append(dst, t.tag(dst[from:], 0, false)...)
}

// openRTCP appends a sealed compound packet, opened, if it is authentic and new. mki stands before the tag.
func (t *transform) openRTCP(dst, packet, mki []byte, seen *senders) ([]byte, error) {
	end := len(packet) - TagBytes - len(mki)
	if end < rtcpHeaderBytes+rtcpIndexBytes {
		return dst, errShort
	}
	sealed, rest := packet[:end], packet[end:]
	if !bytes.Equal(rest[:len(mki)], mki) || subtle.ConstantTimeCompare(t.tag(sealed, 0, false), rest[len(mki):]) != 1 {
		return dst, errForged
	}
	word := binary.BigEndian.Uint32(sealed[end-rtcpIndexBytes:])
	ssrc := binary.BigEndian.Uint32(sealed[4:])
	if !seen.isNew(ssrc, word&^encrypted) {
		return dst, errReplay
	}
	from := len(dst)
	dst = append(dst, sealed[:end-rtcpIndexBytes]...)
	if word&encrypted != 0 {
		t.xor(dst[from+rtcpHeaderBytes:], ssrc, uint64(word&^encrypted))
	}
	return dst, nil
}

// xor enciphers or deciphers p. The blocks are enciphered one by one, as a cipher.Stream would be allocated for each
// packet; that costs some 2 microseconds for a packet of 1400 bytes.
func (t *transform) xor(p []byte, ssrc uint32, index uint64) {
	first := iv(&t.salt, ssrc, index)
	for counter := uint16(0); len(p) > 0; {
		part := p[:min(streamBytes, len(p))]
		p = p[len(part):]
		for at := 0; at < len(part); at += aes.BlockSize {
			block := t.stream[at:][:aes.BlockSize]
			copy(block, first[:])
			binary.BigEndian.PutUint16(block[14:], counter)
			t.block.Encrypt(block, block)
			counter++
		}
		subtle.XORBytes(part, part, t.stream[:])
	}
}

// tag returns the authentication tag of p, if withRollover with the rollover counter behind it. It is valid until the next
// call.
func (t *transform) tag(p []byte, rollover uint32, withRollover bool) []byte {
	t.mac.Reset()
	t.mac.Write(p)
	if withRollover {
		binary.BigEndian.PutUint32(t.suffix[:], rollover)
		t.mac.Write(t.suffix[:])
	}
	t.mac.Sum(t.sum[:0])
	return t.sum[:TagBytes]
}
