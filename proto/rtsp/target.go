package rtsp

import (
	"net/url"
	"strings"
)

// trackSuffix is how the URL of a stream's only track goes on.
const trackSuffix = "/trackID=0"

// A target is what a request's URL means.
type target struct {
	star  bool   // "*": the server itself
	url   string // as the client wrote it, without credentials, fragment and trailing slashes
	base  string // of the stream: url without the track
	path  string // of the stream, unescaped, without the slashes around it
	track bool   // the URL named the track
}

// parseTarget reads "*" or an absolute rtsp URL with a host (RFC 2326 section 3.2).
func parseTarget(uri string) (target, bool) {
	if uri == "*" {
		return target{star: true}, true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return target{}, false
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	t := target{url: strings.TrimRight(u.String(), "/")}
	t.base, t.track = strings.CutSuffix(t.url, trackSuffix)
	// With a query the track may stand behind it, where a client appends it, or before it, where one resolves it.
	path, inPath := strings.CutSuffix(strings.TrimRight(u.Path, "/"), trackSuffix)
	t.track = t.track || inPath
	t.path = strings.Trim(path, "/")
	return t, true
}
