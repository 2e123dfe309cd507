package rtsp

import (
	"bufio"
	"bytes"
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"net/textproto"
	"slices"
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

	// SecurePort is the port where rtsps:// is answered, for the error about a client that speaks TLS to this server. 0: there
	// is none.
	SecurePort uint16

	// Timeout is how long a session may be silent. SETUP tells it to the client in whole seconds; ending the silent sessions
	// is the caller's job. 0 means DefaultTimeout, less than a second means a second.
	Timeout time.Duration

	// NewID returns a session id: at least 8 letters, digits or any of "$-_.+" (RFC 2326 section 3.4), from a source nobody
	// can guess. Where it returns one that is in use or not valid it is called again, a few times. Nonces are made by it, too.
	NewID func() string

	// Realm is what passwords are for, in words: printable ASCII without quotes and backslashes. A server that has one reads
	// the credentials of DESCRIBE and SETUP ([Conn.Credentials]), and adds to StatusUnauthorized what would be taken. Empty:
	// there are no passwords.
	Realm string

	// MaxRequestBytes is the largest request, header and body together. A connection makes the server buffer as much, and as
	// much again behind a request that waits for its answer. 0 means DefaultMaxRequestBytes. Interleaved frames above it are
	// dropped.
	MaxRequestBytes int

	// Yield is asked after each request, and now and then among interleaved frames, whether what has come behind it is for
	// later: so that one client does not take all the time. Receive and [Conn.Resume] return then, and the connection is
	// [Conn.Pending]. nil never says so.
	Yield func() bool

	// MaxSessionsPerConn is how many sessions a connection may hold at a time. 0 means DefaultMaxSessionsPerConn. More than
	// 128 interleaved ones do not fit in any case: there are 256 channels.
	MaxSessionsPerConn int
}

// Stats counts what a server has done since it was made.
type Stats struct {
	Requests uint64 // requests answered, the refused ones included
	Refused  uint64 // of these, answered with 400 or above
	Sessions uint64 // sessions set up
}

// Server is the state that all connections share: the sessions.
type Server struct {
	cfg      Config
	media    Media
	sessions map[string]*Session
	stats    Stats

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

// Len is the number of sessions.
func (s *Server) Len() int { return len(s.sessions) }

// Session returns the session with the given id.
func (s *Server) Session(id string) (*Session, bool) {
	session, ok := s.sessions[id]
	return session, ok
}

// Sessions yields every session in the order of their first SETUP. Sessions that end meanwhile are skipped, those that
// begin meanwhile are not yielded. It sorts, so it is not for every packet.
func (s *Server) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		inOrder := slices.SortedFunc(maps.Values(s.sessions), func(a, b *Session) int { return cmp.Compare(a.number, b.number) })
		for _, session := range inOrder {
			if !session.ended && !yield(session) {
				return
			}
		}
	}
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats { return s.stats }

// register makes a session known.
func (s *Server) register(session *Session) {
	s.stats.Sessions++
	session.server, session.number = s, s.stats.Sessions
	s.sessions[session.id] = session
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
