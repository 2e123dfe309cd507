package whep

// This file compares profiles of H.264, which profile-level-id says in several ways (RFC 6184, section 8.1, table 5).

// profile is a profile of H.264 with its constraints. Those that the table below does not have are the first two bytes of
// profile-level-id.
type profile uint16

const (
	constrainedBaseline profile = iota + 1
	baseline
	mainProfile
	extended
)

// profiles has the ways to say a profile: the bits of the second byte that mask has are those of bits.
var profiles = []struct {
	idc, mask, bits byte
	is              profile
}{
	{0x42, 0x4f, 0x40, constrainedBaseline}, {0x4d, 0x8f, 0x80, constrainedBaseline}, {0x58, 0xcf, 0xc0, constrainedBaseline},
	{0x42, 0x4f, 0x00, baseline}, {0x58, 0xcf, 0x80, baseline},
	{0x4d, 0xaf, 0x00, mainProfile},
	{0x58, 0xcf, 0x00, extended},
}

// profileOf is the profile that a profile-level-id says.
func profileOf(id [3]byte) profile {
	for _, p := range profiles {
		if id[0] == p.idc && id[1]&p.mask == p.bits {
			return p.is
		}
	}
	return profile(id[0])<<8 | profile(id[1])
}

// suits is how well a payload type with a profile and a level suits a stream: the more, the better. What is of the stream's
// profile is best, then what has the same number of a profile, and then constrained baseline, which all have. Of those alike, one
// whose level is not too low is better.
func suits(id, stream [3]byte) (rank int) {
	switch {
	case profileOf(id) == profileOf(stream):
		rank = 6
	case id[0] == stream[0]:
		rank = 4
	case profileOf(id) == constrainedBaseline:
		rank = 2
	}
	if id[2] >= stream[2] {
		rank++
	}
	return rank
}
