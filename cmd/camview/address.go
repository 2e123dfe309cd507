package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/uri"
)

const (
	rtspScheme  = "rtsp"
	rtspsScheme = "rtsps"
	joinScheme  = "camcast"

	rtspPort  = 554 // RFC 2326, section 3.2
	rtspsPort = 322 // RFC 7826, section 4.2
	joinPort  = 5004
)

// address is what is to be watched.
type address struct {
	scheme string
	host   string // a name or an IP address, without brackets
	port   uint16
	stream string // the path without its first slash; for camcast:// the stream's name
	url    string // as it was given, with the password
	shown  string // without it
	// user and password are those of camcast://, empty if there are none.
	user, password string
}

// parseAddress understands rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, rtsps:// likewise, and
// camcast://[USER:PASSWORD@]HOST[:PORT]/[NAME].
func parseAddress(text string) (address, error) {
	wrong := func(what string) (address, error) {
		return address{}, fmt.Errorf("%q: %s, such as rtsp://HOST:8554/cam or camcast://HOST:5004/cam", uri.Redact(text), what)
	}
	u, err := uri.Parse(text)
	if err != nil {
		return wrong(err.Error())
	}
	a := address{scheme: u.Scheme, host: u.Host, stream: strings.TrimPrefix(uri.Unescape(u.Path), "/"), url: text, shown: u.String()}
	switch a.scheme {
	case rtspScheme:
		a.port = rtspPort
	case rtspsScheme:
		a.port = rtspsPort
	case joinScheme:
		a.port = joinPort
	default:
		return wrong("must begin with rtsp://, rtsps:// or camcast://")
	}
	if u.Port != "" {
		n, err := strconv.ParseUint(u.Port, 10, 16)
		if err != nil || n == 0 {
			return wrong(fmt.Sprintf("port %s must be 1 to 65535", u.Port))
		}
		a.port = uint16(n)
	}
	if a.scheme != joinScheme {
		return a, nil
	}
	a.user, a.password = u.User, u.Password
	switch {
	case u.Query != "" || u.HasFragment:
		return wrong("must be camcast://HOST:PORT/NAME and no more")
	case u.HasUser && (u.User == "" || u.Password == ""):
		return wrong("must have a user and a password before the @")
	case len(u.User) > join.MaxUserBytes:
		return wrong(fmt.Sprintf("the user's name is %d bytes, and must be at most %d", len(u.User), join.MaxUserBytes))
	case len(a.stream) > join.MaxNameBytes:
		return wrong(fmt.Sprintf("the name is %d bytes, and must be at most %d", len(a.stream), join.MaxNameBytes))
	}
	return a, nil
}

// isList reports whether a names a server but none of its streams.
func (a address) isList() bool { return a.scheme == joinScheme && a.stream == "" }
