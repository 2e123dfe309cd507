package rtsp

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// Options are the settings of a Server; the zero value is useful.
type Options struct {
	// Name is how the program names itself ("camcast").
	Name string
	// TLS, if it is not nil, ends TLS on all connections (rtsps://); without it they are plain
	// text. The sessions of two servers on one Broadcaster have nothing to do with each other.
	TLS Terminator
	// SecurePort is where the same streams are served by rtsps://, 0: nowhere. A client that speaks
	// TLS to a port of plain text is logged with it.
	SecurePort uint16
}

// Server answers RTSP for a Broadcaster.
type Server struct {
	broadcaster *cast.Broadcaster
	options     Options
	listeners   []*tcp.Listener
	handshakes  map[*handshake]struct{}
	protocol    *protocol.Server
	conns       []*conn
	spare       []byte // the room that answers are built in, while nobody does
	closed      bool
}

// Listen answers RTSP on address for the streams of b, until Close or until b is closed. An
// unspecified IPv6 address ("[::]:8554") means all addresses of both families; with port 0 a
// free one is taken. The error says which address could not be had and why.
func Listen(b *cast.Broadcaster, address netip.AddrPort, o Options) (*Server, error) {
	if o.Name == "" {
		o.Name = "camcast"
	}
	s := &Server{broadcaster: b, options: o, handshakes: map[*handshake]struct{}{}}
	s.protocol = protocol.NewServer(s.config(), (*media)(s))
	if err := s.listen(address); err != nil {
		return nil, errors.Join(fmt.Errorf("rtsp: %w", err), s.closeListeners())
	}
	b.Attach(s)
	return s, nil
}

// config is that of the protocol.
func (s *Server) config() protocol.Config {
	b := s.broadcaster
	realm := ""
	if b.Config().Gate != nil { // which may want passwords
		realm = cast.Realm
	}
	return protocol.Config{
		Server: s.options.Name, Realm: realm, SecurePort: s.options.SecurePort, Timeout: b.Config().SessionTimeout, NewID: b.RandomName,
		Yield: func() bool { return b.Requests().Spent(b.Loop().Kernel().Monotonic()) },
	}
}

// listen opens the listening sockets: of both families, if address is the unspecified IPv6
// address and the machine has both.
func (s *Server) listen(address netip.AddrPort) error {
	families := []netip.AddrPort{address}
	if address.Addr() == netip.IPv6Unspecified() {
		families = []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), address.Port()), address}
	}
	for i, local := range families {
		if i > 0 { // if any port would do, then the one that the first family got
			local = netip.AddrPortFrom(local.Addr(), s.Port())
		}
		listener, err := tcp.Listen(s.broadcaster.Loop(), local, s.accept, s.acceptFailed)
		if err != nil {
			if i > 0 && loop.FamilyMissing(err) {
				break
			}
			return err
		}
		listener.Limit(s.broadcaster.Accepting(), s.broadcaster.Requests())
		s.divert(listener)
		s.listeners = append(s.listeners, listener)
	}
	return nil
}

// Port is the port that RTSP is answered on.
func (s *Server) Port() uint16 { return s.listeners[0].Local().Port() }

// Close ends all connections and the sessions that were set up on them, and stops listening.
// Closing twice does nothing.
func (s *Server) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.broadcaster.Detach(s)
	for session := range s.protocol.Sessions() {
		session.User.(*reader).session.End("shutdown")
	}
	for len(s.conns) > 0 {
		s.conns[0].close()
	}
	var errs []error
	for h := range s.handshakes {
		errs = append(errs, h.end())
	}
	return errors.Join(append(errs, s.closeListeners())...)
}

func (s *Server) closeListeners() error {
	var errs []error
	for _, listener := range s.listeners {
		errs = append(errs, listener.Close())
	}
	return errors.Join(errs...)
}

// accept takes a connection, or refuses it.
func (s *Server) accept(c *tcp.Conn) tcp.Handler {
	if s.options.TLS != nil { // it was counted before its handshake
		return s.take(c)
	}
	if err := s.broadcaster.Connected(cast.RTSP, c.Peer()); err != nil {
		s.broadcaster.LogRefusal(c.Peer(), cast.RTSP, "", err)
		out := s.protocol.AppendRefusal(s.room(), answerTo(err, protocol.StatusServiceUnavailable))
		_ = c.Write(out) // it is closed in any case
		s.spare = out
		return nil
	}
	return s.take(c)
}

// take takes a connection.
func (s *Server) take(c *tcp.Conn) *conn {
	n := &conn{server: s, tcp: c, rtsp: s.protocol.Accept(c.Peer(), c.Local()), used: s.broadcaster.Loop().Awake(), index: len(s.conns)}
	n.rtsp.User, n.rtsp.Secure, n.rtsp.AllowBasic = n, s.options.TLS != nil, s.broadcaster.Config().AllowBasic
	n.deadline = s.broadcaster.Loop().NewAwakeTimer(n.expired)
	n.task = s.broadcaster.Requests().NewTask(n.goOn)
	s.conns = append(s.conns, n)
	n.watch()
	return n
}

func (s *Server) acceptFailed(err error) {
	s.broadcaster.Config().Log.Error("connections cannot be accepted; trying again", "error", err)
}

// room is an empty slice to build answers in, which are s.spare again when they are written.
// Answering one connection may answer another, so it is nobody else's meanwhile.
func (s *Server) room() []byte {
	room := s.spare[:0]
	s.spare = nil
	return room
}

// answerTo is a refusal in RTSP's words. limit is the status of a limit that is reached.
func answerTo(err error, limit protocol.Status) protocol.Answer {
	refusal := cast.RefusalOf(err)
	status := protocol.StatusForbidden
	switch refusal.Kind {
	case cast.NoSuchStream:
		status = protocol.StatusNotFound
	case cast.Unauthorized:
		status = protocol.StatusUnauthorized
	case cast.LimitReached, cast.AddressLimitReached:
		status = limit
	case cast.AddressRefused:
		status = protocol.StatusUnsupportedTransport
	case cast.AddressTaken:
		status = protocol.StatusNotEnoughBandwidth
	case cast.Unavailable, cast.Busy:
		status = protocol.StatusServiceUnavailable
	}
	answer := protocol.Answer{Status: status, RetryAfter: refusal.RetryAfter}
	if refusal.Reason != "" {
		answer.Reason = status.String() + ": " + refusal.Reason
	}
	return answer
}
