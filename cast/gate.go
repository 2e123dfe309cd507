package cast

import (
	"fmt"
	"net/netip"
	"time"
)

// Protocol is how a reader has asked for a stream.
type Protocol uint8

const (
	// RTSP: by package cast/rtsp.
	RTSP Protocol = iota + 1
	// Join: by package cast/join, camcast://.
	Join
	// Send: a fixed destination, by Stream.SendTo.
	Send
)

// String is the protocol's name, as in URLs and logs.
func (p Protocol) String() string {
	switch p {
	case RTSP:
		return "rtsp"
	case Join:
		return "join"
	case Send:
		return "send"
	}
	return "unknown"
}

// Action is what somebody wants to do with a stream.
type Action uint8

const (
	// Describe: to learn what it is.
	Describe Action = iota + 1
	// Watch: to be sent it.
	Watch
)

// String is the action in a word.
func (a Action) String() string {
	switch a {
	case Describe:
		return "describe"
	case Watch:
		return "watch"
	}
	return "unknown"
}

// Request is what a Gate decides.
type Request struct {
	// Protocol is how it came, Peer from where, and Local the address of this machine that
	// it came to.
	Protocol    Protocol
	Peer, Local netip.AddrPort
	// Stream is the stream's name, and Action what is wanted of it.
	Stream string
	Action Action
	// Credentials are what came with the request; nil: none.
	Credentials Credentials
}

// Credentials say who makes a request. How they are checked is the protocol's: a password,
// a digest over a challenge.
type Credentials interface {
	// User is the name given, which anybody can give.
	User() string
	// Verify reports whether they are those of somebody with this password.
	Verify(password string) bool
}

// User is the name that came with the request, "" if none did. Verify tells whether it is true.
func (r Request) User() string {
	if r.Credentials == nil {
		return ""
	}
	return r.Credentials.User()
}

// Verify reports whether the request proves to come from somebody with this password. A
// request without credentials proves nothing.
func (r Request) Verify(password string) bool {
	return r.Credentials != nil && r.Credentials.Verify(password)
}

// Grant is what a Gate gives when it admits a request.
type Grant struct {
	// User is who it is, for the list of sessions and the log.
	User string
}

// Gate decides who may watch what. The limits of Config are checked besides.
type Gate interface {
	// Admit decides a request, and calls answer once: with a nil error to admit it, else with
	// the reason. A *Refusal chooses the kind of refusal; any other error is Forbidden, and its
	// text is shown to the one who asks. Admit is called on the loop and must not wait, but
	// answer may be called later, by any goroutine. A request that is not answered within
	// GateTimeout is refused as Unavailable; what is answered after that does not matter.
	Admit(r Request, answer func(Grant, error))
}

// GateTimeout is how long a Gate has for its answer.
const GateTimeout = 10 * time.Second

// Kind is a kind of refusal. Each protocol has its own words for it.
type Kind uint8

const (
	// NoSuchStream: no stream has that name (RTSP: 404).
	NoSuchStream Kind = iota + 1
	// Forbidden: the gate does not admit it (RTSP: 403).
	Forbidden
	// LimitReached: there are as many readers or connections as there may be (RTSP: 453).
	LimitReached
	// AddressLimitReached: there are as many of the address that asks (RTSP: 453).
	AddressLimitReached
	// Unavailable: not now, perhaps later (RTSP: 503).
	Unavailable
)

// Refusal is an error that says why a request is refused.
type Refusal struct {
	Kind Kind
	// Reason is shown to the one who asks, and logged.
	Reason string
	// RetryAfter is when it may be worth trying again; 0: nobody knows.
	RetryAfter time.Duration
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

// refuse makes a refusal.
func refuse(kind Kind, format string, values ...any) *Refusal {
	return &Refusal{Kind: kind, Reason: fmt.Sprintf(format, values...)}
}

// RefusalOf is the refusal that an error is: itself, or Forbidden for any other error.
func RefusalOf(err error) *Refusal {
	if r, ok := err.(*Refusal); ok {
		return r
	}
	return &Refusal{Kind: Forbidden, Reason: err.Error()}
}

// Admit asks the gate about a request to the stream that it names, and calls answer on the
// loop, before it returns or later. A front asks before it describes a stream or opens a
// session.
func (b *Broadcaster) Admit(r Request, answer func(Grant, error)) {
	answer = b.logRefused(r, answer)
	if b.Stream(r.Stream) == nil {
		answer(Grant{}, refuse(NoSuchStream, "no such stream"))
		return
	}
	if b.config.Gate == nil {
		answer(Grant{}, nil)
		return
	}
	open := true
	once := func(g Grant, err error) {
		if open && !b.closed {
			open = false
			answer(g, err)
		}
	}
	timeout := b.loop.NewTimer(func() { once(Grant{}, refuse(Unavailable, "no answer from the gate")) })
	timeout.SetAfter(GateTimeout)
	b.config.Gate.Admit(r, func(g Grant, err error) {
		// A loop that is closed has nobody who waits for the answer.
		_ = b.loop.Post(func() {
			timeout.Stop()
			once(g, err)
		})
	})
}

// logRefused has answer log a refusal, too.
func (b *Broadcaster) logRefused(r Request, answer func(Grant, error)) func(Grant, error) {
	return func(g Grant, err error) {
		if err != nil {
			b.LogRefusal(r.Peer, r.Protocol, r.Stream, err)
		}
		answer(g, err)
	}
}

// LogRefusal logs that a request was refused. Strangers can have thousands refused in a
// second, so there is one line a second at most, which says how many others there were.
func (b *Broadcaster) LogRefusal(peer netip.AddrPort, p Protocol, stream string, err error) {
	now := b.loop.Now()
	if now < b.refusals.quietUntil {
		b.refusals.unsaid++
		return
	}
	b.refusals.quietUntil = now + time.Second
	b.config.Log.Warn("reader refused: "+err.Error(), "peer", peer, "protocol", p, "stream", stream, "others", b.refusals.unsaid)
	b.refusals.unsaid = 0
}

// refusals is what is remembered of refusals that were not logged.
type refusals struct {
	quietUntil time.Duration
	unsaid     uint64
}
