package cast

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
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
	// HTTP: by package cast/http.
	HTTP
	// WebRTC: by package cast/webrtc; what it asks comes by HTTP.
	WebRTC
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
	case HTTP:
		return "http"
	case WebRTC:
		return "webrtc"
	}
	return "unknown"
}

// MarshalText is String, so that logs and JSON have the name. The error is always nil.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Action is what somebody wants to do with a stream.
type Action uint8

const (
	// Describe: to learn what it is.
	Describe Action = iota + 1
	// Watch: to be sent it.
	Watch
	// List: to learn which streams there are. The request names none.
	List
	// Identify: to learn who asks, and so what of the streams may be shown (Grant.MayWatch) and what may be
	// changed (Grant.Admin). The request names no stream.
	Identify
)

// String is the action in a word.
func (a Action) String() string {
	switch a {
	case Describe:
		return "describe"
	case Watch:
		return "watch"
	case List:
		return "list"
	case Identify:
		return "identify"
	}
	return "unknown"
}

// Request is what a Gate decides.
type Request struct {
	// Protocol is how it came, Peer from where, and Local the address of this machine that
	// it came to. IPv4 addresses are IPv4 ones (Addr.Is4), also when the program listens on
	// "[::]", so that they can be compared.
	Protocol    Protocol
	Peer, Local netip.AddrPort
	// Secure: it came by an encrypted connection (rtsps://).
	Secure bool
	// Stream is the stream's name, and Action what is wanted of it. It is empty where the list is
	// or who asks is asked for, and where a stream is asked for that there is not: a gate that admits such a
	// request lets the one who asks know that, and one that refuses it does not.
	Stream string
	Action Action
	// Credentials are what came with the request; nil: none.
	Credentials Credentials
}

// User is the name that came with the request, "" if none did. Anybody can give any name: Verify says
// whether it is true.
func (r Request) User() string {
	if r.Credentials == nil {
		return ""
	}
	return r.Credentials.User()
}

// Verify reports whether the request proves to come from somebody with this secret. A request
// without credentials proves nothing. The time that it takes does not depend on what is wrong. Any
// goroutine may call it.
func (r Request) Verify(secret Secret) bool {
	return r.Credentials != nil && r.Credentials.Verify(secret)
}

// Grant is what a Gate gives when it admits a request.
type Grant struct {
	// User is who it is, for the list of sessions and the log.
	User string
	// Admin: the user may see and end readers, and change what cameras do. Without a gate everybody is one
	// who asks from a loopback address; package cast/http then also wants the program to be of the user who runs this one.
	Admin bool
	// MayWatch reports which streams the user may watch, of those that there are when it is called, on the loop;
	// nil: all.
	MayWatch func(stream string) bool
	// Valid, if it is not nil, is called when a session is opened or a stream is described, which may
	// be some seconds later: a gate that has changed its mind returns false.
	Valid func() bool
}

// Check returns a *Refusal if the grant does not hold any more, nil if it does. OpenSession calls it,
// and a front before it describes a stream that it has waited for.
func (g Grant) Check() error {
	if g.Valid != nil && !g.Valid() {
		return refuse(Unauthorized, "it was granted, but is not any more")
	}
	return nil
}

// Gate decides who may watch what. The limits of Config are checked besides.
//
// A gate that wants passwords keeps a Secret of each user (NewSecret), admits requests that
// Request.Verify finds to prove it, and refuses others as Unauthorized: players are then asked for the
// password. Package auth has such a gate, with users from a file.
type Gate interface {
	// Admit decides a request, and calls answer once: with a nil error to admit it, else with
	// the reason. A *Refusal chooses the kind of refusal. Any other error is Forbidden, and RTSP
	// players are shown its text (the join protocol has no room for one).
	//
	// Admit is called on the loop and must not wait; it may call any method of the Broadcaster,
	// its streams and sessions. answer may be called at once or later, by any goroutine. A
	// request that is not answered within GateTimeout is refused as Unavailable. Answers after
	// that, after the first one, or after the reader has hung up, change nothing.
	//
	// At most 4096 requests wait for their answers at once, and at most 256 of one address, or
	// of one /64 of IPv6: others are refused as Busy.
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
	// Unauthorized: the request has no credentials, or wrong ones (RTSP: 401, with a challenge).
	Unauthorized
	// LimitReached: there are as many readers or connections as there may be (RTSP: 453; a
	// connection is refused by 503).
	LimitReached
	// AddressLimitReached: there are as many readers or connections of the reader's address as
	// there may be (RTSP: as LimitReached).
	AddressLimitReached
	// Unavailable: not now, perhaps later (RTSP: 503).
	Unavailable
	// Busy: so many requests, of the same address or of all, wait for the gate that it is not
	// asked about another one (RTSP: 503; a request to join is dropped, and comes again).
	Busy
	// AddressRefused: nothing is sent to that address by UDP (RTSP: 461).
	AddressRefused
	// AddressTaken: another reader is at that address (RTSP: 453).
	AddressTaken
	// NotCarried: what is asked for cannot be made of the stream's frames (HTTP: 406).
	NotCarried
)

