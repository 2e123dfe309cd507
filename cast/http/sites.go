package http

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
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
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" {
		return true
	}
	return s.isOwnName(name)
}

// hostname is a Host header without its port, in small letters.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
}

// isOwnName reports whether a name, in small letters, is this machine's, or one of Options.Origins.
func (s *Server) isOwnName(name string) bool {
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

// ownUser is the user who runs this program.
var ownUser = unix.Geteuid

// sharedUser is whom Linux names for users that a namespace does not have, and whom programs run as that are to have no
// rights.
const sharedUser = 65534

// isOwnUser reports whether a request comes from a program on this machine that the user has started who runs this one,
// and that is no proxy as far as it says. Many proxies say nothing of those who ask them (nginx, unless it is told
// to), but run as users of their own. A loopback address and any header
// prove nothing: those who ask a proxy choose the headers.
func isOwnUser(r *http.Request) bool {
	peer, local := peers(r)
	own := ownUser()
	if !peer.Addr().IsLoopback() || isForwarded(r) || own == sharedUser {
		return false
	}
	uid, err := tcp.Owner(peer, local)
	return err == nil && int(uid) == own
}

// isForwarded reports whether a request says that it has come by a proxy, so that its address is the proxy's. Whatever
// the header's value is: a client may send an empty one, behind which a proxy adds its own.
func isForwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(name)) > 0 {
			return true
		}
	}
	return false
}
