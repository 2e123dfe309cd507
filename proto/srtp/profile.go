package srtp

// Profile is an SRTP protection profile, by its number in DTLS-SRTP (RFC 5764, RFC 7714).
type Profile uint16

const (
	// AES128CMHMACSHA1 is SRTP_AES128_CM_HMAC_SHA1_80, which every implementation has. Sealer and Opener use it, too.
	AES128CMHMACSHA1 Profile = 1
	// AEADAES128GCM is SRTP_AEAD_AES_128_GCM, which takes a third of the time.
	AEADAES128GCM Profile = 7
)

const (
	gcmSaltBytes = 12
	gcmTagBytes  = 16
)

// KeyBytes returns the size of a master key with its salt; 0 for an unknown profile.
func (p Profile) KeyBytes() int {
	switch p {
	case AES128CMHMACSHA1:
		return KeyBytes
	case AEADAES128GCM:
		return masterKeyBytes + gcmSaltBytes
	}
	return 0
}

// TagBytes returns how many bytes longer a sealed RTP packet is; 0 for an unknown profile.
func (p Profile) TagBytes() int {
	switch p {
	case AES128CMHMACSHA1:
		return TagBytes
	case AEADAES128GCM:
		return gcmTagBytes
	}
	return 0
}

// suite is the session keys of one receiver by one profile: ours, which seal, and those of the receiver, which open.
// dst must not overlap with packet.
type suite interface {
	// tagBytes is how much longer a sealed RTP packet is.
	tagBytes() int
	// sealRTP appends a packet, of whose bytes the first header are its header, with an SSRC and the sequence number of the
	// index.
	sealRTP(dst, packet []byte, header int, ssrc uint32, index uint64) []byte
	// sealRTCP appends a compound packet.
	sealRTCP(dst, packet []byte, index uint32) []byte
	// openRTCP appends what a receiver has sealed, if it is authentic and new. A refused packet
	// appends nothing.
	openRTCP(dst, packet []byte, seen *senders) ([]byte, error)
}

// newSuite derives the session keys of a profile from master keys with their salts.
func newSuite(profile Profile, ours, theirs *Key) (suite, error) {
	if profile == AEADAES128GCM {
		return newGCM(ours, theirs)
	}
	return &counterMode{rtp: newTransform(ours, 0), rtcp: newTransform(ours, labelSRTCP), theirs: newTransform(theirs, labelSRTCP)}, nil
}

// counterMode is the suite of AES128CMHMACSHA1.
type counterMode struct{ rtp, rtcp, theirs *transform }

func (*counterMode) tagBytes() int { return TagBytes }

func (c *counterMode) sealRTP(dst, packet []byte, header int, ssrc uint32, index uint64) []byte {
	return c.rtp.sealRTP(dst, packet, header, ssrc, index)
}

func (c *counterMode) sealRTCP(dst, packet []byte, index uint32) []byte {
	return c.rtcp.sealRTCP(dst, packet, index)
}

func (c *counterMode) openRTCP(dst, packet []byte, seen *senders) ([]byte, error) {
	return c.theirs.openRTCP(dst, packet, nil, seen)
}
