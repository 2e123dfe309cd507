package rtsp

import (
	"net/netip"

	"github.com/camcast/camcast/cast"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// reader joins an RTSP session and a cast.Session.
type reader struct {
	session *cast.Session
	rtsp    *protocol.Session
	route   route
}

// route is the way to a reader.
type route struct {
	transport protocol.Transport
	source    netip.Addr // UDP: the address to send from
	conn      *conn      // the connection that set it up
}

// play has the reader served from the next frame on.
func (r *reader) play() error {
	switch t := r.route.transport; t.Protocol {
	case protocol.UDP:
		return r.session.PlayUDP(cast.Address{RTP: t.RTP, RTCP: t.RTCP, Source: r.route.source})
	case protocol.TCP:
		if r.session.Playing() {
			return nil
		}
		r.route.conn.addInterleaved(r)
		if err := r.session.PlayTCP(r.route.conn.tcp, t.RTPChannel); err != nil {
			r.route.conn.removeInterleaved(r)
			return err
		}
		return nil
	}
	return r.session.PlayGroup()
}

// pause has the reader no longer served.
func (r *reader) pause() {
	r.session.Pause()
	r.route.conn.removeInterleaved(r)
}

// ended is called when the cast.Session has ended. A player that is told of a stream's end
// hangs up by itself. With any other end an interleaved connection is of no more use, unless it
// has other sessions.
func (r *reader) ended(string) {
	c := r.route.conn
	c.removeInterleaved(r)
	c.used = c.server.broadcaster.Loop().Awake()
	byReader := r.rtsp.User == nil
	r.rtsp.User = nil
	r.rtsp.End()
	over := r.session.Stream().State() == cast.Ended
	if !byReader && !over && r.route.transport.Protocol == protocol.TCP && c.rtsp.Sessions() == 0 {
		c.close()
	}
}
