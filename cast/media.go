package cast

import (
	"fmt"

	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// media is the Broadcaster as the RTSP server sees it.
type media Broadcaster

// Describe finds a stream. The bare path means the only one.
func (m *media) Describe(path string) (rtsp.Description, bool) {
	s := (*Broadcaster)(m).stream(path)
	if path == "" && len(m.streams) == 1 {
		s = m.streams[0]
	}
	if s == nil || s.source.ended || m.leaving {
		return rtsp.Description{}, false
	}
	return s.sdp(), true
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
func (m *media) Setup(session *rtsp.Session, path string, t rtsp.Transport) (rtsp.TransportReply, rtsp.Status) {
	b := (*Broadcaster)(m)
	s := b.stream(path)
	if s == nil || s.source.ended || b.leaving {
		return rtsp.TransportReply{}, rtsp.StatusNotFound
	}
	reply, route, status := b.route(s, t)
	if status != rtsp.StatusOK {
		return reply, status
	}
	r, known := session.User.(*Reader)
	if !known {
		if b.config.MaxReaders > 0 && b.readers >= b.config.MaxReaders {
			b.config.Log.Warn("reader refused: there are as many as may be", "peer", b.receiving.conn.Peer(), "max_readers", b.config.MaxReaders)
			return rtsp.TransportReply{}, rtsp.StatusNotEnoughBandwidth
		}
		b.readers++
		r = &Reader{stream: s, session: session, lastAlive: b.loop.Now()}
		session.User = r
	}
	r.setRoute(route)
	return reply, rtsp.StatusOK
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
func (m *media) Play(session *rtsp.Session) (rtsp.Start, rtsp.Status) {
	r := session.User.(*Reader)
	s := r.stream
	if m.leaving || s.source.ended {
		return rtsp.Start{}, rtsp.StatusServiceUnavailable
	}
	if err := r.play(); err != nil {
		s.log.Warn("reader cannot be served", "peer", r.peer(), "error", err)
		return rtsp.Start{}, rtsp.StatusInternalServerError
	}
	if s.figures.Frames == 0 {
		return rtsp.Start{Unknown: true}, rtsp.StatusOK
	}
	return rtsp.Start{Sequence: s.packetizer.NextSequence(), RTPTime: s.clock.At(s.cast.loop.Now())}, rtsp.StatusOK
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
