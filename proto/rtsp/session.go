package rtsp

import (
	"net/netip"
	"slices"
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
	number    uint64 // counts the server's sessions, from 1: their order
	state     State
	ended     bool
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

// End ends the session because its owner wants it: requests that name it get 454 from now on, but for PAUSE and TEARDOWN on
// its connection, which get 200. Media.End is not called, as the owner knows. After the end it does nothing.
func (s *Session) End() {
	if s.remove() {
		if s.conn != nil {
			s.conn.over = s.id
		}
		s.conn = nil
	}
}

// endBy ends the session because of what the client did, and says so to Media.
func (s *Session) endBy(reason EndReason) {
	if s.remove() {
		s.server.media.End(s, reason)
		s.conn = nil
	}
}

// remove takes the session out of the server and its connection. It is false for a session that is not there.
func (s *Session) remove() bool {
	if s.ended || s.server == nil {
		return false
	}
	s.ended = true
	delete(s.server.sessions, s.id)
	s.conn.drop(s)
	return true
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
