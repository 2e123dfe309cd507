package rtsp

import (
	"net/netip"
	"strconv"
)

// setup gives a transport to a new session or, unless it plays, to the one that the request names. A new session is nothing
// but an id until Media has taken it.
func (c *Conn) setup(rq *request, out []byte) []byte {
	path, ok := c.server.media.Resolve(c.streamPath(rq.target))
	if !ok {
		return c.notFound(out, rq, Answer{Status: StatusNotFound})
	}
	offers := rq.header["Transport"]
	if len(offers) == 0 {
		return c.status(out, rq, StatusBadRequest)
	}
	keyMgmt, ok := parseKeyMgmt(rq.header["Keymgmt"])
	if !ok {
		return c.refuse(out, rq, Answer{Status: StatusBadRequest, Reason: "Bad Request: KeyMgmt must be prot=mikey;data=\"...\", in base64"})
	}
	s := rq.session
	switch {
	case s != nil && s.path != path:
		return c.status(out, rq, StatusAggregateNotAllowed)
	case s != nil && s.state == Playing:
		return c.simple(out, rq, Answer{Status: StatusMethodNotValidInState}, "Allow", playingMethods)
	case (s == nil || s.conn != c) && len(c.sessions) >= c.server.cfg.MaxSessionsPerConn:
		return c.status(out, rq, StatusServiceUnavailable)
	case s == nil:
		id := c.server.newID()
		if id == "" {
			return c.status(out, rq, StatusInternalServerError)
		}
		s = &Session{id: id, path: path, owner: c.peer.Addr(), state: Ready, conn: c}
	}
	t, reply, answer := c.negotiate(s, parseTransports(offers), keyMgmt)
	if answer.Status != StatusOK {
		return c.refuse(out, rq, answer)
	}
	s.transport, s.url = t, rq.target.url
	s.bind(c)
	if s.server == nil {
		c.server.register(s)
	}
	out = c.begin(out, rq, answer)
	out = c.session(out, s, true)
	out = appendTransport(out, t, reply)
	if reply.KeyMgmt != nil {
		out = appendKeyMgmt(out, rq.target.url, reply.KeyMgmt)
	}
	return append(out, "\r\n"...)
}

// streamPath is the path of the stream that a URL of SETUP means.
func (c *Conn) streamPath(t target) string {
	// GStreamer resolves the track against rtsp://host/cam?query as if there were no base, and asks for /trackID=0.
	if t.path == "" && t.track && c.described != "" {
		return c.described
	}
	return t.path
}

// negotiate offers the client's transports to Media, in the client's order, until one is taken, refused for good or to be
// decided on later.
func (c *Conn) negotiate(s *Session, offers []offer, keyMgmt string) (Transport, TransportReply, Answer) {
	unsupported := Answer{Status: StatusUnsupportedTransport}
	for _, o := range offers {
		t := Transport{Protocol: o.protocol, Sealed: o.sealed}
		if o.sealed {
			t.KeyMgmt = keyMgmt
		}
		switch o.protocol {
		case UDP:
			t.RTP = netip.AddrPortFrom(c.peer.Addr(), o.rtpPort)
			t.RTCP = netip.AddrPortFrom(c.peer.Addr(), o.rtcpPort)
		case TCP:
			channel, ok := c.channels(s, o)
			if !ok {
				continue
			}
			t.RTPChannel, t.RTCPChannel = channel, channel+1
		}
		reply, answer := c.server.media.Setup(c, s, s.path, t)
		t.KeyMgmt = ""
		if answer.Status != StatusUnsupportedTransport {
			return t, reply, answer
		}
		unsupported = answer
	}
	return Transport{}, TransportReply{}, unsupported
}

// appendTransport appends the Transport header of the answer (RFC 2326 section 12.39).
func appendTransport(out []byte, t Transport, reply TransportReply) []byte {
	out = append(out, "Transport: RTP/"...)
	if t.Sealed {
		out = append(out, 'S')
	}
	switch t.Protocol {
	case UDP:
		out = append(out, "AVP;unicast"...)
		out = appendPair(out, ";client_port=", t.RTP.Port(), t.RTCP.Port())
		if reply.ServerRTPPort != 0 {
			out = appendPair(out, ";server_port=", reply.ServerRTPPort, reply.ServerRTCPPort)
		}
	case TCP:
		out = append(out, "AVP/TCP;unicast"...)
		out = appendPair(out, ";interleaved=", uint16(t.RTPChannel), uint16(t.RTCPChannel))
	case Multicast:
		out = append(out, "AVP;multicast"...)
		if reply.Group.IsValid() {
			out = append(out, ";destination="...)
			out = reply.Group.Addr().AppendTo(out)
			out = appendPair(out, ";port=", reply.Group.Port(), reply.Group.Port()+1)
		}
		out = append(out, ";ttl="...)
		out = strconv.AppendUint(out, uint64(reply.TTL), 10)
	}
	if reply.Source.IsValid() && t.Protocol != TCP {
		out = append(out, ";source="...)
		out = reply.Source.Unmap().WithZone("").AppendTo(out)
	}
	if !t.Sealed {
		out = append(out, ";ssrc="...)
		const hex = "0123456789ABCDEF" // 8 digits, RFC 2326 section 12.39
		for shift := 28; shift >= 0; shift -= 4 {
			out = append(out, hex[reply.SSRC>>shift&0xf])
		}
	}
	return append(out, ";mode=\"PLAY\"\r\n"...)
}

func appendPair(out []byte, name string, first, second uint16) []byte {
	out = append(out, name...)
	out = strconv.AppendUint(out, uint64(first), 10)
	out = append(out, '-')
	return strconv.AppendUint(out, uint64(second), 10)
}
