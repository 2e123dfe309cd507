package model

import (
	"crypto/rand"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/srtp"
)

// SealedKey is the key of a stream whose model is Sealed, and ReaderKey that of its readers: they are processes of
// their own, and there is nothing to hide.
var SealedKey, ReaderKey = srtp.Key{1, 2, 3}, srtp.Key{4, 5, 6}

// sealedRandom has a stream's key be SealedKey.
func sealedRandom(p []byte) {
	if len(p) == srtp.KeyBytes {
		copy(p, SealedKey[:])
		return
	}
	_, _ = rand.Read(p)
}

// joinSealed has a reader at this address be sent SRTP.
func (m *CastModel) joinSealed(reader netip.AddrPort) error {
	session, err := m.Cast.OpenSession(cast.SessionOptions{Stream: m.Stream, Protocol: cast.RTSP, Peer: reader})
	if err != nil {
		return err
	}
	told, _ := m.Stream.SRTP()
	if err := session.Seal(told, srtp.Peer{Key: ReaderKey}); err != nil {
		return err
	}
	return session.PlayUDP(cast.Address{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1), Source: m.Source})
}
