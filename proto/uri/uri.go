// Package uri reads the URLs of cameras as people type them and as players send them:
//
//	rtsp://USER:PASSWORD@HOST:PORT/PATH?QUERY
//
// net/url refuses some of these. Here a user and a password may contain any character that is
// not a control character, escaped or not, but for "/" in front of an "@" that could belong to
// the path. The zone of an IPv6 address may be written fe80::1%eth0, as ffmpeg does, and
// fe80::1%25eth0, as RFC 6874 has it. A "%" that begins no escape means itself.
//
// Nothing that this package returns shows the user and the password, but for the fields of those
// names.
package uri

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// URL is what a URL consists of.
type URL struct {
	Scheme string // in lower case
	// User and Password are unescaped. HasUser: there was an "@", though both may be empty.
	User, Password string
	HasUser        bool
	Host           string // without brackets; the zone of an IPv6 address behind a "%"
	Port           string // digits, "" if there are none
	Path           string // as written: empty, or from its first "/" on
	Query          string // as written: empty, or from the "?" on
	HasFragment    bool   // there was a "#" behind the path, which was cut off

	authority string // host and port, as written
}

// Parse reads a URL with a scheme and a host. A fragment is cut off. The error says what is
// wrong, and shows nothing of the text.
func Parse(text string) (URL, error) {
	for _, b := range []byte(text) {
		if b < ' ' || b == 0x7f {
			return URL{}, fmt.Errorf("a URL must not contain the control character %#02x", b)
		}
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !isScheme(scheme) {
		return URL{}, errors.New("must be a URL")
	}
	u := URL{Scheme: strings.ToLower(scheme)}
	tail, err := u.parseAuthority(rest)
	if err != nil {
		return URL{}, err
	}
	tail, _, u.HasFragment = strings.Cut(tail, "#")
	u.Path = tail
	if i := strings.IndexByte(tail, '?'); i >= 0 {
		u.Path, u.Query = tail[:i], tail[i:]
	}
	return u, nil
}

// parseAuthority reads what stands before the path, and returns what follows. The last "@"
// before the first "/" ends the user and the password. Where no host and port stand in front of
// that "/", it belongs to the password.
func (u *URL) parseAuthority(rest string) (tail string, err error) {
	for from := 0; ; {
		end := len(rest)
		if i := strings.IndexByte(rest[from:], '/'); i >= 0 {
			end = from + i
		}
		at := strings.LastIndexByte(rest[:end], '@')
		host := rest[at+1:]
		if i := strings.IndexAny(host, "/?#"); i >= 0 {
			host, tail = host[:i], host[i:]
		} else {
			tail = ""
		}
		if err = u.parseHost(host); err == nil {
			if u.HasUser = at >= 0; u.HasUser {
				user, password, _ := strings.Cut(rest[:at], ":")
				u.User, u.Password = Unescape(user), Unescape(password)
			}
			return tail, nil
		}
		next := strings.IndexByte(rest[end:], '@')
		if next < 0 {
			return "", err
		}
		from = end + next
	}
}

// ParseHost reads HOST or HOST:PORT, as in the Host header of HTTP.
func ParseHost(text string) (host, port string, err error) {
	var u URL
	err = u.parseHost(text)
	return u.Host, u.Port, err
}

var (
	errNoHost = errors.New("must name a host")
	errHost   = errors.New("must be a URL: the host is neither a name nor an address")
	errPort   = errors.New("must be a URL: the port is not a number")
)

// parseHost reads a host with or without a port.
func (u *URL) parseHost(text string) error {
	host, port, hasPort := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		inside, behind, closed := strings.Cut(text[1:], "]")
		address, err := parseIPv6(inside)
		if err != nil || !closed || behind != "" && behind[0] != ':' {
			return errHost
		}
		host, port, hasPort = address, strings.TrimPrefix(behind, ":"), behind != ""
	} else if host = Unescape(host); host == "" {
		return errNoHost
	} else if !consistsOf(host, isHostByte) {
		return errHost
	}
	if hasPort && !consistsOf(port, isDigit) {
		return errPort
	}
	u.Host, u.Port, u.authority = host, port, text
	return nil
}

// parseIPv6 reads what stands in brackets: an IPv6 address, perhaps with a zone.
func parseIPv6(text string) (string, error) {
	address, zone, hasZone := strings.Cut(text, "%")
	if len(zone) > 2 && strings.HasPrefix(zone, "25") {
		zone = zone[2:]
	}
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is6() || hasZone && (zone == "" || !consistsOf(zone, isZoneByte)) {
		return "", errHost
	}
	if hasZone {
		address += "%" + zone
	}
	return address, nil
}

// String is the URL without user, password and fragment. What must not stand in a URL as it is
// is escaped.
func (u URL) String() string { return u.Root() + Escape(u.Path) + Escape(u.Query) }

// Shown is String for those who need not know what else the URL says: what stands behind the first "=" of the path
// and the query is left out. Some cameras take their password there: "/user=admin&password=...".
func (u URL) Shown() string {
	tail := u.Path + u.Query
	if i := strings.IndexByte(tail, '='); i >= 0 {
		tail = tail[:i+1] + "..."
	}
	return u.Root() + Escape(tail)
}

// Root is the URL up to the port: what is in front of the path.
func (u URL) Root() string {
	return u.Scheme + "://" + escape(u.authority, func(i int) bool { return u.authority[i] < 0x80 })
}

// WithoutZone is the URL without the zone of an IPv6 address, which means nothing to other
// machines (RFC 6874, section 1).
func (u URL) WithoutZone() URL {
	if address, _, zoned := strings.Cut(u.Host, "%"); zoned {
		u.Host = address
		if u.authority = "[" + address + "]"; u.Port != "" {
			u.authority += ":" + u.Port
		}
	}
	return u
}

// Redact is a text that may be a URL, to be shown in an error: without user and password.
func Redact(text string) string {
	u, err := Parse(text)
	switch {
	case err == nil && u.HasUser:
		return u.String()
	case err == nil:
		return text
	}
	begin := 0
	if i := strings.Index(text, "://"); i >= 0 {
		begin = i + len("://")
	}
	at := strings.LastIndexByte(text, '@')
	if at < begin {
		return text
	}
	return text[:begin] + text[at+1:]
}

// RedactIn is a text of another program, such as a line of its log, to be shown: of each URL in it, up to the next
// white space, without user and password, and without what stands behind the first "=", as of Shown.
func RedactIn(text string) string {
	var shown strings.Builder
	for {
		before, after, found := strings.Cut(text, "://")
		shown.WriteString(before)
		if !found {
			return shown.String()
		}
		shown.WriteString("://")
		end := strings.IndexFunc(after, unicode.IsSpace)
		if end < 0 {
			end = len(after)
		}
		rest := after[strings.LastIndexByte(after[:end], '@')+1 : end]
		if i := strings.IndexByte(rest, '='); i >= 0 {
			rest = rest[:i+1] + "..."
		}
		shown.WriteString(rest)
		text = after[end:]
	}
}
