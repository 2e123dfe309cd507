package cast

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/proto/rtcp"
)

// Transport is the way that frames take to a reader.
type Transport uint8

const (
	// UDP: RTP in datagrams of its own.
	UDP Transport = iota + 1
	// TCP: RTP on the reader's connection.
	TCP
	// Multicast: the reader listens to a group, which a fixed destination serves.
	Multicast
)

// String is the transport's name.
func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case Multicast:
		return "multicast"
	}
	return "none"
}

// MarshalText is String, so that logs and JSON have the name. The error is always nil.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Session is one reader of one stream, whatever its protocol. A front opens it when a reader is
// set up, has it play and pause, and ends it; Broadcaster.Sessions lists it, and anybody on
// the loop's goroutine may end it.
type Session struct {
	stream *Stream
	id     uint64
	opened SessionOptions
	state  sessionState
	peer   netip.AddrPort

	since  time.Duration // when it was opened
	joined time.Duration // when it first played, if it has
	played bool
	alive  time.Duration // when it was last moved to the end of its list, by registry.now
	// lastSign is when it last gave a sign of life, or began to play, likewise.
	lastSign time.Duration
	queue    *sessionQueue
	// prev and next are its neighbours in the queue, and index its index in the stream's list.
	prev, next *Session
	index      int

	transport Transport       // of the last time it played
	udp       *fanout.Reader  // while it plays over UDP
	tcp       *tcpfan.Reader  // while it plays over TCP
	private   *sealfan.Reader // while it plays with keys of its own
	// frames, lags and withheld are those so far, without what udp or tcp have counted.
	frames, lags uint64
	withheld     int
	reception    reception
	sealed       *sealedSession // nil: it is sent plain RTP
	// first is the first packet since it plays, if isFirstKnown.
	first        ring.Beginning
	isFirstKnown bool
}

// sessionState is whether a session plays.
type sessionState uint8

const (
	setUp sessionState = iota
	playing
	ended
)

// SessionOptions say what a session is.
type SessionOptions struct {
	Stream   *Stream
	Protocol Protocol
	// Peer is where the request came from. It is what limits are counted by.
	Peer netip.AddrPort
	// Grant is what the gate gave.
	Grant Grant
	// Secure: it was asked for on an encrypted connection, by which its frames or their keys go.
	Secure bool
	// EndsByGoodbye: an RTCP BYE that comes from the reader's address over UDP ends the session.
	// On a connection it does not: what the protocol itself says, or the end of the connection,
	// follows there.
	EndsByGoodbye bool
	// FromKeyFrame has the session begin with a key frame that is still to come, and not be caught
	// up by copies of packets with other timestamps: as where packets are encrypted for several
	// readers by one key, or where others listen too.
	FromKeyFrame bool
	// PlaysAtOnce: the caller has it play, or end, before it returns to the loop. No connection has to be left for it then.
	PlaysAtOnce bool
	// Ended is called when the session has ended, by whatever call, with the reason. It may be
	// nil.
	Ended func(reason string)
}

// OpenSession makes a session of a stream that the gate has granted. It counts as a connection,
// besides the one that it was asked for on, until it plays (SessionOptions.PlaysAtOnce); and ends SetupTimeout later if it
// has not played. The error is a *Refusal or ErrClosed.
func (b *Broadcaster) OpenSession(o SessionOptions) (*Session, error) {
	if err := o.Stream.Available(); err != nil {
		return nil, err
	}
	err := o.Grant.Check()
	if err == nil {
		err = b.roomForReader(o.Peer.Addr())
	}
	if err == nil && !o.PlaysAtOnce {
		err = b.roomForConnection(o.Peer.Addr())
	}
	if err != nil {
		b.LogRefusal(o.Peer, o.Protocol, o.Stream.name, err)
		return nil, err
	}
	s := b.newSession(o)
	b.limits.setUp.add(o.Peer.Addr())
	b.sessions.settingUp.push(s)
	return s, nil
}

// newSession adds a session to the registry.
func (b *Broadcaster) newSession(o SessionOptions) *Session {
	b.sessions.lastID++
	s := &Session{stream: o.Stream, id: b.sessions.lastID, opened: o, peer: o.Peer, since: b.loop.Now()}
	s.index = len(o.Stream.sessions)
	o.Stream.sessions = append(o.Stream.sessions, s)
	return s
}

// SetupTimeout is how long a session may be set up without playing for the first time.
const SetupTimeout = 10 * time.Second

// ID is the session's number, which no other session of the Broadcaster has or had.
func (s *Session) ID() uint64 { return s.id }

// Stream is what the session watches.
func (s *Session) Stream() *Stream { return s.stream }

// Protocol is how the reader came.
func (s *Session) Protocol() Protocol { return s.opened.Protocol }

// Peer is where the reader is: where its RTP goes, or else where its connection comes from.
func (s *Session) Peer() netip.AddrPort { return s.peer }

// User is who the gate has said that it is, "" if nobody.
func (s *Session) User() string { return s.opened.Grant.User }

// Transport is how frames go to the reader, or went when it played last.
func (s *Session) Transport() Transport { return s.transport }

