package rtsp

import (
	"net/netip"
	"slices"
	"time"
)

// State is a session's place in the state machine of RFC 2326 appendix A.
type State uint8

// The states of a session. There is no Init: a session exists once it has a transport.
const (
	Ready   State = iota + 1 // set up, or paused
	Playing                  // media is being sent
)

// Session is one reader of one stream, from SETUP to its end.
type Session struct {
	// User is the caller's own, typically the reader that it made in Setup. The package does not touch it.
	User any

	server    *Server // nil until Media.Setup has accepted the session
	conn      *Conn   // nil when the connection of a UDP or multicast session is gone
	id        string
	path      string
	url       string // as the client named it in SETUP: RTP-Info has to repeat it
	owner     netip.Addr
	transport Transport
	state     State
	ended     bool

	// heard is when the session was queued for expiry last: its place in the server's list.
	heard      time.Duration
	prev, next *Session
}

// ID is the session's id, unique and unguessable as far as [Config.NewID] makes it so.
func (s *Session) ID() string { return s.id }

// Path is the path of the stream, as [Description.Path] had it at SETUP.
func (s *Session) Path() string { return s.path }

// State is Ready or Playing.
func (s *Session) State() State { return s.state }

// Transport is what was agreed on, zero until Media.Setup has accepted it.
func (s *Session) Transport() Transport { return s.transport }

// Conn is the connection that set the session up: for an interleaved session, the one its data goes to. It is nil
// when a UDP or multicast session has outlived its connection, and after the end.
func (s *Session) Conn() *Conn { return s.conn }

// Alive says that a sign of life was seen at now: RTCP over UDP, or bytes that an interleaved reader's socket took.
// It is cheap enough to be called for every packet.
func (s *Session) Alive(now time.Duration) {
	// Moving at most once per slack keeps neighbours in the list out of the cache of the send path. Expire makes up for it.
	if s.ended || s.server == nil || now-s.heard < s.server.slack() {
		return
	}
	s.heard = now
	s.server.unlink(s)
	s.server.pushBack(s)
}

// End ends the session for a reason of the caller's. Media.End is called within. After the end it does nothing.
func (s *Session) End(reason EndReason) {
	if s.ended || s.server == nil {
		return
	}
	server := s.server
	s.ended = true
	server.unlink(s)
	delete(server.sessions, s.id)
	s.conn.drop(s)
	server.media.End(s, reason)
	s.conn = nil
}

// belongs reports whether a request from c may see the session.
func (s *Session) belongs(c *Conn) bool { return s.owner == c.peer.Addr() }

// bind makes c the connection that the session ends with or sends to.
func (s *Session) bind(c *Conn) {
	if s.conn == c && slices.Contains(c.sessions, s) {
		return
	}
	s.conn.drop(s)
	s.conn = c
	c.sessions = append(c.sessions, s)
}
