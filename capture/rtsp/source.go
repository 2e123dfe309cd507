package rtsp

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/uri"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/camcast/camcast/view"
)

// Source is an RTSP camera.
type Source struct {
	options Options
	url     uri.URL
	port    uint16
	cname   string // RFC 7022: as good as unique, and of no meaning

	opening *opening // nil: closed
	// What was found out about the camera: which of its addresses was tried, that only TCP comes
	// through, and until when it is left alone.
	attempt   int
	onlyTCP   bool
	notBefore time.Duration
	isLooking bool // a job looks for the addresses

	parameters parameters
	coding     string
	timing     timing
	pace       pace
	figures    capture.Figures
	room       *udp.Room // that datagrams are received into
}

// New makes a source of a camera. It only checks the options.
func New(o Options) (*Source, error) {
	u, port, err := o.address()
	if err == nil {
		err = o.complete(u)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", uri.Redact(o.URL), err)
	}
	name := make([]byte, 12)
	o.Random(name)
	// By UDP pictures would not be encrypted.
	onlyTCP := o.Transport == OnlyTCP || o.TLS != nil && u.Scheme == "rtsps"
	return &Source{options: o, url: u, port: port, cname: hex.EncodeToString(name), onlyTCP: onlyTCP, room: udp.NewRoom()}, nil
}

// Describe gives the URL, without the user and the password, and without the values in its query, and what frames
// are, once one has come.
func (s *Source) Describe() capture.Description {
	return capture.Description{Source: s.url.Shown(), Coding: s.coding, Params: s.parameters.now}
}

// Figures counts as gaps the frames that were lost on the way, or could not be decoded without them,
// and as broken those of which no size can be read.
func (s *Source) Figures() capture.Figures {
	f := s.figures
	if o := s.opening; o != nil && o.reception != nil {
		f.Gaps += o.lost()
	}
	return f
}

// RequestKeyFrame asks the camera for a key frame, at most once a second. Whether it obeys shows when
// one comes.
func (s *Source) RequestKeyFrame() error {
	if s.opening == nil || s.opening.reception == nil {
		return errNoSession
	}
	s.opening.reception.AskForKey()
	return nil
}

var errNoSession = errors.New("there is no session with the camera")

// Open begins to connect.
func (s *Source) Open(host capture.Host) {
	o := &opening{source: s, host: host}
	o.watchdog = s.options.Loop.NewAwakeTimer(o.expired)
	o.begin = host.NewTimer(o.connect)
	s.opening = o
	o.begin.Set(max(host.Now(), s.notBefore))
}

// Close says goodbye to the camera and waits for no answer.
func (s *Source) Close() error {
	if o := s.opening; o != nil {
		o.close()
		s.opening = nil
	}
	return nil
}

// lookUp looks for the camera's addresses, unless a job does so already: the resolver may take longer
// than a source is open. What is open when it is done gets the addresses.
func (s *Source) lookUp(host capture.Host) {
	if s.isLooking {
		return
	}
	s.isLooking = true
	find, name := s.options.Lookup, s.url.Host
	host.Work(func() func() {
		found, err := find(context.Background(), name)
		return func() {
			s.isLooking = false
			if o := s.opening; o != nil && o.state == looking {
				o.found(found, err)
			}
		}
	})
}

// session is how a session is opened.
func (s *Source) session(host capture.Host) receive.RTSPConfig {
	c := receive.RTSPConfig{
		URL: s.options.URL, UserAgent: s.options.UserAgent, OnlyTCP: s.onlyTCP, FallBack: s.options.Transport == AnyTransport,
		AllowBasic: s.options.AllowBasic, Room: s.room,
	}
	if config := s.options.TLS; s.url.Scheme == "rtsps" {
		c.Dial = func(ctx context.Context, server netip.AddrPort, done func(tlsbridge.Dialled, error)) {
			host.Work(func() func() {
				dialled, err := tlsbridge.Dial(ctx, server, config)
				if err != nil {
					err = receive.ExplainTLS(err, func(name, value string) string { return name + "=" + value })
				}
				return func() { done(dialled, err) }
			})
		}
	}
	return c
}

// frame hands a frame over.
func (s *Source) frame(o *opening, f view.Frame, taken time.Time, known bool) {
	rate := o.rate
	if rate == 0 {
		b := o.reception.Buffer().Figures()
		rate = s.pace.frame(f.Timestamp, b.FramesLost()+b.FramesSkipped+b.Restarts)
	}
	params, err := s.parameters.use(f, rate)
	if err != nil {
		s.figures.Broken++
		return
	}
	if !o.isLive {
		o.isLive = true
		s.coding = params.Format.String() + " by RTP over " + o.way
		o.host.Live()
		if s.opening != o { // the host has closed the source
			return
		}
	}
	s.figures.Frames++
	captured, decode := s.timing.next(f.Timestamp, o.taken(f, taken, known))
	o.host.Frame(media.Frame{Params: params, Bytes: f.Bytes, Captured: captured, Decode: decode, Key: f.Key, Disposable: f.Disposable})
}

var _ capture.KeyFramer = (*Source)(nil)
