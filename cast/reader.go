package cast

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/proto/rtsp"
)

// Reader is someone who watches a stream by RTSP.
type Reader struct {
	stream  *Stream
	session *rtsp.Session
	route   route

	playing bool
	udp     *UDPReader // while playing over UDP
	tcp     *tcpReader // while playing over TCP

	joined       time.Duration // when it first played
	played       bool
	frames, lags uint64 // so far, without what the present UDPReader had
	withheld     int    // likewise
	heard        reception
	lastAlive    time.Duration
}

// route is the way to a reader.
type route struct {
	transport rtsp.Transport
	source    netip.Addr   // UDP: the address to send from
	conn      *controlConn // the connection that set it up
}

// setRoute changes the way; the reader must not be playing.
func (r *Reader) setRoute(way route) { r.route = way }

// play has the reader served from the next frame on.
func (r *Reader) play() error {
	if r.playing {
		return nil
	}
	s, b := r.stream, r.stream.cast
	switch r.route.transport.Protocol {
	case rtsp.UDP:
		var err error
		r.udp, err = s.Join(Place{RTP: r.route.transport.RTP, RTCP: r.route.transport.RTCP, Source: r.route.source}, r)
		if err != nil {
			return err
		}
	case rtsp.TCP:
		r.tcp = &tcpReader{conn: r.route.conn.conn, channel: r.route.transport.RTPChannel, owner: r}
		s.addTCP(r.tcp)
		r.route.conn.addInterleaved(r.tcp)
		s.source.begin()
	}
	r.playing = true
	if !r.played {
		r.played, r.joined = true, b.loop.Now()
		s.log.Info("reader joined", "peer", r.peer(), "transport", r.route.transport.Protocol, "readers", s.Readers())
	}
	return nil
}

// pause has the reader no longer served.
func (r *Reader) pause() {
	if !r.playing {
		return
	}
	r.playing = false
	if r.udp != nil {
		r.frames += r.udp.Frames()
		r.lags += r.udp.Lags()
		r.withheld += r.udp.Withheld()
		r.udp.Leave()
		r.udp = nil
	}
	if r.tcp != nil {
		r.stream.removeTCP(r.tcp)
		r.route.conn.removeInterleaved(r.tcp)
		r.tcp = nil
	}
}

// peer is where the reader is, for the log.
func (r *Reader) peer() netip.AddrPort {
	if r.route.transport.Protocol == rtsp.UDP {
		return r.route.transport.RTP
	}
	return r.route.conn.conn.Peer()
}

// Control takes RTCP that came by UDP.
func (r *Reader) Control(packet []byte) {
	r.alive()
	r.feedback(packet)
}

// feedback takes RTCP from the reader.
func (r *Reader) feedback(packet []byte) { r.heard.take(r.stream, r.udp, packet) }

// alive notes a sign of life.
func (r *Reader) alive() { r.lastAlive = r.stream.cast.loop.Now() }

// end ends the reader's session.
func (r *Reader) end(reason string) {
	r.session.End()
	r.ended(reason)
}

// ended forgets the reader, whose session is over.
func (r *Reader) ended(reason string) {
	r.pause()
	r.logLeft(reason)
	r.stream.cast.readers--
	r.session.User = nil
}

// Lost ends a reader that can no longer be sent to.
func (r *Reader) Lost(err error) {
	r.stream.log.Debug("reader cannot be sent to", "peer", r.peer(), "error", err)
	way := r.route
	r.end("unreachable")
	if way.transport.Protocol == rtsp.TCP {
		way.conn.close()
	}
}

func (r *Reader) logLeft(reason string) {
	if !r.played {
		return
	}
	s := r.stream
	s.log.Info("reader left", "peer", r.peer(), "reason", reason,
		"seconds", (s.cast.loop.Now() - r.joined).Round(time.Millisecond).Seconds(),
		"frames", r.frames, "lags", r.lags, "reports", r.heard.reports,
		"packets_lost", int(r.heard.last.CumulativeLost)-r.withheld, "jitter", r.heard.jitter())
}
