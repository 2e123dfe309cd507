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
	// PayloadType is its number in RTP packets, 0 to 127.
	PayloadType uint8
	// ProfileLevelID is the profile, its constraints and the level, as a sequence parameter set has them.
	ProfileLevelID [3]byte
	// feedback are the kinds of RTCP feedback that are offered and that the server uses.
	feedback []string
	// saysMode: the offer has packetization-mode=1, and so has the answer.
	saysMode bool
}

// usedFeedback are the kinds of RTCP feedback that the server uses.
var usedFeedback = []string{"nack", "nack pli", "ccm fir", "goog-remb"}

// The payload types from firstRTCP to lastRTCP look like RTCP where both share a port (RFC 5761, section 4).
const firstRTCP, lastRTCP = 64, 95

// formats is what a section's attributes say of its formats, which are payload types as texts.
type formats struct {
	isH264     map[string]bool
	parameters map[string]string
	feedback   map[string][]string // "*": of all formats
}

// readFormats reads the attributes of a section.
func readFormats(m *sdp.MediaDescription) formats {
	f := formats{map[string]bool{}, map[string]string{}, map[string][]string{}}
	for _, a := range m.Attributes {
		format, value, _ := strings.Cut(a.Value, " ")
		switch value = strings.TrimSpace(value); a.Key {
		case "rtpmap":
			f.isH264[format] = strings.EqualFold(value, "H264/90000")
		case "fmtp":
			f.parameters[format] = value
		case "rtcp-fb":
			if slices.Contains(usedFeedback, value) {
				f.feedback[format] = appendNew(f.feedback[format], value)
			}
		}
	}
	return f
}

// appendNew appends values that are not there.
func appendNew(all []string, values ...string) []string {
	for _, one := range values {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// readCodecs finds the payload types of H.264 with packetization-mode=1. Where there are none, those that do not say a mode are
// taken: that should mean mode 0, but GStreamer's whepsrc says none and takes all. mode0: one says that it takes mode 0 alone.
func readCodecs(m *sdp.MediaDescription) (found []Codec, mode0 bool) {
	f := readFormats(m)
	var silent []Codec // which do not say a mode
	for _, format := range m.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		isOf := func(c Codec) bool { return c.PayloadType == uint8(number) }
		if err != nil || !f.isH264[format] || number >= firstRTCP && number <= lastRTCP || slices.ContainsFunc(found, isOf) || slices.ContainsFunc(silent, isOf) {
			continue
		}
		id, mode := readParameters(f.parameters[format])
		c := Codec{uint8(number), id, appendNew(f.feedback[format], f.feedback["*"]...), mode == "1"}
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
	id = [3]byte{0x42, 0x00, 0x0a} // baseline, level 1, if it is not said (RFC 6184, section 8.1)
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

// Choose returns the codec that suits a stream with this profile-level-id best: one of the stream's profile, else constrained
// baseline, which every WebRTC implementation has (RFC 7742), else the first one. A level that is too low is no reason against one, as browsers
// decode more than they say.
func (o *Offer) Choose(stream [3]byte) Codec {
	best, most := o.Codecs[0], 0
	for _, c := range o.Codecs {
		if rank := suits(c.ProfileLevelID, stream); rank > most {
			best, most = c, rank
		}
	}
	return best
}
