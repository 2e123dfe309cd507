package nal

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrMalformed is matched by errors about bytes that are no NAL units.
	ErrMalformed = errors.New("malformed NAL unit")
	// ErrTooLarge is matched by errors about frames and units over the limit.
	ErrTooLarge = errors.New("frame is too large")
	// ErrNoParameters is matched by errors about frames without the parameter sets that they
	// need: these have not come yet, or were lost.
	ErrNoParameters = errors.New("frame without its parameter sets")
)

// LengthBytes is how many bytes say the length of a unit in a media.Frame.
const LengthBytes = 4

// Append adds a unit to a frame's bytes, its length before it.
func Append(frame, unit []byte) []byte {
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(unit)))
	return append(frame, unit...)
}

// Next returns the first unit of a frame's bytes, and what follows it. Both are parts of frame.
// The error matches ErrMalformed.
func Next(frame []byte) (unit, rest []byte, err error) {
	if len(frame) < LengthBytes {
		return nil, nil, fmt.Errorf("%w: %d bytes instead of a length", ErrMalformed, len(frame))
	}
	n := binary.BigEndian.Uint32(frame)
	frame = frame[LengthBytes:]
	if n == 0 || uint64(n) > uint64(len(frame)) {
		return nil, nil, fmt.Errorf("%w: a length of %d bytes, and %d follow", ErrMalformed, n, len(frame))
	}
	return frame[:n], frame[n:], nil
}

// startCode stands before each unit of Annex B.
var startCode = []byte{0, 0, 0, 1}

// AppendAnnexB adds a frame's parameter sets and units to dst in the form of Annex B, as files
// and decoders have it. Give it no sets for a frame that needs none before it. The error matches
// ErrMalformed; dst then has the units before the fault.
func AppendAnnexB(dst []byte, sets [][]byte, frame []byte) ([]byte, error) {
	for _, set := range sets {
		dst = append(append(dst, startCode...), set...)
	}
	for len(frame) > 0 {
		unit, rest, err := Next(frame)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, startCode...), unit...)
		frame = rest
	}
	return dst, nil
}

// MaxRate is the highest rate in frames per second that is believed of a parameter set: some
// have a clock's rate there.
const MaxRate = 1000
