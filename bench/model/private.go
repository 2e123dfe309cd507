package model

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/camcast/camcast/proto/srtp"
)

// PrivateProfile is how packets of WebRTC are sealed for each reader: as for browsers, which offer it.
const PrivateProfile = srtp.AEADAES128GCM

// PrivateKeys are the keys of a reader whose model is Private, each with its salt: ours seals what it is sent,
// theirs what it reports. The readers are processes of their own, and there is nothing to hide.
func PrivateKeys(reader int) (ours, theirs []byte) {
	key := func(direction byte) []byte {
		k := make([]byte, PrivateProfile.KeyBytes())
		binary.BigEndian.PutUint32(k, uint32(reader))
		k[len(k)-1] = direction
		return k
	}
	return key(1), key(2)
}

// The labels of a session key and salt for RTP (RFC 3711, section 4.3.2).
const (
	sessionKey  = 0
	sessionSalt = 2
)

const (
	masterKeyBytes = 16
	gcmNonceBytes  = 12
)

// sessionKeys are the key and the salt of RTP that are derived from a master key and its salt.
func sessionKeys(master []byte) (cipher.AEAD, [gcmNonceBytes]byte, error) {
	var salt [gcmNonceBytes]byte
	block, err := aes.NewCipher(master[:masterKeyBytes])
	if err != nil {
		return nil, salt, err
	}
	derive := func(label byte, out []byte) {
		var iv [aes.BlockSize]byte
		copy(iv[:], master[masterKeyBytes:])
		iv[7] ^= label
		cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	}
	key := make([]byte, masterKeyBytes)
	derive(sessionKey, key)
	derive(sessionSalt, salt[:])
	if block, err = aes.NewCipher(key); err != nil {
		return nil, salt, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, salt, err
}
