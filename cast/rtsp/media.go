package rtsp

import (
	"fmt"
	"iter"

	"github.com/camcast/camcast/cast"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// media is the Server as the protocol sees it.
type media Server

// find returns the stream of a path, nil if there is none. The bare path means the only one.
func (m *media) find(path string) *cast.Stream {
	b := m.broadcaster
	s := b.Stream(path)
	if streams := b.Streams(); path == "" && len(streams) == 1 {
		s = streams[0]
	}
	if s == nil || s.State() == cast.Ended || b.Leaving() {
		return nil
	}
	return s
}

// Paths are the names of the streams that can be asked for. With a gate strangers are told none.
func (m *media) Paths() iter.Seq[string] {
	return func(yield func(string) bool) {
		if m.broadcaster.Config().Gate != nil {
			return
		}
		for _, s := range m.broadcaster.Streams() {
			if m.find(s.Name()) != nil && !yield(s.Name()) {
				return
			}
		}
	}
}

// Resolve finds the canonical path of a stream. With a gate it is Setup that says whether there is
// one.
func (m *media) Resolve(path string) (canonical string, ok bool) {
	s := m.find(path)
	if s == nil {
		return path, m.broadcaster.Config().Gate != nil
	}
	return s.Name(), true
}

// Describe describes a stream, if the gate admits it.
func (m *media) Describe(c *protocol.Conn, path string) (protocol.Description, protocol.Answer) {
	s, d := m.admit(c, path, cast.Describe)
	switch {
	case d == nil:
		return protocol.Description{}, protocol.Later
	case d.err != nil:
		return protocol.Description{}, answerTo(d.err, protocol.StatusNotEnoughBandwidth)
	}
	description, err := s.SDP()
	if err == nil {
		description.KeyMgmt, err = m.offer(c.User.(*conn), s)
	}
	if err != nil {
		return protocol.Description{}, answerTo(err, protocol.StatusNotEnoughBandwidth)
	}
	return description, protocol.OK
}

// admit finds a stream and what the gate says: nil as long as it says nothing. Without a decision
// against it the stream is there. The gate is asked before anything shows whether it is.
func (m *media) admit(c *protocol.Conn, path string, a cast.Action) (*cast.Stream, *decision) {
	s := m.find(path)
	if s == nil && m.broadcaster.Config().Gate == nil {
		return nil, &decision{err: errNoStream}
	}
	d := c.User.(*conn).decide(s, a)
	if d != nil && s == nil && d.granted { // it has ended since then
		return nil, &decision{err: errNoStream}
	}
	if d != nil && d.err == nil {
		if err := d.grant.Check(); err != nil { // the gate has changed its mind while the stream was opened
			m.broadcaster.LogRefusal(c.Peer(), cast.RTSP, path, err)
			return s, &decision{err: err}
		}
	}
	return s, d
}

var errNoStream = &cast.Refusal{Kind: cast.NoSuchStream}

// errNotTheirs is the answer to one who is admitted, and wants to change another user's session.
var errNotTheirs = &cast.Refusal{Kind: cast.Forbidden, Reason: "the session is another user's"}

// Setup opens a session, if the gate admits it, or gives another transport to one that is there.
func (m *media) Setup(c *protocol.Conn, session *protocol.Session, path string, t protocol.Transport) (protocol.TransportReply, protocol.Answer) {
	n := c.User.(*conn)
	s, d := m.admit(c, path, cast.Watch)
	switch {
	case d == nil:
		return protocol.TransportReply{}, protocol.Later
	case d.err != nil:
		return protocol.TransportReply{}, answerTo(d.err, protocol.StatusNotEnoughBandwidth)
	}
	if answer := n.carries(s, t); answer.Status != protocol.StatusOK {
		return protocol.TransportReply{}, answer
	}
	reply, way, ok := m.route(n, s, t)
	if !ok {
		return reply, protocol.Answer{Status: protocol.StatusUnsupportedTransport}
	}
	if t.Protocol == protocol.UDP {
		if err := m.broadcaster.CheckAddress(cast.Address{RTP: t.RTP, RTCP: t.RTCP}); err != nil {
			m.broadcaster.LogRefusal(n.tcp.Peer(), cast.RTSP, path, err)
			return reply, answerTo(err, protocol.StatusNotEnoughBandwidth)
		}
	}
	r, known := session.User.(*reader)
	if known && r.session.User() != d.grant.User {
		return reply, answerTo(errNotTheirs, protocol.StatusNotEnoughBandwidth)
	}
	keys, answer := m.keys(n, s, t, &reply)
	if answer.Status != protocol.StatusOK {
		return reply, answer
	}
	if !known {
		var err error
		if r, err = m.open(n, session, s, d); err != nil {
			return reply, answerTo(err, protocol.StatusNotEnoughBandwidth)
		}
		session.User = r
	}
	if err := keys.give(r.session); err != nil {
		return reply, answerTo(err, protocol.StatusNotEnoughBandwidth)
	}
	r.route = way
	r.route.transport.KeyMgmt = ""
	return reply, protocol.OK
}

// open makes a session that the gate has granted.
func (m *media) open(n *conn, session *protocol.Session, s *cast.Stream, d *decision) (*reader, error) {
	r := &reader{rtsp: session}
	var err error
	r.session, err = m.broadcaster.OpenSession(cast.SessionOptions{
		Stream: s, Protocol: cast.RTSP, Peer: n.tcp.Peer(), Grant: d.grant, Ended: r.ended, EndsByGoodbye: true,
		Secure: n.rtsp.Secure,
	})
	return r, err
}

// route finds the way to a reader.
func (m *media) route(n *conn, s *cast.Stream, t protocol.Transport) (reply protocol.TransportReply, way route, ok bool) {
	reply.SSRC = s.SSRC()
	way = route{transport: t, conn: n}
	switch t.Protocol {
	case protocol.UDP:
		rtp, rtcp, ok := m.broadcaster.RTPPorts(t.RTP.Addr())
		if !ok {
			return reply, way, false
		}
		// Answer from the address that was asked: a player behind a firewall, or one
		// that asked a second address, receives from no other.
		way.source = n.tcp.Local().Addr()
		reply.Source = way.source
		reply.ServerRTPPort, reply.ServerRTCPPort = rtp, rtcp
	case protocol.Multicast:
		group, ok := s.Group(n.tcp.Peer().Addr().Is4())
		if !ok {
			return reply, way, false
		}
		reply.Group, reply.TTL = group.Peer, uint8(group.TTL)
	}
	return reply, way, true
}

// Play begins to send.
func (m *media) Play(_ *protocol.Conn, session *protocol.Session) (protocol.Start, protocol.Answer) {
	r := session.User.(*reader)
	if err := r.play(); err != nil {
		return protocol.Start{}, m.refuse(r, err)
	}
	sequence, rtpTime, known := r.session.Begins()
	return protocol.Start{Sequence: sequence, RTPTime: rtpTime, Unknown: !known}, protocol.OK
}

// refuse is the answer to a PLAY that failed.
func (m *media) refuse(r *reader, err error) protocol.Answer {
	if r.rtsp.User == nil { // the program has ended it
		return protocol.Answer{Status: protocol.StatusSessionNotFound}
	}
	if _, refused := err.(*cast.Refusal); refused || err == cast.ErrClosed {
		return answerTo(err, protocol.StatusNotEnoughBandwidth)
	}
	m.broadcaster.LogRefusal(r.session.Peer(), cast.RTSP, r.session.Stream().Name(), err)
	return protocol.Answer{Status: protocol.StatusInternalServerError}
}

// Pause stops sending.
func (m *media) Pause(session *protocol.Session) { session.User.(*reader).pause() }

// End ends a session that the client has ended.
func (m *media) End(session *protocol.Session, reason protocol.EndReason) {
	if r, ok := session.User.(*reader); ok {
		session.User = nil
		r.session.Gone(fmt.Sprint(reason))
	}
}

// Alive notes a sign of life.
func (m *media) Alive(session *protocol.Session) {
	if r, ok := session.User.(*reader); ok {
		r.session.Alive()
	}
}

// Interleaved takes a TCP reader's RTCP.
func (m *media) Interleaved(session *protocol.Session, _ uint8, payload []byte) {
	if r, ok := session.User.(*reader); ok {
		r.session.TakeRTCP(payload)
	}
}

var _ protocol.Media = (*media)(nil)
