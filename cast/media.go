package cast

import (
	"fmt"

	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// media is the Broadcaster as the RTSP server sees it.
type media Broadcaster

// Resolve finds a stream. The bare path means the only one.
func (m *media) Resolve(path string) (string, bool) {
	if path == "" && len(m.streams) == 1 {
		path = m.streams[0].name
	}
	s := (*Broadcaster)(m).stream(path)
	return path, s != nil && !s.source.ended && !m.leaving
}

// Describe describes a stream.
func (m *media) Describe(_ *rtsp.Conn, path string) (rtsp.Description, rtsp.Answer) {
	name, ok := m.Resolve(path)
	if !ok {
		return rtsp.Description{}, rtsp.Answer{Status: rtsp.StatusNotFound}
	}
	return (*Broadcaster)(m).stream(name).sdp(), rtsp.OK
}

// sdp describes the stream to a player.
func (s *Stream) sdp() rtsp.Description {
	return rtsp.Description{
		Path: s.name, Name: s.name, SessionID: uint64(s.ssrc), Version: s.version,
		PayloadType: rtp.PayloadTypeJPEG, Encoding: fmt.Sprintf("JPEG/%d", rtp.ClockHz),
		Width: s.description.Width, Height: s.description.Height, FrameRate: s.description.FramesPerSecond,
	}
}

// Setup makes a reader of a session.
func (m *media) Setup(_ *rtsp.Conn, session *rtsp.Session, path string, t rtsp.Transport) (rtsp.TransportReply, rtsp.Answer) {
	b := (*Broadcaster)(m)
	s := b.stream(path)
	reply, route, status := b.route(s, t)
	if status != rtsp.StatusOK {
		return reply, rtsp.Answer{Status: status}
	}
	r, known := session.User.(*Reader)
	if !known {
		if b.config.MaxReaders > 0 && b.readers >= b.config.MaxReaders {
			b.config.Log.Warn("reader refused: there are as many as may be", "peer", b.receiving.conn.Peer(), "max_readers", b.config.MaxReaders)
			return rtsp.TransportReply{}, rtsp.Answer{Status: rtsp.StatusNotEnoughBandwidth}
		}
		b.readers++
		r = &Reader{stream: s, session: session, lastAlive: b.loop.Now()}
		session.User = r
	}
	r.setRoute(route)
	return reply, rtsp.OK
}

// route finds the way to a reader.
func (b *Broadcaster) route(s *Stream, t rtsp.Transport) (rtsp.TransportReply, route, rtsp.Status) {
	reply := rtsp.TransportReply{SSRC: s.ssrc}
	way := route{transport: t, conn: b.receiving}
	switch t.Protocol {
	case rtsp.UDP:
		pair := b.pairFor(t.RTP.Addr())
		if pair == nil {
			break
		}
		// Answer from the address that was asked: a player behind a firewall, or one
		// that asked a second address, hears no other.
		way.source = b.receiving.conn.Local().Addr()
		reply.Source = way.source
		reply.ServerRTPPort, reply.ServerRTCPPort = pair.rtp.Local().Port(), pair.rtcp.Local().Port()
		return reply, way, rtsp.StatusOK
	case rtsp.TCP:
		return reply, way, rtsp.StatusOK
	case rtsp.Multicast:
		for _, d := range s.fixed {
			if d.Peer.Addr().IsMulticast() && d.Peer.Addr().Is4() == b.receiving.conn.Peer().Addr().Is4() {
				reply.Group, reply.TTL = d.Peer, uint8(d.TTL)
				return reply, way, rtsp.StatusOK
			}
		}
	}
	return reply, way, rtsp.StatusUnsupportedTransport
}

// Play begins to send.
func (m *media) Play(_ *rtsp.Conn, session *rtsp.Session) (rtsp.Start, rtsp.Answer) {
	r := session.User.(*Reader)
	s := r.stream
	if m.leaving || s.source.ended {
		return rtsp.Start{}, rtsp.Answer{Status: rtsp.StatusServiceUnavailable}
	}
	if err := r.play(); err != nil {
		s.log.Warn("reader cannot be served", "peer", r.peer(), "error", err)
		return rtsp.Start{}, rtsp.Answer{Status: rtsp.StatusInternalServerError}
	}
	if s.figures.Frames == 0 {
		return rtsp.Start{Unknown: true}, rtsp.OK
	}
	return rtsp.Start{Sequence: s.packetizer.NextSequence(), RTPTime: s.clock.At(s.cast.loop.Now())}, rtsp.OK
}

// Pause stops sending.
func (m *media) Pause(session *rtsp.Session) { session.User.(*Reader).pause() }

// End forgets a reader.
func (m *media) End(session *rtsp.Session, reason rtsp.EndReason) {
	if r, ok := session.User.(*Reader); ok {
		r.ended(reason.String())
	}
}

// Alive notes a sign of life.
func (m *media) Alive(session *rtsp.Session) {
	if r, ok := session.User.(*Reader); ok {
		r.alive()
	}
}

// Interleaved takes a TCP reader's RTCP.
func (m *media) Interleaved(session *rtsp.Session, _ uint8, payload []byte) {
	if r, ok := session.User.(*Reader); ok {
		r.feedback(payload)
	}
}

var _ rtsp.Media = (*media)(nil)
