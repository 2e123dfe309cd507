package cast

import (
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/loop/udp"
)

// This file has sessions play and pause.

// PlayUDP has the session sent frames over UDP, from the next key frame on, or from the newest one if
// none comes soon. The front has made
// sure that the reader listens there: RTP that is sent to an address that has not asked for it
// is an attack. An address that CheckAddress refuses is refused, and so is one of another session
// that gave a sign of life within 10 s and came by another connection (AddressTaken). It does
// nothing if the session plays. The error is a *Refusal, ErrClosed, or says what is wrong with the
// address.
func (s *Session) PlayUDP(at Address) error {
	b := s.stream.broadcaster
	if s.state == playing {
		return nil
	}
	if err := s.watchable(); err != nil {
		return err
	}
	if err := s.sealable(); err != nil {
		return err
	}
	rtp, rtcp, err := b.socketsFor(at)
	if err != nil {
		return err
	}
	if err := s.claim(at); err != nil {
		return err
	}
	if err := s.admit(); err != nil {
		return err
	}
	s.peer = at.RTP
	s.start(rtp, rtcp, at, (*sessionObserver)(s))
	b.rtcpIndex.add(at.RTCP, s.udp)
	if at.RTP != at.RTCP {
		b.rtpIndex.add(at.RTP, s.udp)
	}
	s.sendLeadBy(rtp, at)
	s.stream.reports.joined(s.lane(), s.udp, nil)
	return s.begin(UDP)
}

// claim makes room for the session at an address, or says by a *Refusal why it must not be sent
// anything there.
func (s *Session) claim(at Address) error {
	b := s.stream.broadcaster
	err := b.CheckAddress(at)
	if err == nil {
		err = b.vacate(s, at)
	}
	if err != nil {
		b.LogRefusal(s.opened.Peer, s.opened.Protocol, s.stream.name, err)
	}
	return err
}

// start has frames sent to an address. A fixed destination has no observer, as it stays however
// long it cannot be sent to.
func (s *Session) start(rtp, rtcp *udp.Socket, at Address, observer fanout.Observer) {
	s.udp = new(fanout.Reader) // one that has left is in the way of nobody, but may still be in a list
	s.lane().udp.Join(s.udp, rtp, rtcp, fanout.Address(at), observer)
	s.beginWith(s.udp)
}

// beginWith has a reader begin where frames depend on each other. One that has played before is not
// caught up, as sequence numbers must not go back; nor is one with SRTP, as a packet must never be
// sealed twice with different bytes.
func (s *Session) beginWith(r newReader) {
	s.first, s.isFirstKnown = s.stream.rendition.keys.begin(r, !s.played && !s.opened.FromKeyFrame && s.sealed == nil)
}

// Begins is the first packet that the session is sent since it plays, by its sequence number and
// its RTP timestamp, if that is known: one that waits for a key frame begins with one that is not
// there yet.
func (s *Session) Begins() (sequence uint16, rtpTime uint32, known bool) {
	p := s.stream.params
	switch {
	case s.stream.figures.Frames == 0 || p == nil:
		return 0, 0, false
	case p.Format.Dependent():
		return s.first.Sequence, s.first.Timestamp, s.isFirstKnown
	}
	return s.NextSequence(), s.stream.RTPTime(s.stream.broadcaster.loop.Now()), true
}

// PlayTCP has the session sent frames on a connection, interleaved with RTSP: RTP on a
// channel and RTCP on the next. The connection's handler calls Writable. It does nothing if the
// session plays. The error is a *Refusal or ErrClosed.
func (s *Session) PlayTCP(conn *tcp.Conn, channel uint8) error {
	if s.state == playing {
		return nil
	}
	if err := s.admit(); err != nil {
		return err
	}
	if err := s.sealable(); err != nil {
		return err
	}
	s.peer = conn.Peer()
	s.tcp = s.lane().tcp.Join(conn, channel, (*sessionObserver)(s))
	s.beginWith(s.tcp)
	s.sendLead(s.tcp.SendRTP)
	s.stream.reports.joined(s.lane(), nil, s.tcp)
	return s.begin(TCP)
}

// PlayParts has the session sent JPEG frames on a connection, each as a part of an HTTP response
// (proto/multipart), from the newest one on: all of them, or with an interval at most one in that time. What is
// before the first part has been written. The connection's handler calls Writable. It does nothing if the
// session plays. The error is a *Refusal or ErrClosed.
func (s *Session) PlayParts(conn *tcp.Conn, interval time.Duration) error {
	if s.state == playing {
		return nil
	}
	if err := s.admit(); err != nil {
		return err
	}
	s.peer = conn.Peer()
	s.tcp = s.stream.rendition.parts.fan.JoinPart(conn, interval, s.stream.State() == Live, (*sessionObserver)(s))
	s.isFirstKnown = false
	return s.begin(TCP)
}

