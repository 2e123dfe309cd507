package rtsp

import (
	"strconv"
	"strings"
)

// An offer is one transport of a client's Transport header that could be used.
type offer struct {
	protocol          Protocol
	sealed            bool   // SRTP
	rtpPort, rtcpPort uint16 // UDP: both 1 to 65535
	proposed          bool   // TCP: the client has asked for channel and channel+1
	channel           uint8  // at most 254
}

// maxOffers is how many transports of a request are tried: clients name three at most.
const maxOffers = 16

// parseTransports reads Transport headers (RFC 2326 section 12.39): lists of transports, in the order of the client's
// preference, of which maxOffers count. A transport that is unknown, for recording, contradictory or out of range is left
// out, the others count.
func parseTransports(values []string) []offer {
	var offers []offer
	for _, spec := range splitQuoted(strings.Join(values, ","), ',') {
		if o, ok := parseTransport(spec); ok && len(offers) < maxOffers {
			offers = append(offers, o)
		}
	}
	return offers
}

func parseTransport(spec string) (offer, bool) {
	params := splitQuoted(spec, ';')
	var o offer
	switch strings.ToUpper(strings.TrimSpace(params[0])) {
	case "RTP/AVP", "RTP/AVP/UDP":
		o.protocol = UDP
	case "RTP/AVP/TCP":
		o.protocol = TCP
	case "RTP/SAVP", "RTP/SAVP/UDP":
		o.protocol, o.sealed = UDP, true
	case "RTP/SAVP/TCP":
		o.protocol, o.sealed = TCP, true
	default:
		return o, false
	}
	var unicast, multicast bool
	for _, param := range params[1:] {
		key, value, _ := strings.Cut(param, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		usable := true
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "unicast":
			unicast = true
		case "multicast":
			multicast = true
		case "client_port":
			o.rtpPort, o.rtcpPort, usable = parsePorts(value)
		case "interleaved":
			o.channel, o.proposed, usable = parseChannels(value)
		case "mode":
			usable = isPlayMode(value)
		}
		// All others are ignored, destination above all: media goes to the TCP peer.
		if !usable {
			return o, false
		}
	}
	return o, o.decide(unicast, multicast)
}

// decide settles what the lower transport and the delivery mean together, and whether they can.
func (o *offer) decide(unicast, multicast bool) bool {
	switch {
	case unicast && multicast, multicast && o.protocol == TCP:
		return false
	case o.protocol == TCP:
		return true
	case multicast, !unicast && o.rtpPort == 0: // multicast is the default of RFC 2326
		if o.sealed {
			return false // a group's key would be everybody's
		}
		o.protocol = Multicast
		o.rtpPort, o.rtcpPort = 0, 0
		return true
	}
	return o.rtpPort != 0
}

// parsePorts reads "rtp-rtcp", or "rtp" alone with RTCP one above.
func parsePorts(value string) (rtp, rtcp uint16, ok bool) {
	first, second, both := parsePair(value)
	if !both || first < 1 || second < 1 || second > 65535 || first > 65535 {
		return 0, 0, false
	}
	return uint16(first), uint16(second), true
}

// parseChannels reads "rtp-rtcp", or "rtp" alone. Channels that are not neighbours are no proposal: the server chooses.
func parseChannels(value string) (channel uint8, proposed, ok bool) {
	first, second, both := parsePair(value)
	if !both || first > 255 || second > 255 {
		return 0, false, false
	}
	if second != first+1 {
		return 0, false, true
	}
	return uint8(first), true, true
}

// parsePair reads "a-b", or "a" for a and a+1.
func parsePair(value string) (first, second int, ok bool) {
	a, b, both := strings.Cut(value, "-")
	first, ok = parseNumber(a)
	if !ok {
		return 0, 0, false
	}
	if !both {
		return first, first + 1, true
	}
	second, ok = parseNumber(b)
	return first, second, ok
}

func parseNumber(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if !isDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// isPlayMode reports whether a mode parameter, a list, asks for nothing but PLAY.
func isPlayMode(value string) bool {
	for mode := range strings.SplitSeq(value, ",") {
		if !strings.EqualFold(strings.Trim(strings.TrimSpace(mode), `"`), "PLAY") {
			return false
		}
	}
	return true
}

// splitQuoted splits s at each sep that is not within double quotes.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
