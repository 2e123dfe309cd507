package whep

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Codec is a payload type of H.264 with packetization-mode=1 (RFC 6184).
type Codec struct {
	PayloadType uint8
	// ProfileLevelID is the profile and the level, as a sequence parameter set has them.
	ProfileLevelID [3]byte
	// feedback are the kinds of RTCP feedback that are offered and can be answered.
	feedback []string
}

// usedFeedback is the RTCP feedback that the server answers.
var usedFeedback = []string{"nack", "nack pli", "ccm fir", "goog-remb"}

// readCodecs finds the payload types of H.264 with packetization-mode=1.
func readCodecs(m *sdp.MediaDescription) (found []Codec) {
	isH264, parameters, feedback := map[string]bool{}, map[string]string{}, map[string][]string{}
	for _, a := range m.Attributes {
		format, value, _ := strings.Cut(a.Value, " ")
		switch value = strings.TrimSpace(value); a.Key {
		case "rtpmap":
			isH264[format] = strings.EqualFold(value, "H264/90000")
		case "fmtp":
			parameters[format] = value
		case "rtcp-fb":
			if slices.Contains(usedFeedback, value) && !slices.Contains(feedback[format], value) {
				feedback[format] = append(feedback[format], value)
			}
		}
	}
	for _, format := range m.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		if err != nil || !isH264[format] || slices.ContainsFunc(found, func(c Codec) bool { return c.PayloadType == uint8(number) }) {
			continue
		}
		id, ok := readParameters(parameters[format])
		if !ok {
			continue
		}
		c := Codec{PayloadType: uint8(number), ProfileLevelID: id, feedback: feedback[format]}
		for _, one := range feedback["*"] {
			if !slices.Contains(c.feedback, one) {
				c.feedback = append(c.feedback, one)
			}
		}
		found = append(found, c)
	}
	return found
}

// readParameters reads the parameters of H.264. ok is false without packetization-mode=1.
func readParameters(text string) (id [3]byte, ok bool) {
	id = [3]byte{0x42, 0x00, 0x0a} // if it is not said (RFC 6184, section 8.1)
	for one := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		switch strings.ToLower(key) {
		case "packetization-mode":
			ok = value == "1"
		case "profile-level-id":
			if p, err := hex.DecodeString(value); err == nil && len(p) == len(id) {
				copy(id[:], p)
			}
		}
	}
	return id, ok
}

// Choose is the payload type that suits a stream best: of its profile, else of constrained baseline, which all have, else
// the first one. Browsers decode more than they say.
func (o *Offer) Choose(stream [3]byte) Codec {
	best, most := o.Codecs[0], 0
	for _, c := range o.Codecs {
		rank := 0
		switch {
		case c.ProfileLevelID[0] == stream[0] && c.ProfileLevelID[1] == stream[1]:
			rank = 3
		case c.ProfileLevelID[0] == stream[0]:
			rank = 2
		case c.ProfileLevelID[0] == 0x42 && c.ProfileLevelID[1]&0x40 != 0:
			rank = 1
		}
		if rank > most {
			best, most = c, rank
		}
	}
	return best
}
