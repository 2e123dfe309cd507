package srtp

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// gcm is the suite of AEADAES128GCM (RFC 7714). The nonce and the additional data are fields, as what is passed to an
// interface would else be allocated for each packet.
type gcm struct {
	rtp, rtcp, theirs gcmKey
	nonce             [gcmSaltBytes]byte
	additional        [rtcpHeaderBytes + rtcpIndexBytes]byte
}

// gcmKey is a session key and salt.
type gcmKey struct {
	aead cipher.AEAD
	salt [gcmSaltBytes]byte
}

// newGCM derives the session keys. The salt of 12 bytes has zeros behind it in its Key (RFC 7714, section 11).
// The error says that Go's cryptography refuses GCM, as it does where only FIPS 140 is allowed.
func newGCM(ours, theirs *Key) (*gcm, error) {
	g, our, their := &gcm{}, ours.derivation(), theirs.derivation()
	for _, k := range []struct {
		session *gcmKey
		master  *derivation
		label   byte
	}{{&g.rtp, our, 0}, {&g.rtcp, our, labelSRTCP}, {&g.theirs, their, labelSRTCP}} {
		var key [masterKeyBytes]byte
		k.master.derive(k.label+labelEncryption, key[:])
		k.master.derive(k.label+labelSalt, k.session.salt[:])
		var err error
		if k.session.aead, err = gcmOf(key[:]); err != nil {
			return nil, fmt.Errorf("srtp: %w", err)
		}
	}
	return g, nil
}

// gcmOf is AES-GCM with a session key of 16 bytes.
func gcmOf(key []byte) (cipher.AEAD, error) { return cipher.NewGCM(newAES(key)) }

func (*gcm) tagBytes() int { return gcmTagBytes }

func (g *gcm) sealRTP(dst, packet []byte, header int, ssrc uint32, index uint64) []byte {
	from := len(dst)
	dst = appendHeader(dst, packet[:header], ssrc, index)
	g.setNonce(&g.rtp, ssrc, index)
	return g.rtp.aead.Seal(dst, g.nonce[:], packet[header:], dst[from:])
}

func (g *gcm) sealRTCP(dst, packet []byte, index uint32) []byte {
	word := encrypted | index
	g.setRTCP(&g.rtcp, packet, word)
	dst = append(dst, packet[:rtcpHeaderBytes]...)
	dst = g.rtcp.aead.Seal(dst, g.nonce[:], packet[rtcpHeaderBytes:], g.additional[:])
	return binary.BigEndian.AppendUint32(dst, word)
}

func (g *gcm) openRTCP(dst, packet []byte, seen *senders) ([]byte, error) {
	end := len(packet) - rtcpIndexBytes
	if end < rtcpHeaderBytes+gcmTagBytes {
		return dst, errShort
	}
	word := binary.BigEndian.Uint32(packet[end:]) // a packet that is not enciphered is forged: DTLS-SRTP has none
	g.setRTCP(&g.theirs, packet, word)
	opened, err := g.theirs.aead.Open(append(dst, packet[:rtcpHeaderBytes]...), g.nonce[:], packet[rtcpHeaderBytes:end], g.additional[:])
	if err != nil {
		return dst, errForged
	}
	if !seen.isNew(binary.BigEndian.Uint32(packet[4:]), word&^encrypted) {
		return dst, errReplay
	}
	return opened, nil
}

// setRTCP sets the nonce and the additional data of an RTCP packet: its header and the word with its index
// (section 9).
func (g *gcm) setRTCP(k *gcmKey, packet []byte, word uint32) {
	copy(g.additional[:], packet[:rtcpHeaderBytes])
	binary.BigEndian.PutUint32(g.additional[rtcpHeaderBytes:], word)
	g.setNonce(k, binary.BigEndian.Uint32(packet[4:]), uint64(word&^encrypted))
}

// setNonce is the salt, the SSRC and the index: of 48 bits, or of RTCP 31 (sections 8.1 and 9.1).
func (g *gcm) setNonce(k *gcmKey, ssrc uint32, index uint64) {
	binary.BigEndian.PutUint32(g.nonce[:], ssrc>>16)
	binary.BigEndian.PutUint64(g.nonce[4:], uint64(ssrc)<<48|index)
	for i, b := range k.salt {
		g.nonce[i] ^= b
	}
}
