package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/receive"
)

// joinSession is a session with a broadcaster that is joined without RTSP: a single
// socket, for everything.
type joinSession struct {
	loop     *loop.Loop
	listener receive.Listener
	socket   *udp.Socket
	server   netip.AddrPort
	client   *join.Client
	timer    *loop.Timer // when the client is to ask again
	asked    time.Duration
	joined   bool // or the list is complete
	scratch  []byte
}

// openJoin begins to join a stream, as the reader with that SSRC.
func openJoin(v *viewer, server netip.AddrPort, ssrc uint32, l receive.Listener) (*joinSession, error) {
	return startJoin(v, server, join.NewClient(v.settings.address.stream, ssrc, newNonce()), l)
}

// startJoin begins to ask, in the name of the user if there is one.
func startJoin(v *viewer, server netip.AddrPort, client *join.Client, l receive.Listener) (*joinSession, error) {
	client.SetUser(v.settings.address.user, v.settings.key)
	s := &joinSession{loop: v.loop, listener: l, server: server, client: client}
	local := netip.IPv4Unspecified()
	if server.Addr().Is6() {
		local = netip.IPv6Unspecified()
	}
	options := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: receive.ReceiveBufferBytes}, Room: v.room}
	var err error
	if s.socket, err = udp.Open(v.loop, netip.AddrPortFrom(local, 0), options, s.received); err != nil {
		return nil, err
	}
	s.timer = v.loop.NewTimer(s.expired)
	s.ask(s.client.Start(s.loop.Now(), nil))
	return s, nil
}

func newNonce() (nonce join.Nonce) {
	_, _ = rand.Read(nonce[:]) // never fails, says its doc
	return nonce
}

// ask sends a request, if there is one, and waits for the answer.
func (s *joinSession) ask(request []byte) {
	if len(request) > 0 {
		s.asked = s.loop.Now()
		s.Report(request)
	}
	if next, ok := s.client.Next(); ok {
		s.timer.Set(next)
	} else {
		s.timer.Stop()
	}
}

func (s *joinSession) expired() {
	request, err := s.client.Expire(s.loop.Now(), s.scratch[:0])
	s.proceed(request, err)
}

// received takes what comes on the socket: RTP, RTCP, and the answers to requests, which
// look like RTCP (RFC 5761, section 4).
func (s *joinSession) received(d udp.Datagram) {
	switch p := d.Payload; {
	case !sameEnd(d.From, s.server) || len(p) < 2:
	case p[1] < 192 || p[1] > 223:
		s.listener.RTP(p)
	case join.Is(p):
		request, err := s.client.Receive(s.loop.Now(), p, s.scratch[:0])
		s.proceed(request, err)
	default:
		s.listener.RTCP(p)
	}
}

// proceed does what the client wants.
func (s *joinSession) proceed(request []byte, err error) {
	s.scratch = request
	if err != nil {
		s.Close()
		err = fmt.Errorf("%v: %w", s.server, err)
		s.listener.Ended(s.withRemedy(err))
		return
	}
	begun := receive.Start{RoundTrip: s.loop.Now() - s.asked}
	s.ask(request)
	accepted := s.client.Accepted()
	if accepted != nil {
		begun.Format, begun.ParameterSets, err = formatOf(accepted)
		if err != nil {
			s.Close()
			s.listener.Ended(fmt.Errorf("%v: %w", s.server, err))
			return
		}
		begun.Readers, begun.Silence = int(min(accepted.Readers, rtcp.MaxMembers)), max(accepted.Timeout, time.Second)/2
	}
	if _, listed := s.client.Streams(); !s.joined && (listed || accepted != nil) {
		s.joined = true
		s.listener.Started(begun)
	}
}

// withRemedy adds to a refusal what would help.
func (s *joinSession) withRemedy(err error) error {
	refused, _ := errors.AsType[*join.RefusedError](err)
	switch {
	case refused == nil:
	case refused.Reason == join.NoSuchStream:
		return fmt.Errorf("%w; camview %s://%v/ lists the streams", err, joinScheme, s.server)
	case refused.Reason == join.Unauthorized && !refused.Proved:
		return fmt.Errorf("%w, as in %s://USER:PASSWORD@HOST/NAME", err, joinScheme)
	}
	return err
}

// formatOf is what the packets of a stream carry, and the parameter sets that the broadcaster has said.
func formatOf(a *join.Acceptance) (f media.Format, sets [][]byte, err error) {
	switch e := a.Stream.Encoding; {
	case e == "H264":
		sets, err = h264.ParseFormatParameters(a.FormatParameters)
		return media.H264, sets, err
	case e == "H265":
		sets, err = h265.ParseFormatParameters(a.FormatParameters)
		return media.H265, sets, err
	case e == "" && a.Stream.PayloadType == rtp.PayloadTypeJPEG, e == "JPEG":
		return media.JPEG, nil, nil
	case e == "":
		return 0, nil, fmt.Errorf("the stream is of payload type %d, and only JPEG, H264 and H265 can be shown", a.Stream.PayloadType)
	default:
		return 0, nil, fmt.Errorf("the stream is %.40q, and only JPEG, H264 and H265 can be shown", e)
	}
}

// sameEnd reports whether two addresses are the same, but for the zone that one of them
// may lack.
func sameEnd(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().WithZone("") == b.Addr().WithZone("")
}

// Report is a receive.Session's. What cannot be sent is lost, as it may be on the way.
func (s *joinSession) Report(packet []byte) { _ = s.socket.SendTo(packet, s.server, netip.Addr{}) }

// Leave is a receive.Session's.
func (s *joinSession) Leave(goodbye []byte) {
	if goodbye != nil {
		s.Report(goodbye)
	}
	s.Close()
	s.listener.Ended(nil)
}

// Close is a receive.Session's.
func (s *joinSession) Close() {
	s.timer.Stop()
	_ = s.socket.Close() // it fails only for a socket that is closed already
}
