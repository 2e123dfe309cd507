package nal

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Parameter finds a parameter in the value of an SDP's a=fmtp: NAME=VALUE; NAME=VALUE. Names are
// compared without regard to case.
func Parameter(fmtp, name string) (value string, ok bool) {
	for part := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// DecodeSets reads parameter sets in base64, with commas between them. Those that wanted refuses,
// which gets no empty one, are left out: RFC 6184 allows other units there. The error matches
// ErrMalformed.
func DecodeSets(list string, wanted func(set []byte) bool) (sets [][]byte, err error) {
	for part := range strings.SplitSeq(list, ",") {
		// Some senders leave out the padding.
		set, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(part), "="))
		if err != nil {
			return nil, fmt.Errorf("%w: parameter sets in the SDP: %w", ErrMalformed, err)
		}
		if len(set) == 0 || !wanted(set) {
			continue
		}
		if len(sets) == mostSets {
			return nil, fmt.Errorf("%w: more than %d parameter sets in the SDP", ErrMalformed, mostSets)
		}
		sets = append(sets, set)
	}
	return sets, nil
}
