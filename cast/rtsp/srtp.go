package rtsp

import (
	"github.com/camcast/camcast/cast"
	protocol "github.com/camcast/camcast/proto/rtsp"
	"github.com/camcast/camcast/proto/srtp"
)

// On an encrypted connection streams are described as SRTP, with their keys (RFC 4567), and frames go
// nowhere else in plain: UDP is SRTP, or it is refused. On the connection itself they may be SRTP, which
// GStreamer asks for, or plain RTP, as ffmpeg asks for. Groups are plain, and refused.
//
// A client takes the rollover counter from the description or from the answer to SETUP, whichever it likes:
// so both say the same, though it has gone on between.

// told is what was told of a stream.
type told struct {
	stream *cast.Stream
	offer  srtp.Offer
}

// keys are what a session is sealed with; the zero value is none.
type keys struct {
	sealed bool
	offer  srtp.Offer
	peer   srtp.Peer
}

// offer is what a client must know of a stream's keys, nil if it may not know it.
func (m *media) offer(n *conn, s *cast.Stream) (message []byte, err error) {
	offer, ok := s.SRTP()
	if !ok || !n.rtsp.Secure {
		return nil, nil
	}
	n.told = told{s, offer}
	return m.message(offer)
}

func (m *media) message(o srtp.Offer) ([]byte, error) {
	return o.MIKEY(m.broadcaster.Loop().Kernel().Wall(), m.broadcaster.Config().Random)
}

// carries says why a stream does not go by a transport that was asked for on this connection.
func (c *conn) carries(s *cast.Stream, t protocol.Transport) protocol.Answer {
	reason := ""
	switch _, ok := s.SRTP(); {
	case t.Sealed && !c.rtsp.Secure:
		reason = "SRTP is for rtsps:// alone, as its keys must not be read by others"
	case t.Sealed && !ok:
		reason = "there is no SRTP: ask for RTP/AVP/TCP"
	case c.rtsp.Secure && t.Protocol != protocol.TCP && !t.Sealed:
		reason = "over UDP, rtsps:// is for SRTP alone: ask for RTP/SAVP or RTP/AVP/TCP"
	default:
		return protocol.OK
	}
	status := protocol.StatusUnsupportedTransport
	return protocol.Answer{Status: status, Reason: status.String() + ": " + reason}
}

// keys reads what a client has said of its keys, and tells it ours.
func (m *media) keys(n *conn, s *cast.Stream, t protocol.Transport, reply *protocol.TransportReply) (keys, protocol.Answer) {
	if !t.Sealed {
		return keys{}, protocol.OK
	}
	bad := protocol.Answer{Status: protocol.StatusBadRequest, Reason: protocol.StatusBadRequest.String() + ": RTP/SAVP needs the header KeyMgmt"}
	if t.KeyMgmt == "" {
		return keys{}, bad
	}
	peer, err := srtp.ParseMIKEY([]byte(t.KeyMgmt))
	if err != nil {
		bad.Reason = protocol.StatusBadRequest.String() + ": " + err.Error()
		return keys{}, bad
	}
	offer := n.told.offer
	if n.told.stream != s {
		offer, _ = s.SRTP()
	}
	if reply.KeyMgmt, err = m.message(offer); err != nil {
		return keys{}, protocol.Answer{Status: protocol.StatusInternalServerError}
	}
	return keys{true, offer, peer}, protocol.OK
}

// give gives the keys to a session that does not play.
func (k keys) give(s *cast.Session) error {
	if !k.sealed {
		s.Unseal()
		return nil
	}
	return s.Seal(k.offer, k.peer)
}