// PlayMovie has the session sent frames of H.264 or H.265 on a connection, each as a fragment of MP4 (proto/mp4), from
// a key frame on. What is before the init segment, which comes first, has been written; Stream.Movie says its content
// type. The connection's handler calls Writable. It does nothing if the session plays. The error is a *Refusal, ErrClosed,
// or of the connection.
func (s *Session) PlayMovie(conn *tcp.Conn) error {
	if s.state == playing {
		return nil
	}
	if err := s.admit(); err != nil {
		return err
	}
	segment, _, err := s.stream.rendition.movie.init()
	if err != nil {
		return err
	}
	if err := conn.Write(segment); err != nil {
		return err
	}
	s.peer = conn.Peer()
	s.tcp = s.stream.rendition.movie.fan.JoinPart(conn, 0, false, (*sessionObserver)(s))
	s.beginWith(s.tcp)
	return s.begin(TCP)
}

// PlayGroup counts the session as one that plays: it listens to a group, and is sent nothing of
// its own. It does nothing if the session plays. The error is a *Refusal or ErrClosed.
func (s *Session) PlayGroup() error {
	if s.state == playing {
		return nil
	}
	if err := s.admit(); err != nil {
		return err
	}
	s.isFirstKnown = false
	return s.begin(Multicast)
}

// watchable says why the session's stream cannot be watched by it, nil if it can.
func (s *Session) watchable() error {
	if s.state == ended {
		return ErrClosed
	}
	if p, fault := s.opened.Protocol, s.stream.notByRTP; fault != nil && p != HTTP && p != Send {
		return refuse(Forbidden, "%v", fault)
	}
	return s.stream.Available()
}

// admit says why the session must not play, nil if it may.
func (s *Session) admit() error {
	if err := s.watchable(); err != nil {
		return err
	}
	b := s.stream.broadcaster
	if err := b.roomForReader(s.opened.Peer.Addr()); err != nil {
		b.LogRefusal(s.opened.Peer, s.opened.Protocol, s.stream.name, err)
		return err
	}
	return nil
}

// begin notes that the session plays. What the program does in its hooks may end it at once: the
// error is ErrClosed then.
func (s *Session) begin(t Transport) error {
	b := s.stream.broadcaster
	s.transport = t
	s.state = playing
	s.lastSign = b.loop.Awake()
	if s.queue != nil { // else it is a fixed destination, which no limit counts and no silence ends
		b.limits.setUp.remove(s.opened.Peer.Addr())
		b.limits.readers.add(s.opened.Peer.Addr())
		s.queue.remove(s)
		if s.private != nil {
			b.sessions.consenting.push(s)
		} else {
			b.sessions.live.push(s)
		}
	}
	s.stream.wanted()
	if s.state == playing && !s.played {
		s.played, s.joined = true, b.loop.Now()
		if s.opened.Protocol == Send {
			s.stream.log.Info("destination added", s.known("transport", t, "destinations", s.stream.Destinations())...)
		} else {
			s.stream.log.Info("reader joined", s.known("transport", t, "readers", s.stream.Readers()-s.stream.Destinations())...)
		}
		if b.config.Joined != nil {
			b.config.Joined(s)
		}
	}
	if s.state == ended {
		return ErrClosed
	}
	return nil
}

// Pause has the session sent nothing, until it plays again. It then counts as a connection, and
// ends when it is silent for too long.
func (s *Session) Pause() {
	if s.state != playing {
		return
	}
	s.state = setUp
	s.noteProgress()
	if s.queue != nil { // else no limit counts it: see begin
		l := &s.stream.broadcaster.limits
		l.readers.remove(s.opened.Peer.Addr())
		l.setUp.add(s.opened.Peer.Addr())
	}
	s.leave()
}

// leave ends sending to the reader. It comes last: the stream may tell the program that nobody
// watches any more, and the program may end the session then.
func (s *Session) leave() {
	if s.sealed != nil {
		s.sealed.lead.end()
		s.sealed.lead = nil
	}
	if udp := s.udp; udp != nil {
		s.udp = nil
		s.frames += udp.Frames()
		s.lags += udp.Lags()
		s.withheld += udp.Withheld()
		s.stream.leave(udp)
	}
	if tcp := s.tcp; tcp != nil {
		s.tcp = nil
		s.frames += tcp.Frames()
		s.lags += tcp.Lags()
		tcp.Leave()
		s.stream.unwanted()
	}
	if private := s.private; private != nil {
		s.private = nil
		s.forgetPrivate()
		s.frames += private.Frames()
		s.lags += private.Lags()
		private.Leave()
		s.stream.unwanted()
	}
}

// sessionObserver is a Session as the fan-outs see it.
type sessionObserver Session

// RTCP takes RTCP that came by UDP.
func (o *sessionObserver) RTCP(packet []byte) { (*Session)(o).TakeRTCP(packet) }

// Took notes that the reader's connection took something.
func (o *sessionObserver) Took() { (*Session)(o).Alive() }

// Lost ends a session that can no longer be sent to. One that was replaced is not told goodbye:
// the other reader at its address would take it for its own.
func (o *sessionObserver) Lost(err error) {
	s := (*Session)(o)
	switch err {
	case errReplaced:
		s.Gone(err.Error())
	case fanout.ErrPortClosed: // which nobody listens at
		s.Gone("unreachable: " + err.Error())
	default:
		s.End("unreachable: " + err.Error())
	}
}
