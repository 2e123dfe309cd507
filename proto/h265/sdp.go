package h265

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/camcast/camcast/proto/nal"
)

// spropNames are the SDP's names of the kinds of parameter sets, in order.
var spropNames = []struct {
	kind Type
	name string
}{{TypeVPS, "sprop-vps"}, {TypeSPS, "sprop-sps"}, {TypePPS, "sprop-pps"}}

// FormatParameters is the value of an SDP's a=fmtp, after the payload type, for a stream with
// these parameter sets (RFC 7798, section 7.1). It is empty if there are none.
func FormatParameters(sets [][]byte) string {
	var parts []string
	for _, n := range spropNames {
		var list []string
		for _, set := range sets {
			if len(set) > headerBytes && TypeOf(set) == n.kind {
				list = append(list, base64.StdEncoding.EncodeToString(set))
			}
		}
		if len(list) > 0 {
			parts = append(parts, n.name+"="+strings.Join(list, ","))
		}
	}
	return strings.Join(parts, ";")
}

// ParseFormatParameters reads the parameter sets of an a=fmtp's value, nil if it has none. The
// error matches nal.ErrMalformed: they are not base64, or the packets are interleaved
// (sprop-max-don-diff), which no camera sends.
func ParseFormatParameters(fmtp string) (sets [][]byte, err error) {
	if most, ok := nal.Parameter(fmtp, "sprop-max-don-diff"); ok && most != "0" {
		return nil, fmt.Errorf("%w: sprop-max-don-diff=%.10s: packets are interleaved", nal.ErrMalformed, most)
	}
	for _, n := range spropNames {
		list, _ := nal.Parameter(fmtp, n.name)
		some, err := nal.DecodeSets(list, func(set []byte) bool { return len(set) > headerBytes && TypeOf(set) == n.kind })
		if err != nil {
			return nil, err
		}
		sets = append(sets, some...)
	}
	return sets, nil
}