// Playing reports whether the session is sent frames at present.
func (s *Session) Playing() bool { return s.state == playing }

// Writable is called when the connection given to PlayTCP takes more.
func (s *Session) Writable() {
	if s.tcp != nil {
		s.tcp.Writable()
	}
}

// Alive notes a sign of life.
func (s *Session) Alive() {
	if s.udp != nil {
		s.udp.Alive()
	}
	if s.private != nil {
		s.private.Alive()
	}
	s.lastSign = s.stream.broadcaster.loop.Awake()
	if s.state != ended && s.queue != nil && s.queue != &s.stream.broadcaster.sessions.settingUp {
		s.queue.touch(s)
	}
}

// TakeRTCP reads RTCP that came from the reader: a sign of life, and what it reports. What is
// not RTCP is dropped, and so is what an SRTP reader has not sealed.
func (s *Session) TakeRTCP(packet []byte) {
	packet, ok := s.open(packet)
	if !ok {
		return
	}
	s.Alive()
	udp := s.udp
	if s.sealed != nil && s.reception.reports == 0 {
		udp = nil // what was not sent between the reader's lead and its first frame is no loss
	}
	s.reception.take(s.stream, s.SSRC(), udp, packet)
	if !s.opened.EndsByGoodbye || s.udp == nil {
		return
	}
	left := false
	_ = rtcp.Parse(packet, rtcp.Visitor{Bye: func(uint32) { left = true }})
	if left {
		s.Gone("goodbye")
	}
}

// End has the reader no longer served, and says goodbye to it. The reason is logged. Ending
// twice does nothing.
func (s *Session) End(reason string) {
	switch {
	case s.state != playing || s.opened.Protocol == HTTP || s.stream.over() != nil: // else goodbye was said to all
	case s.private != nil:
		s.stream.reports.goodbyePrivate(s.private, endedReason)
	default:
		s.stream.reports.goodbyeTo(s.lane(), s.udp, s.tcp)
	}
	s.end(reason)
}

// Gone ends the session of a reader that has left by itself: by the protocol's own words, or as
// its connection is closed. The reason is logged.
func (s *Session) Gone(reason string) { s.end(reason) }

// end ends the session.
func (s *Session) end(reason string) {
	if s.state == ended {
		return
	}
	b := s.stream.broadcaster
	s.uncount()
	s.state = ended
	s.stream.forget(s)
	s.leave()
	s.closeOpener()
	if s.played {
		s.logLeft(reason)
	}
	if s.opened.Ended != nil {
		s.opened.Ended(reason)
	}
	if s.played && b.config.Left != nil {
		b.config.Left(s, reason)
	}
}

// uncount takes the session out of the limits and of the queue for its timeout. A fixed
// destination is in neither.
func (s *Session) uncount() {
	if s.queue == nil {
		return
	}
	l := &s.stream.broadcaster.limits
	counted := &l.setUp
	if s.state == playing {
		counted = &l.readers
	}
	counted.remove(s.opened.Peer.Addr())
	s.queue.remove(s)
}

// known is what is logged of a reader, and more.
func (s *Session) known(more ...any) []any {
	who := []any{"peer", s.peer, "protocol", s.opened.Protocol}
	if user := s.User(); user != "" {
		who = append(who, "user", user)
	}
	if s.opened.Secure {
		who = append(who, "secure", true)
	}
	if s.Sealed() {
		who = append(who, "srtp", true)
	}
	return append(who, more...)
}

func (s *Session) logLeft(reason string) {
	f, what := s.Figures(), "reader left"
	if s.opened.Protocol == Send {
		what = "destination removed"
	}
	s.stream.log.Info(what, s.known("reason", reason, "seconds", inUnits(f.Watched, time.Second, time.Millisecond), "frames", f.Frames, "lags", f.Lags,
		"reports", f.Reports, "packets_lost", int(f.CumulativeLost)-f.Withheld, "jitter_ms", inUnits(f.Jitter, time.Millisecond, 100*time.Microsecond))...)
}

// inUnits is a duration as the log has it: in units, rounded to steps, of which a unit has a whole
// number. One division of whole numbers gives the float that is printed with no more digits.
func inUnits(d, unit, step time.Duration) float64 {
	return float64(d.Round(step)/step) / float64(unit/step)
}

// Figures are what is known of the reader at this moment.
func (s *Session) Figures() ReaderFigures {
	now := s.stream.broadcaster.loop.Now()
	f := s.reception.figures(now)
	f.Peer, f.User, f.Transport, f.Secure = s.peer, s.User(), s.transport, s.opened.Secure
	f.Frames, f.Lags, f.Withheld = s.frames, s.lags, s.withheld
	if s.played {
		f.Watched = now - s.joined
	}
	if s.udp != nil {
		f.Frames += s.udp.Frames()
		f.Lags += s.udp.Lags()
		f.Withheld += s.udp.Withheld()
	}
	if s.tcp != nil {
		f.Frames += s.tcp.Frames()
		f.Lags += s.tcp.Lags()
	}
	if s.private != nil {
		f.Frames += s.private.Frames()
		f.Lags += s.private.Lags()
	}
	return f
}
