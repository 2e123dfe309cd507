package whep

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Codec is a payload type of H.264 (RFC 6184) whose receiver takes packets of packetization-mode=1.
type Codec struct {
	PayloadType uint8
	// ProfileLevelID is the profile and the level, as a sequence parameter set has them.
	ProfileLevelID [3]byte
	// feedback are the kinds of RTCP feedback that are offered and can be answered.
	feedback []string
	// saysMode: the offer has packetization-mode=1, and so has the answer.
	saysMode bool
}

// usedFeedback is the RTCP feedback that the server answers.
var usedFeedback = []string{"nack", "nack pli", "ccm fir", "goog-remb"}

// The payload types from firstRTCP to lastRTCP look like RTCP where both share a port (RFC 5761, section 4).
const firstRTCP, lastRTCP = 64, 95

// readCodecs finds the payload types of H.264 with packetization-mode=1. Where there are none, those that do not say a mode are
// taken: that should mean mode 0, but GStreamer's whepsrc says none and takes all. mode0: one says that it takes mode 0 alone.
func readCodecs(m *sdp.MediaDescription) (found []Codec, mode0 bool) {
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
	var silent []Codec // which do not say a mode
	for _, format := range m.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		isOf := func(c Codec) bool { return c.PayloadType == uint8(number) }
		if err != nil || !isH264[format] || number >= firstRTCP && number <= lastRTCP || slices.ContainsFunc(found, isOf) || slices.ContainsFunc(silent, isOf) {
			continue
		}
		id, mode := readParameters(parameters[format])
		c := Codec{PayloadType: uint8(number), ProfileLevelID: id, feedback: feedback[format], saysMode: mode == "1"}
		for _, one := range feedback["*"] {
			if !slices.Contains(c.feedback, one) {
				c.feedback = append(c.feedback, one)
			}
		}
		switch mode {
		case "1":
			found = append(found, c)
		case "":
			silent = append(silent, c)
		default:
			mode0 = true
		}
	}
	if len(found) == 0 {
		found = silent
	}
	return found, mode0
}

// readParameters reads the parameters of H.264. mode is what they say of packetization-mode.
func readParameters(text string) (id [3]byte, mode string) {
	id = [3]byte{0x42, 0x00, 0x0a} // if it is not said (RFC 6184, section 8.1)
	for one := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		switch strings.ToLower(key) {
		case "packetization-mode":
			mode = value
		case "profile-level-id":
			if p, err := hex.DecodeString(value); err == nil && len(p) == len(id) {
				copy(id[:], p)
			}
		}
	}
	return id, mode
}

// format is what the answer says of the payload type (fmtp).
func (c Codec) format() string {
	mode := ""
	if c.saysMode {
		mode = "packetization-mode=1;"
	}
	return fmt.Sprintf("level-asymmetry-allowed=1;%sprofile-level-id=%x", mode, c.ProfileLevelID)
}

// Choose is the payload type that suits a stream with a profile-level-id best: of its profile, else of constrained baseline, which
// all have, else the first one. Browsers decode more than they say.
func (o *Offer) Choose(stream [3]byte) Codec {
	best, most := o.Codecs[0], 0
	for _, c := range o.Codecs {
		if rank := suits(c.ProfileLevelID, stream); rank > most {
			best, most = c, rank
		}
	}
	return best
}
