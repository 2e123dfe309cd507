package join

import (
	"errors"
	"fmt"
	"time"
)

// Client is a reader's side of joining, or of asking for the list. The caller sends what
// its methods append to the broadcaster, and calls Expire when Next has come. It hands in
// only what comes from the broadcaster's address. Times are on one clock, any that does not
// go back. A Client keeps none of the buffers it is given, and belongs to one goroutine.
type Client struct {
	request  Request
	user     []byte // who asks, empty: nobody says so
	key      Key
	done     bool
	accepted *Acceptance
	streams  []Stream
	total    int // of streams, as it was told last
	changes  int // how often that was another than before
	// asked is when the request was sent last, wait how long an answer is awaited, and
	// since when there was none.
	asked, wait, since time.Duration
	challenges         int
}

// The times of PROTOCOL.md, section 8.
const (
	firstWait = 500 * time.Millisecond
	mostWait  = 4 * time.Second
	patience  = 10 * time.Second
	// mostChallenges is how often a new cookie may be given for one that was not taken.
	mostChallenges = 5
	// mostChanges is how often a list that changes is asked for from the beginning.
	mostChanges = 3
)

var (
	// ErrNoAnswer says that nobody answers.
	ErrNoAnswer = errors.New("no answer: is there a broadcaster at that address?")
	// ErrChallenges says that no cookie was good enough, as when each request comes
	// from another address.
	ErrChallenges = errors.New("the broadcaster takes none of the cookies it has given: does something on the way change the address?")
)

// RefusedError says that the broadcaster has refused.
type RefusedError struct {
	Reason Reason
	// Proved: the request had a user and a proof of the password.
	Proved bool
}

func (e *RefusedError) Error() string {
	if e.Reason == Unauthorized && e.Proved {
		return "the broadcaster refuses: the user or the password is wrong"
	}
	return "the broadcaster refuses: " + e.Reason.String()
}

// NewClient makes a client that asks to join a stream, of at most MaxNameBytes: the only one
// there is if the name is empty. ssrc is the reader's own, and nonce 8 bytes that nobody can
// guess.
func NewClient(stream string, ssrc uint32, nonce Nonce) *Client {
	return &Client{request: Request{SSRC: ssrc, Nonce: nonce, Stream: []byte(stream)}}
}

// NewListClient makes a client that asks for the list of streams.
func NewListClient(ssrc uint32, nonce Nonce) *Client {
	return &Client{request: Request{List: true, SSRC: ssrc, Nonce: nonce}}
}

// SetUser has a client ask in the name of a user, of at most MaxUserBytes, and prove that by the
// key of the password. It is called before Start. Broadcasters that want no password ignore it.
func (c *Client) SetUser(user string, key Key) { c.user, c.key = []byte(user), key }

// Format prints no key, whatever the verb.
func (*Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// Start appends the first request.
func (c *Client) Start(now time.Duration, dst []byte) []byte {
	c.since, c.wait = now, firstWait
	return c.ask(now, dst)
}

func (c *Client) ask(now time.Duration, dst []byte) []byte {
	c.asked = now
	if c.request.Cookie != (Cookie{}) && len(c.user) > 0 { // without a cookie there is nothing to prove
		c.request.User = c.user
		c.request.Prove(c.key)
	}
	return AppendRequest(dst, c.request)
}

// Receive takes a message and appends what is to be answered, if anything. A message that is
// none, or answers another request, changes nothing. After an error, which is ErrChallenges
// or a *RefusedError, all is over.
func (c *Client) Receive(now time.Duration, packet, dst []byte) ([]byte, error) {
	a, err := ParseAnswer(packet)
	if err != nil || a.Nonce != c.request.Nonce || c.done {
		return dst, nil
	}
	c.since, c.wait = now, firstWait
	switch {
	case a.Challenge != nil:
		if c.challenges++; c.challenges > mostChallenges {
			c.done = true
			return dst, ErrChallenges
		}
		c.request.Cookie = *a.Challenge
		return c.ask(now, dst), nil
	case a.Refused != 0:
		c.done = true
		return dst, &RefusedError{Reason: a.Refused, Proved: len(c.request.User) > 0}
	case a.Accepted != nil && !c.request.List:
		c.done, c.accepted = true, a.Accepted
	case a.Streams != nil && c.request.List && a.Streams.First == len(c.streams):
		c.challenges = 0
		if len(c.streams) > 0 && a.Streams.Total != c.total && c.changes < mostChanges {
			c.changes++
			c.streams, c.request.First = nil, 0
			return c.ask(now, dst), nil
		}
		c.total = a.Streams.Total
		c.streams = append(c.streams, a.Streams.Streams...)
		if len(a.Streams.Streams) == 0 || len(c.streams) >= a.Streams.Total {
			c.done = true
			return dst, nil
		}
		c.request.First = uint8(len(c.streams))
		return c.ask(now, dst), nil
	}
	return dst, nil
}

// Next is when Expire is due. It is false when all is over.
func (c *Client) Next() (time.Duration, bool) { return c.asked + c.wait, !c.done }

// Expire asks again, as a packet may be lost, or gives up with ErrNoAnswer.
func (c *Client) Expire(now time.Duration, dst []byte) ([]byte, error) {
	if c.done {
		return dst, nil
	}
	if now-c.since >= patience {
		c.done = true
		return dst, ErrNoAnswer
	}
	c.wait = min(2*c.wait, mostWait)
	return c.ask(now, dst), nil
}

// Accepted is what was said of the stream, nil while the reader has not joined. It is the
// caller's.
func (c *Client) Accepted() *Acceptance { return c.accepted }

// Streams are those of the list, once it is complete.
func (c *Client) Streams() (all []Stream, complete bool) { return c.streams, c.done && c.request.List }
