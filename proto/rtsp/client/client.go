package client

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/uri"
)

// Config is what a Client is to play, and how.
type Config struct {
	// URL is that of the stream, rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, as package uri reads
	// it. Requests and errors show it without the user, the password and the zone of an address.
	URL string
	// UserAgent is how the program names itself.
	UserAgent string
	// RTPPort is the caller's UDP port for RTP, and the next one that for RTCP. 0: packets
	// are to come on the connection, interleaved.
	RTPPort uint16
	// FallBack has packets come on the connection if the server refuses UDP.
	FallBack bool
	// AllowBasic has the password be sent in clear text (RFC 7617) to a server that takes it in no
	// other way. Without it the error is ErrClearText then.
	AllowBasic bool
}

// Receiver is told what a Client receives. Its methods may call Close of the client, and
// no other one.
type Receiver interface {
	// Playing is called once, when the server sends from now on.
	Playing(Playing)
	// RTP and RTCP are packets that came on the connection. They may be read until the
	// call returns.
	RTP(packet []byte)
	RTCP(packet []byte)
}

// Playing is what is known when a server begins to send.
type Playing struct {
	// UDP tells whether packets come by UDP. If so, Source is where from, unless that is
	// the address of the connection's peer (then it is invalid), and RTPPort and RTCPPort
	// are the server's; 0 if it did not tell.
	UDP               bool
	Source            netip.Addr
	RTPPort, RTCPPort uint16
	// RoundTrip is how long the server took to answer the first request.
	RoundTrip time.Duration
	// Format is what the packets carry. ParameterSets are those of H.264 and H.265 that the
	// description has; the stream may have others.
	Format        media.Format
	ParameterSets [][]byte
	// Width and Height are the pictures' size in pixels, 1 to 65535, as the description has it
	// (a=x-dimensions): packets of pictures larger than 2040 do not say it. 0: not described.
	Width, Height int
	// FramesPerSecond is their rate as the description has it (a=framerate), more than 0 and at most
	// 1000. 0: not described.
	FramesPerSecond float64
}

// answerTime is how long a server may take to answer.
const answerTime = 10 * time.Second

// defaultTimeout is after how long a server forgets a silent reader, if it does not tell
// (RFC 2326, section 12.37).
const defaultTimeout = 60 * time.Second

var (
	// ErrNoAnswer says that a request was not answered in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrClearText says that a server takes the password in clear text alone, and Config.AllowBasic is not set.
	ErrClearText = errors.New("the server wants the password in clear text (Basic)")
	// ErrClosed is returned by what is called after Close or an error.
	ErrClosed = errors.New("the client is closed")
)

// Client is one conversation with a server. When the connection is lost it is over: make
// another one.
type Client struct {
	config Config
	url    *base.URL // without user, password and zone
	user   string
	pass   string
	sender *auth.Sender // once the server has wanted the password

	cseq    int
	pending []pending // requests that were not answered, the oldest first

	control *base.URL // of the track
	play    *base.URL // of the presentation
	session string
	timeout time.Duration
	alive   base.Method // what keeps the session alive
	next    time.Duration
	tcp     bool
	channel uint8 // of RTP; RTCP's is the next
	playing Playing
	state   state

	partial []byte // the beginning of a message
}

type state uint8

const (
	idle state = iota
	opening
	running // after PLAY was answered
	leaving
	done
	closed
)

// pending is a request that was sent.
type pending struct {
	request base.Request
	cseq    string
	sent    time.Duration
	retried bool // with the password
	renewed bool // and with another nonce
}

// New makes a client, or says what is wrong with the URL.
func New(c Config) (*Client, error) {
	parts, u, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("RTSP URL %q: %w", uri.Redact(c.URL), err)
	}
	return &Client{
		config: c, url: u, user: parts.User, pass: parts.Password, tcp: c.RTPPort == 0, alive: base.Options, timeout: defaultTimeout,
	}, nil
}

// Start appends the first request; the connection must be there.
func (c *Client) Start(now time.Duration, dst []byte) []byte {
	c.state = opening
	return c.ask(now, dst, base.Options, c.url, nil)
}

// ask appends a request.
func (c *Client) ask(now time.Duration, dst []byte, method base.Method, u *base.URL, header base.Header) []byte {
	if header == nil {
		header = base.Header{}
	}
	if c.session != "" {
		header["Session"] = base.HeaderValue{c.session}
	}
	if c.config.UserAgent != "" {
		header["User-Agent"] = base.HeaderValue{c.config.UserAgent}
	}
	return c.send(now, dst, pending{request: base.Request{Method: method, URL: u, Header: header}})
}

// send appends a request, perhaps for the second time.
func (c *Client) send(now time.Duration, dst []byte, p pending) []byte {
	c.cseq++
	p.cseq, p.sent = fmt.Sprint(c.cseq), now
	p.request.Header["CSeq"] = base.HeaderValue{p.cseq}
	if c.sender != nil {
		c.sender.AddAuthorization(&p.request)
	}
	text, err := p.request.Marshal()
	if err != nil { // it has no way to fail
		panic(err)
	}
	c.pending = append(c.pending, p)
	return append(dst, text...)
}

// Leave appends the end of the session, if there is one. Done tells when it is answered.
func (c *Client) Leave(now time.Duration, dst []byte) []byte {
	if c.session == "" || c.state >= leaving {
		c.state = max(c.state, done)
		return dst
	}
	c.state = leaving
	return c.ask(now, dst, base.Teardown, c.play, nil)
}

// Leaving reports whether Leave was called, and its answer has not come.
func (c *Client) Leaving() bool { return c.state == leaving }

// Done reports whether the session is over, after Leave.
func (c *Client) Done() bool { return c.state == done }

// Close says that the connection is of no use any more.
func (c *Client) Close() { c.state, c.partial = closed, nil }

// Next is when Expire is due. It is false if nothing is waited for.
func (c *Client) Next() (time.Duration, bool) {
	switch {
	case c.state >= done:
		return 0, false
	case len(c.pending) > 0:
		return c.pending[0].sent + answerTime, true
	}
	return c.next, c.state == running
}

// Expire appends what keeps the session alive when that is due. It fails when a request
// was not answered in time.
func (c *Client) Expire(now time.Duration, dst []byte) ([]byte, error) {
	next, ok := c.Next()
	switch {
	case !ok || now < next:
		return dst, nil
	case len(c.pending) > 0:
		method := c.pending[0].request.Method
		c.Close()
		return dst, fmt.Errorf("%s: %w", method, ErrNoAnswer)
	}
	c.next = now + c.timeout/2
	return c.ask(now, dst, c.alive, c.play, nil), nil
}

// AppendRTCP appends a report to the server, interleaved. It is for clients whose packets
// come on the connection, while they play.
func (c *Client) AppendRTCP(dst, packet []byte) []byte {
	dst = append(dst, '$', c.channel+1, byte(len(packet)>>8), byte(len(packet)))
	return append(dst, packet...)
}