// String is the kind in words.
func (k Kind) String() string {
	switch k {
	case NoSuchStream:
		return "no such stream"
	case Unauthorized:
		return "unauthorized"
	case LimitReached:
		return "limit reached"
	case AddressLimitReached:
		return "limit of the address reached"
	case Unavailable:
		return "unavailable"
	case Busy:
		return "busy"
	case AddressRefused:
		return "address refused"
	case AddressTaken:
		return "address taken"
	case NotCarried:
		return "not acceptable"
	}
	return "forbidden"
}

// Refusal is an error that says why a request is refused.
type Refusal struct {
	// Kind chooses the protocol's word for it; 0 is Forbidden.
	Kind Kind
	// Reason is logged, and shown to the one who asks if the protocol can carry it. It may be
	// empty.
	Reason string
	// RetryAfter is when it may be worth trying again; 0: nobody knows.
	RetryAfter time.Duration
}

// Error is the reason, or the kind where there is none.
func (r *Refusal) Error() string { return cmp.Or(r.Reason, r.Kind.String()) }

// refuse makes a refusal.
func refuse(kind Kind, format string, values ...any) *Refusal {
	return &Refusal{Kind: kind, Reason: fmt.Sprintf(format, values...)}
}

// RefusalOf is the refusal that an error means: the one in its chain of errors, Unavailable for
// ErrClosed, and Forbidden for any other error. Its Kind is not 0.
func RefusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		if r.Kind == 0 {
			r = &Refusal{Kind: Forbidden, Reason: r.Reason, RetryAfter: r.RetryAfter}
		}
		return r
	}
	if errors.Is(err, ErrClosed) {
		return refuse(Unavailable, "the stream has ended")
	}
	return &Refusal{Kind: Forbidden, Reason: err.Error()}
}

// Admit asks the gate about a request, and calls answer on the loop, once: before Admit returns, or
// later. A front asks before it describes a stream, opens a session or lists the streams, and
// before it says that there is no such stream: Request.Stream is empty then, and the answer is
// NoSuchStream if the gate does not refuse. stop withdraws the request, as when its connection has
// closed: answer is not called any more. The error is a *Refusal, or whatever the gate has
// answered.
func (b *Broadcaster) Admit(r Request, answer func(Grant, error)) (stop func()) {
	q := &question{broadcaster: b, request: r, answer: answer}
	q.timeout = b.loop.NewAwakeTimer(func() { q.decide(Grant{}, refuse(Unavailable, "no answer from the gate")) })
	switch {
	case !b.config.Allow.allows(r.Protocol, r.Peer.Addr()):
		q.decide(Grant{}, errNotAllowed)
	case b.config.Gate == nil:
		q.decide(Grant{Admin: r.Peer.Addr().IsLoopback()}, nil)
	default:
		if err := b.roomForQuestion(r.Peer.Addr()); err != nil {
			q.decide(Grant{}, err)
			break
		}
		q.ask()
	}
	return q.stop
}

// question is a request that the gate has not decided yet.
type question struct {
	broadcaster *Broadcaster
	request     Request
	answer      func(Grant, error) // nil: it is answered or withdrawn
	counted     bool               // among the undecided
	timeout     *loop.Timer
}

// ask asks the gate.
func (q *question) ask() {
	b := q.broadcaster
	q.counted = true
	b.limits.undecided.add(q.request.Peer.Addr())
	q.timeout.SetAfter(GateTimeout)
	b.config.Gate.Admit(q.request, func(g Grant, err error) {
		// A loop that is closed has nobody who waits for the answer.
		_ = b.loop.Post(func() { q.decide(g, err) })
	})
	if b.closed { // by the gate
		q.stop()
	}
}

// stop withdraws the question.
func (q *question) stop() {
	q.answer = nil
	q.timeout.Stop()
	if q.counted {
		q.counted = false
		q.broadcaster.limits.undecided.remove(q.request.Peer.Addr())
	}
}

// onlyAsked reports whether a request is refused as it has no credentials. Players ask so first: it
// is nothing to log.
func (q *question) onlyAsked(err error) bool {
	return q.request.Credentials == nil && RefusalOf(err).Kind == Unauthorized
}

// decide answers the question, unless that was done before.
func (q *question) decide(g Grant, err error) {
	answer := q.answer
	q.stop()
	if answer == nil || q.broadcaster.closed {
		return
	}
	r := &q.request
	if err == nil && r.Action != List && r.Action != Identify && q.broadcaster.Stream(r.Stream) == nil {
		err = &Refusal{Kind: NoSuchStream}
	}
	if err != nil && !q.onlyAsked(err) {
		q.broadcaster.LogRefusal(r.Peer, r.Protocol, r.Stream, err)
	}
	answer(g, err)
}
