package rtsp

import (
	"strconv"
	"strings"
)

// playableRange reports whether a PLAY can be honoured with "from now on". Every time is now in a live stream, so only
// NPT ranges that cannot be read, or that end before they start, are refused (RFC 2326 section 3.6). SMPTE and clock
// ranges are not looked into.
func playableRange(value string) bool {
	value, _, _ = strings.Cut(value, ";") // ";time=" says when to start, which is now
	unit, span, ok := strings.Cut(strings.TrimSpace(value), "=")
	if value == "" || !strings.EqualFold(unit, "npt") {
		return true
	}
	from, to, dash := strings.Cut(span, "-")
	if !ok || !dash || from == "" && to == "" {
		return false
	}
	start, startOK := parseNPT(from)
	end, endOK := parseNPT(to)
	if !startOK || !endOK {
		return false
	}
	return start < 0 || end < 0 || start <= end
}

// parseNPT reads a time in seconds: "now", 12.5 or 1:02:03.5. It is -1 for an open end and for now.
func parseNPT(s string) (seconds float64, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || s == "now" {
		return -1, true
	}
	fields := strings.Split(s, ":")
	if len(fields) != 1 && len(fields) != 3 {
		return 0, false
	}
	for _, field := range fields {
		whole, fraction, dot := strings.Cut(field, ".")
		if !isDigits(whole) || dot && fraction != "" && !isDigits(fraction) {
			return 0, false
		}
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, false
		}
		seconds = seconds*60 + n
	}
	return seconds, true
}
