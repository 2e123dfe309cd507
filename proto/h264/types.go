package h264

// Type is a NAL unit's type (table 7-1).
type Type uint8

// The types that have a meaning here.
const (
	TypeSlice         Type = 1
	TypePartitionA    Type = 2
	TypePartitionB    Type = 3
	TypePartitionC    Type = 4
	TypeIDR           Type = 5
	TypeSEI           Type = 6
	TypeSPS           Type = 7
	TypePPS           Type = 8
	TypeDelimiter     Type = 9
	TypeEndOfSequence Type = 10
	TypeEndOfStream   Type = 11
	TypeFiller        Type = 12
)

// TypeOf is the type of a unit, which is not empty.
func TypeOf(unit []byte) Type { return Type(unit[0] & 0x1f) }

// refIDC is 0 if no other picture needs the one that the unit is of (nal_ref_idc).
func refIDC(unit []byte) byte { return unit[0] >> 5 & 3 }
