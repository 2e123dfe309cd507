package h264

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/camcast/camcast/proto/nal"
)

// FormatParameters is the value of an SDP's a=fmtp, after the payload type, for a stream with
// these parameter sets in packets of mode 1 (RFC 6184, section 8.2.1). Sets that it cannot read are
// in it, too; the profile and level are the first readable SPS's.
func FormatParameters(sets [][]byte) string {
	var list []string
	id := ""
	for _, set := range sets {
		if len(set) == 0 {
			continue
		}
		if s, err := ParseSPS(set); err == nil && id == "" {
			id = ";profile-level-id=" + strings.ToUpper(hex.EncodeToString(s.ProfileLevelID[:]))
		}
		list = append(list, base64.StdEncoding.EncodeToString(set))
	}
	text := "packetization-mode=1" + id
	if len(list) > 0 {
		text += ";sprop-parameter-sets=" + strings.Join(list, ",")
	}
	return text
}

// ParseFormatParameters reads the parameter sets of an a=fmtp's value, nil if it has none. The
// error matches nal.ErrMalformed: they are not base64, or not parameter sets, or the packets are
// interleaved (mode 2), which no camera sends.
func ParseFormatParameters(fmtp string) (sets [][]byte, err error) {
	if mode, ok := nal.Parameter(fmtp, "packetization-mode"); ok && mode != "0" && mode != "1" {
		return nil, fmt.Errorf("%w: packetization-mode=%.10s, neither 0 nor 1", nal.ErrMalformed, mode)
	}
	list, _ := nal.Parameter(fmtp, "sprop-parameter-sets")
	return nal.DecodeSets(list, func(set []byte) bool {
		t := TypeOf(set)
		return t == TypeSPS || t == TypePPS
	})
}
