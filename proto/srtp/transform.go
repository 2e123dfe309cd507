package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"slices"
)

// TagBytes is how much longer a sealed RTP packet is.
const TagBytes = 10

// transform is the session keys of SRTP or of SRTCP under one master key. It allocates nothing for
// a packet that is no longer than those before.
type transform struct {
	block  cipher.Block
	salt   [saltBytes]byte
	mac    hash.Hash
	stream []byte // the key stream of the packet in hand
	sum    []byte // the room for a code
	suffix [4]byte
}

// newTransform derives the session keys; label is 0, or labelSRTCP.
func newTransform(k *Key, label byte) *transform {
	var key [masterKeyBytes]byte
	var auth [authKeyBytes]byte
	t := &transform{sum: make([]byte, 0, sha1.Size)}
	k.derive(label+labelEncryption, key[:])
	k.derive(label+labelAuth, auth[:])
	k.derive(label+labelSalt, t.salt[:])
	t.block, t.mac = newAES(key[:]), hmac.New(sha1.New, auth[:])
	return t
}

// xor enciphers or deciphers p into dst, which is as long. They are the same bytes or do not
// overlap. The blocks are enciphered one by one, as a cipher.Stream would be allocated for each
// packet; that costs some 2 microseconds for a packet of 1400 bytes.
func (t *transform) xor(dst, p []byte, ssrc uint32, index uint64) {
	first := iv(&t.salt, ssrc, index)
	blocks := (len(p) + aes.BlockSize - 1) / aes.BlockSize
	t.stream = slices.Grow(t.stream[:0], blocks*aes.BlockSize)[:blocks*aes.BlockSize]
	for i := range blocks {
		at := t.stream[i*aes.BlockSize:][:aes.BlockSize]
		copy(at, first[:])
		binary.BigEndian.PutUint16(at[14:], uint16(i))
		t.block.Encrypt(at, at)
	}
	subtle.XORBytes(dst, p, t.stream)
}

// tag is the authentication code of p, and of the rollover counter behind it where withRollover. It
// holds until the next call.
func (t *transform) tag(p []byte, rollover uint32, withRollover bool) []byte {
	t.mac.Reset()
	t.mac.Write(p)
	if withRollover {
		binary.BigEndian.PutUint32(t.suffix[:], rollover)
		t.mac.Write(t.suffix[:])
	}
	t.sum = t.mac.Sum(t.sum[:0])
	return t.sum[:TagBytes]
}
