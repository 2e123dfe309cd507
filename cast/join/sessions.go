package join

import (
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	protocol "github.com/camcast/camcast/proto/join"
)

// anewAfter is how long a session has watched at least before another takes its place. Who sees a
// reader's requests might else have it sent key frames without end, by repeating them.
const anewAfter = time.Second

// isAnew reports whether a request is that of another player than the session's: one that was started
// at the same port when the one before had ended without a goodbye.
func (s *Server) isAnew(before *cast.Session, r *protocol.Request) bool {
	nonce, known := s.nonces[before]
	return known && nonce != r.Nonce && before.Figures().Watched >= anewAfter
}

// open opens a session for a reader, and has it play. One that is there already ends: it watches another
// stream, or its player has ended.
func (s *Server) open(d udp.Datagram, r *protocol.Request, stream *cast.Stream, g cast.Grant) error {
	if err := stream.Available(); err != nil {
		return err
	}
	if before := s.broadcaster.SessionAt(d.From); before != nil && before.Protocol() == cast.Join {
		if before.Stream() == stream {
			before.Gone("another player joins at its port")
		} else {
			before.Gone("watches another stream")
		}
	}
	var session *cast.Session
	session, err := s.broadcaster.OpenSession(cast.SessionOptions{
		Stream: stream, Protocol: cast.Join, Peer: d.From, Grant: g, EndsByGoodbye: true, PlaysAtOnce: true,
		Ended: func(string) { delete(s.nonces, session) },
	})
	if err != nil {
		return err
	}
	s.nonces[session] = r.Nonce
	if err := session.PlayUDP(cast.Address{RTP: d.From, RTCP: d.From, Source: d.To}); err != nil {
		session.Gone("cannot be served")
		return err
	}
	return nil
}
