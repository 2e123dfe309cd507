package h265

// Type is a NAL unit's type (table 7-1).
type Type uint8

// The types that have a meaning here.
const (
	TypeBLAWLP        Type = 16
	TypeIDRWRADL      Type = 19
	TypeIDRNLP        Type = 20
	TypeCRA           Type = 21
	TypeVPS           Type = 32
	TypeSPS           Type = 33
	TypePPS           Type = 34
	TypeDelimiter     Type = 35
	TypeEndOfSequence Type = 36
	TypeEndOfStream   Type = 37
	TypeFiller        Type = 38
	TypePrefixSEI     Type = 39
	TypeSuffixSEI     Type = 40

	typeRADLN        Type = 6
	typeRASLR        Type = 9
	lastReserved     Type = 15 // of the types of which each second one is a sub-layer non-reference picture
	lastIRAP         Type = 23
	lastSlice        Type = 31
	headerBytes           = 2
	mostSubLayers         = 7
	mostReorder           = 16
	maxSetBytes           = 4096
	maxDimension          = 32768 // over the widest picture of the highest level
	mostOrderBits         = 16
	seiRecoveryPoint      = 6
)

// TypeOf is the type of a unit, which is not empty.
func TypeOf(unit []byte) Type { return Type(unit[0] >> 1 & 0x3f) }

// layer is a unit's nuh_layer_id: 0 is the base layer.
func layer(unit []byte) byte { return unit[0]&1<<5 | unit[1]>>3 }

// temporal is a unit's TemporalId.
func temporal(unit []byte) int { return int(unit[1]&7) - 1 }

// isIRAP: decoding can begin with a picture of this type.
func (t Type) isIRAP() bool { return t >= TypeBLAWLP && t <= lastIRAP }

// isIDR: the picture order count begins anew.
func (t Type) isIDR() bool { return t == TypeIDRWRADL || t == TypeIDRNLP }

// isLeading: RASL and RADL pictures, which are shown before the IRAP picture that they follow.
func (t Type) isLeading() bool { return t >= typeRADLN && t <= typeRASLR }

// isNonReference: no picture of the same sub-layer needs it (SLNR).
func (t Type) isNonReference() bool { return t < lastReserved && t%2 == 0 }
