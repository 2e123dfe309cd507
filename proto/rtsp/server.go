package rtsp

import (
	"bufio"
	"bytes"
	"iter"
	"net/netip"
	"net/textproto"
	"time"
)

// Defaults of [Config].
const (
	DefaultTimeout            = 60 * time.Second
	DefaultMaxRequestBytes    = 8192
	DefaultMaxSessionsPerConn = 32
)

// Config is what a [Server] is made of. NewID is required, the rest has defaults.
type Config struct {
	// Server is the value of the Server header, such as "camcast/1.0"; empty leaves the header out.
	Server string

	// Timeout is how long a session may be silent; clients are told in whole seconds. 0 means DefaultTimeout, less than a
	// second means a second.
	Timeout time.Duration

	// NewID returns a session id: at least 8 letters, digits or any of "$-_.+" (RFC 2326 section 3.4), from a source nobody
	// can guess. Where it returns one that is in use or not valid it is called again, a few times.
	NewID func() string

	// MaxRequestBytes is the largest request, header and body together, and so what a connection may make the server
	// buffer. 0 means DefaultMaxRequestBytes. Interleaved frames above it are dropped.
	MaxRequestBytes int

	// MaxSessionsPerConn is how many sessions a connection may hold at a time. 0 means DefaultMaxSessionsPerConn. More than
	// 128 interleaved ones do not fit in any case: there are 256 channels.
	MaxSessionsPerConn int
}

// Stats counts what a server has done since it was made.
type Stats struct {
	Requests uint64 // requests answered, the refused ones included
	Refused  uint64 // of these, answered with 400 or above
	Sessions uint64 // sessions set up
	Expired  uint64 // sessions ended by timeout
}

// Server is the state that all connections share: the sessions.
type Server struct {
	cfg      Config
	media    Media
	sessions map[string]*Session
	stats    Stats

	// first and last are the ends of the list of sessions by the time they were heard. All time out after the same time, so
	// a session that is heard moves to the back and the next to expire is at the front.
	first, last *Session

	// One header is read at a time, so all connections share the reader.
	headBytes  bytes.Reader
	headBuffer *bufio.Reader
	head       textproto.Reader
}

// NewServer returns a server without connections. It panics without cfg.NewID or media: nothing would work later.
func NewServer(cfg Config, media Media) *Server {
	if cfg.NewID == nil || media == nil {
		panic("rtsp: NewServer needs Config.NewID, which makes session ids, and a Media")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	cfg.Timeout = max(cfg.Timeout, time.Second)
	if cfg.MaxRequestBytes <= 0 {
		cfg.MaxRequestBytes = DefaultMaxRequestBytes
	}
	if cfg.MaxSessionsPerConn <= 0 {
		cfg.MaxSessionsPerConn = DefaultMaxSessionsPerConn
	}
	s := &Server{cfg: cfg, media: media, sessions: make(map[string]*Session)}
	s.headBuffer = bufio.NewReader(&s.headBytes)
	s.head.R = s.headBuffer
	return s
}

// Accept returns the server's side of a new TCP connection. An IPv4 address mapped into IPv6 is taken for the IPv4 one.
func (s *Server) Accept(peer, local netip.AddrPort) *Conn {
	return &Conn{
		server: s,
		peer:   netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()),
		local:  netip.AddrPortFrom(local.Addr().Unmap(), local.Port()),
	}
}

// Expire ends the sessions that have been silent for longer than the timeout: not before Timeout, and not later than
// Timeout and a sixteenth. It returns when to call it again, if there are sessions at all.
func (s *Server) Expire(now time.Duration) (next time.Duration, ok bool) {
	for s.first != nil {
		due := s.first.heard + s.cfg.Timeout + s.slack()
		if due > now {
			return due, true
		}
		s.stats.Expired++
		s.first.End(EndTimeout)
	}
	return 0, false
}

// Shutdown ends all sessions with [EndShutdown]. Connections stay: closing them, after the RTCP BYE that clients wait for,
// is the caller's.
func (s *Server) Shutdown() {
	for s.first != nil {
		s.first.End(EndShutdown)
	}
}

// Len is the number of sessions.
func (s *Server) Len() int { return len(s.sessions) }

// Session returns the session with the given id.
func (s *Server) Session(id string) (*Session, bool) {
	session, ok := s.sessions[id]
	return session, ok
}

// Sessions yields every session, the longest silent first. The one that is yielded may be ended meanwhile.
func (s *Server) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for session := s.first; session != nil; {
			next := session.next
			if !yield(session) {
				return
			}
			session = next
		}
	}
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats { return s.stats }

// slack is how coarsely signs of life are recorded.
func (s *Server) slack() time.Duration { return s.cfg.Timeout / 16 }

func (s *Server) pushBack(session *Session) {
	session.prev, session.next = s.last, nil
	if s.last != nil {
		s.last.next = session
	} else {
		s.first = session
	}
	s.last = session
}

func (s *Server) unlink(session *Session) {
	if session.prev != nil {
		session.prev.next = session.next
	} else {
		s.first = session.next
	}
	if session.next != nil {
		session.next.prev = session.prev
	} else {
		s.last = session.prev
	}
	session.prev, session.next = nil, nil
}

// newID asks for an id until it gets one that can be used; "" means that the source is broken.
func (s *Server) newID() string {
	for range 4 {
		id := s.cfg.NewID()
		if _, used := s.sessions[id]; !used && validSessionID(id) {
			return id
		}
	}
	return ""
}

// validSessionID checks the grammar of RFC 2326 section 3.4.
func validSessionID(id string) bool {
	if len(id) < 8 {
		return false
	}
	for _, b := range []byte(id) {
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if !letter && !digit && bytes.IndexByte([]byte("$-_.+"), b) < 0 {
			return false
		}
	}
	return true
}
