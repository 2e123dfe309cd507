package client

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/camcast/camcast/proto/uri"
)

// StatusError says that a server has refused a request.
type StatusError struct {
	Method string
	Status int // such as 404
	Reason string
	// Hint is what would help, if that is known.
	Hint string
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: %d %s", e.Method, e.Status, e.Reason)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

func refusal(p *pending, a *base.Response, hint string) error {
	return &StatusError{Method: string(p.request.Method), Status: int(a.StatusCode), Reason: clean(a.StatusMessage), Hint: clean(hint)}
}

// answered takes an answer and appends the request that follows from it.
func (c *Client) answered(now time.Duration, dst []byte, a *base.Response, r Receiver) ([]byte, error) {
	if len(a.Header["CSeq"]) == 0 && a.StatusCode >= base.StatusBadRequest && len(c.pending) > 0 {
		return dst, refusal(&c.pending[0], a, remedy(a)) // of the connection: no request was read
	}
	i := slices.IndexFunc(c.pending, func(p pending) bool { return slices.Contains(a.Header["CSeq"], p.cseq) })
	if i < 0 {
		return dst, nil // of a request that nobody has sent
	}
	p := c.pending[i]
	c.pending = slices.Delete(c.pending, i, i+1)
	if a.StatusCode == base.StatusUnauthorized && c.state < leaving {
		return c.authorize(now, dst, p, a)
	}
	switch {
	case p.request.Method == base.Teardown:
		c.state = done // whatever the server thinks of it
	case c.state == running:
		return dst, c.keptAlive(&p, a)
	case c.state != opening: // the answer to what was asked before leaving
	case p.request.Method == base.Options && !closes(a):
		c.options(a)
		c.playing.RoundTrip = now - p.sent
		return c.ask(now, dst, base.Describe, c.url, base.Header{"Accept": {"application/sdp"}}), nil
	case p.request.Method == base.Setup && a.StatusCode == base.StatusUnsupportedTransport && !c.tcp && c.config.FallBack:
		c.tcp = true
		return c.setup(now, dst), nil
	case a.StatusCode != base.StatusOK:
		return dst, refusal(&p, a, remedy(a))
	case p.request.Method == base.Describe:
		if err := c.describe(a); err != nil {
			return dst, fmt.Errorf("DESCRIBE: %w", err)
		}
		return c.setup(now, dst), nil
	case p.request.Method == base.Setup:
		if err := c.transport(a); err != nil {
			return dst, fmt.Errorf("SETUP: %w", err)
		}
		return c.ask(now, dst, base.Play, c.play, base.Header{"Range": {"npt=0.000-"}}), nil
	case p.request.Method == base.Play:
		c.state, c.next = running, now+c.timeout/2
		r.Playing(c.playing)
	}
	return dst, nil
}

// closes reports whether a server refuses to go on: it has answered an error, and hangs up.
func closes(a *base.Response) bool {
	return a.StatusCode >= base.StatusBadRequest && slices.ContainsFunc(a.Header["Connection"], func(v string) bool { return strings.EqualFold(v, "close") })
}

// remedy is what an answer says would help: where a stream has gone, by a redirection, when to try again, or which
// streams there are.
func remedy(a *base.Response) string {
	if a.StatusCode == base.StatusNotFound {
		return streams(a)
	}
	if to := a.Header["Location"]; len(to) > 0 {
		return fmt.Sprintf("it is now at %.200q", to[0])
	}
	if after := a.Header["Retry-After"]; len(after) > 0 {
		if seconds, err := strconv.ParseUint(after[0], 10, 31); err == nil {
			return fmt.Sprintf("try again in %d s", seconds)
		}
	}
	return ""
}

// streams is the list of streams in the answer to a path that none has, as a camcast server gives it: a URL on each line.
func streams(a *base.Response) string {
	var names []string
	for line := range strings.Lines(string(a.Body)) {
		u, err := uri.Parse(strings.TrimSpace(line))
		if err == nil && (u.Scheme == "rtsp" || u.Scheme == "rtsps") && len(u.Path) > 1 {
			names = append(names, uri.Unescape(u.Path[1:]))
		} else if len(names) > 0 {
			names = append(names, "...")
			break
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "the only stream is " + names[0]
	}
	return "the streams are " + strings.Join(names, ", ")
}

// authorize asks again, with the password.
func (c *Client) authorize(now time.Duration, dst []byte, p pending, a *base.Response) ([]byte, error) {
	if c.user == "" {
		return dst, refusal(&p, a, "put the user and the password into the URL, rtsp://USER:PASSWORD@HOST/...")
	}
	if p.retried && (p.renewed || !stale(a)) {
		hint := "the user or the password is wrong"
		if strings.Contains(a.StatusMessage, "password") {
			hint = "" // as the server says
		}
		return dst, refusal(&p, a, hint)
	}
	challenges := a.Header["WWW-Authenticate"]
	if !c.config.AllowBasic {
		asked := len(challenges)
		if challenges = slices.DeleteFunc(challenges, isBasic); len(challenges) == 0 && asked > 0 {
			return dst, ErrClearText
		}
	}
	sender := &auth.Sender{WWWAuth: challenges, User: c.user, Pass: c.pass}
	if err := sender.Initialize(); err != nil {
		return dst, refusal(&p, a, err.Error())
	}
	c.sender, p.retried, p.renewed = sender, true, p.retried
	return c.send(now, dst, p), nil
}

// isBasic reports whether a challenge asks for the password in clear text.
func isBasic(challenge string) bool {
	var h headers.Authenticate
	return h.Unmarshal(base.HeaderValue{challenge}) == nil && h.Method == headers.AuthMethodBasic
}

// stale reports whether a server has nothing against the password, but wants it proved by another nonce (RFC 7616, section
// 3.3).
func stale(a *base.Response) bool {
	return slices.ContainsFunc(a.Header["WWW-Authenticate"], func(v string) bool {
		var h headers.Authenticate
		return h.Unmarshal(base.HeaderValue{v}) == nil && h.Stale != nil && strings.EqualFold(*h.Stale, "true")
	})
}

// options chooses what keeps a session alive. A server that answers anything but 200 shows
// by the next answer what it can do.
func (c *Client) options(a *base.Response) {
	for _, list := range a.Header["Public"] {
		for method := range strings.SplitSeq(list, ",") {
			if strings.TrimSpace(method) == string(base.GetParameter) {
				c.alive = base.GetParameter
			}
		}
	}
}

// keptAlive takes the answer to what keeps the session alive.
func (c *Client) keptAlive(p *pending, a *base.Response) error {
	switch a.StatusCode {
	case base.StatusSessionNotFound:
		return refusal(p, a, "the server has forgotten the session")
	case base.StatusNotImplemented, base.StatusMethodNotAllowed:
		c.alive = base.Options
	}
	return nil
}

// setup appends the request for the track.
func (c *Client) setup(now time.Duration, dst []byte) []byte {
	t := "RTP/AVP/TCP;unicast;interleaved=0-1"
	if !c.tcp {
		t = fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", c.config.RTPPort, int(c.config.RTPPort)+1)
	}
	return c.ask(now, dst, base.Setup, c.control, base.Header{"Transport": {t}})
}

// transport takes SETUP's answer: the session, and which way packets will come.
func (c *Client) transport(a *base.Response) error {
	var session headers.Session
	if err := session.Unmarshal(a.Header["Session"]); err != nil || session.Session == "" {
		return errors.New("the answer has no session that can be read")
	}
	var t headers.Transport
	if err := t.Unmarshal(a.Header["Transport"]); err != nil {
		return fmt.Errorf("the answer has no transport that can be read: %s", clean(err.Error()))
	}
	if wantTCP := t.Protocol == headers.TransportProtocolTCP; wantTCP != c.tcp {
		return fmt.Errorf("the server chose another transport, %.200q", a.Header["Transport"][0])
	}
	if t.Delivery != nil && *t.Delivery == headers.TransportDeliveryMulticast {
		return errors.New("the server chose multicast, which was not asked for")
	}
	c.playing.UDP = !c.tcp
	if ids := t.InterleavedIDs; c.tcp && ids != nil {
		if ids[0] < 0 || ids[0] > 254 || ids[1] != ids[0]+1 {
			return fmt.Errorf("channels %d-%d: must be neighbours from 0 to 255", ids[0], ids[1])
		}
		c.channel = uint8(ids[0])
	}
	if ports := t.ServerPorts; !c.tcp && ports != nil {
		for _, port := range ports {
			if port < 1 || port > 65535 {
				return fmt.Errorf("server port %d: must be 1 to 65535", port)
			}
		}
		c.playing.RTPPort, c.playing.RTCPPort = uint16(ports[0]), uint16(ports[1])
	}
	if t.Source2 != nil {
		c.playing.Source, _ = netip.ParseAddr(*t.Source2) // a name is no help, nor is it needed
	}
	c.session = session.Session
	if session.Timeout != nil && *session.Timeout > 0 && *session.Timeout <= maxTimeoutSeconds {
		c.timeout = time.Duration(*session.Timeout) * time.Second
	}
	return nil
}

// maxTimeoutSeconds is the longest timeout that is believed: a day.
const maxTimeoutSeconds = 24 * 3600

// contentBase is what a description's URLs are relative to (RFC 2326, appendix C.1.1).
func (c *Client) contentBase(a *base.Response) *base.URL {
	for _, name := range []string{"Content-Base", "Content-Location"} {
		if v := a.Header[name]; len(v) > 0 {
			if u, err := c.at(v[0]); err == nil {
				return u
			}
		}
	}
	return c.url
}
