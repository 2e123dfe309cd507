package rtsp

import (
	"encoding/base64"
	"strings"
)

// parseKeyMgmt reads the header KeyMgmt of a request (RFC 4567 section 4.2): prot=mikey;uri="...";data="...". The URI is not
// needed, as a stream has one track. Without a header there is no message.
func parseKeyMgmt(values []string) (message string, ok bool) {
	if len(values) == 0 {
		return "", true
	}
	if len(values) > 1 {
		return "", false
	}
	var protocol, data string
	for _, param := range splitQuoted(values[0], ';') {
		key, value, _ := strings.Cut(param, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "prot":
			protocol = value
		case "data":
			data = value
		}
	}
	decoded, err := base64.StdEncoding.DecodeString(data)
	return string(decoded), err == nil && len(decoded) > 0 && strings.EqualFold(protocol, "mikey")
}

// appendKeyMgmt appends the header KeyMgmt of an answer.
func appendKeyMgmt(out []byte, url string, message []byte) []byte {
	out = append(out, `KeyMgmt: prot=mikey;uri="`...)
	out = append(out, url...)
	out = append(out, `";data="`...)
	out = base64.StdEncoding.AppendEncode(out, message)
	return append(out, "\"\r\n"...)
}
