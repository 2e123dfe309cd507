package rtsp

import (
	"strings"

	"github.com/camcast/camcast/proto/uri"
)

// trackSuffix is how the URL of a stream's only track goes on.
const trackSuffix = "/trackID=0"

// trackSuffixes are the forms of it that are understood: players that keep descriptions ask for
// the track by the name that another server gave it.
var trackSuffixes = []string{trackSuffix, "/streamid=0"}

// A target is what a request's URL means.
type target struct {
	star  bool   // "*": the server itself
	url   string // as the client wrote it, without credentials, fragment and trailing slashes
	root  string // of the server: the beginning of url, up to the port
	base  string // of the stream: url without the track
	path  string // of the stream, unescaped, without the slashes around it
	track bool   // the URL named the track
}

// parseTarget reads "*" or an absolute rtsp URL with a host (RFC 2326 section 3.2), as package uri does.
func parseTarget(text string) (target, bool) {
	if text == "*" {
		return target{star: true}, true
	}
	u, err := uri.Parse(text)
	if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return target{}, false
	}
	t := target{url: strings.TrimRight(u.String(), "/"), root: u.Root()}
	t.base, t.track = cutTrack(t.url)
	// With a query the track may stand behind it, where a client appends it, or before it, where one resolves it.
	path, inPath := cutTrack(strings.TrimRight(uri.Unescape(u.Path), "/"))
	t.track = t.track || inPath
	t.path = strings.Trim(path, "/")
	return t, true
}

// cutTrack returns s without the track at its end, if it has one.
func cutTrack(s string) (before string, found bool) {
	for _, suffix := range trackSuffixes {
		if before, found = strings.CutSuffix(s, suffix); found {
			return before, true
		}
	}
	return s, false
}
