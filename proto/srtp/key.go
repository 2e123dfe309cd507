package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	masterKeyBytes = 16
	saltBytes      = 14
	authKeyBytes   = 20
	// KeyBytes is the size of a Key.
	KeyBytes = masterKeyBytes + saltBytes
)

// Key is a master key with its master salt behind it, for AES128CMHMACSHA1. No verb of fmt prints it.
type Key [KeyBytes]byte

const hidden = "(secret)"

// Format implements fmt.Formatter.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText hides the key in logs and JSON. The error is always nil.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// The labels of the keys that are derived from a master key for SRTP (RFC 3711, section 4.3.2). Those for
// SRTCP are greater by labelSRTCP.
const (
	labelEncryption = 0
	labelAuth       = 1
	labelSalt       = 2
	labelSRTCP      = 3
)

// derivation makes session keys of a master key (RFC 3711, section 4.3). The key derivation rate is 0: all packets have the
// same session keys.
type derivation struct {
	block           cipher.Block // of the master key
	salt            [saltBytes]byte
	counter, stream [aes.BlockSize]byte
}

func (k *Key) derivation() *derivation {
	d := &derivation{block: newAES(k[:masterKeyBytes])}
	copy(d.salt[:], k[masterKeyBytes:])
	return d
}

// derive fills out with the session key of a label: the key stream of AES in counter mode (RFC 3711, section 4.3.3).
func (d *derivation) derive(label byte, out []byte) {
	d.counter = [aes.BlockSize]byte{}
	copy(d.counter[:], d.salt[:])
	d.counter[7] ^= label // key_id is the label and 48 bits of 0
	for len(out) > 0 {
		d.block.Encrypt(d.stream[:], d.counter[:])
		out = out[copy(out, d.stream[:]):]
		d.counter[len(d.counter)-1]++ // a session key has two blocks at most
	}
}

// newAES returns AES with a key of 16 bytes. AES accepts all such keys.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return block
}

// iv returns the first counter block of a packet, made of the salt, the SSRC and the index (RFC 3711, section 4.1.1).
func iv(salt *[saltBytes]byte, ssrc uint32, index uint64) (block [aes.BlockSize]byte) {
	binary.BigEndian.PutUint32(block[4:], ssrc)
	binary.BigEndian.PutUint64(block[8:], index<<16)
	for i, b := range salt {
		block[i] ^= b
	}
	return block
}
