package http

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// foreign says why a request may come from another site's page, "" if it does not.
func (s *Server) foreign(r *http.Request) string {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return "requests of other sites' pages are refused"
	}
	if !s.isOwnHost(r.Host) {
		return "this machine is not asked by that name: use its address, or have the program allow the name (--http-origin)"
	}
	return ""
}

// isOwnHost reports whether a Host header means this machine without doubt. Any other name may have been
// made to resolve to it by whoever owns that name.
func (s *Server) isOwnHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || name == "localhost" {
		return true
	}
	own := strings.ToLower(s.options.Hostname)
	if own != "" && (name == own || name == own+".local") {
		return true
	}
	for _, o := range s.options.Origins {
		if name == strings.ToLower(o) {
			return true
		}
	}
	return false
}
