package uri

import "strings"

const hexDigits = "0123456789ABCDEF"

// Escape is a part of a URL in which nothing stands that must be escaped. What is escaped already
// stays as it is, so that escaping twice is escaping once.
func Escape(s string) string {
	return escape(s, func(i int) bool { return isURLByte(s[i]) || isEscape(s[i:]) })
}

// escape escapes the bytes that may not stand as they are.
func escape(s string, may func(i int) bool) string {
	var out strings.Builder
	for i := range len(s) {
		if may(i) {
			out.WriteByte(s[i])
			continue
		}
		out.WriteByte('%')
		out.WriteByte(hexDigits[s[i]>>4])
		out.WriteByte(hexDigits[s[i]&15])
	}
	return out.String()
}

// EscapeName is a text that is to be a part of a path: nothing in it means anything to a URL.
func EscapeName(s string) string {
	return escape(s, func(i int) bool { return isURLByte(s[i]) && s[i] != '?' })
}

// Unescape replaces each %XX by the byte that it means. Any other "%" means itself.
func Unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if isEscape(s[i:]) {
			out.WriteByte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// isEscape reports whether s begins with an escape.
func isEscape(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHexDigit(s[1]) && isHexDigit(s[2])
}

func hexValue(b byte) byte {
	if isDigit(b) {
		return b - '0'
	}
	return b&^0x20 - 'A' + 10
}

// consistsOf reports whether all bytes of s are of a kind.
func consistsOf(s string, kind func(byte) bool) bool {
	for _, b := range []byte(s) {
		if !kind(b) {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

func isHexDigit(b byte) bool { return isDigit(b) || 'a' <= b|0x20 && b|0x20 <= 'f' }

// isUnreserved is RFC 3986's, section 2.3.
func isUnreserved(b byte) bool {
	return isLetter(b) || isDigit(b) || strings.IndexByte("-._~", b) >= 0
}

// isHostByte is for names; those that are not ASCII are resolved as they are.
func isHostByte(b byte) bool { return isUnreserved(b) || b >= 0x80 }

// isZoneByte is for the names of network interfaces.
func isZoneByte(b byte) bool { return isUnreserved(b) || b == ':' }

// isURLByte reports whether b may stand in an authority, a path or a query (RFC 3986, section 3).
func isURLByte(b byte) bool {
	return isUnreserved(b) || strings.IndexByte("!$&'()*+,;=:@/?", b) >= 0
}

// isScheme is RFC 3986's, section 3.1.
func isScheme(s string) bool {
	return s != "" && isLetter(s[0]) && consistsOf(s, func(b byte) bool { return isLetter(b) || isDigit(b) || strings.IndexByte("+-.", b) >= 0 })
}
