package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// rtspSession is a session with an RTSP server: a connection, and a pair of sockets if
// packets come by UDP.
type rtspSession struct {
	viewer   *viewer
	listener listener
	at       netip.AddrPort     // the server
	conn     *tcp.Conn          // nil until it is there, by TLS
	giveUp   context.CancelFunc // ends its coming about; nil without TLS
	onlyTCP  bool
	pair     *socketPair    // nil if packets come on the connection
	server   netip.AddrPort // where reports go by UDP, invalid if that is not known
	client   *client.Client // nil until the connection is there
	timer    *loop.Timer    // when the client is due
	playing  bool
	closed   bool
	scratch  []byte
}

var errHungUp = errors.New("the server closed the connection")

// openRTSP connects to a server. By TCP alone packets come on the connection, else by UDP
// or, if that is not forbidden, on the connection if the server wants it so.
func openRTSP(v *viewer, server netip.AddrPort, onlyTCP bool, l listener) (*rtspSession, error) {
	s := &rtspSession{viewer: v, listener: l, at: server, onlyTCP: onlyTCP}
	s.timer = v.loop.NewTimer(s.expired)
	if v.tls != nil {
		var ctx context.Context
		ctx, s.giveUp = context.WithCancel(context.Background())
		dialTLS(ctx, v.loop, server, v.tls, s.adopt)
		return s, nil
	}
	var err error
	if s.conn, err = tcp.Dial(v.loop, server, s); err != nil {
		return nil, err
	}
	return s, nil
}

// begin makes the client, now that this side's address is known.
func (s *rtspSession) begin() error {
	config := client.Config{
		URL: s.viewer.settings.address.url, UserAgent: commandline.Version("camview"),
		FallBack: s.viewer.settings.transport == anyTransport,
	}
	var err error
	if !s.onlyTCP {
		if s.pair, err = openPair(s.viewer, s.conn.Local().Addr(), s); err != nil {
			return err
		}
		config.RTPPort = s.pair.rtp.Local().Port()
	}
	if s.client, err = client.New(config); err != nil {
		return err
	}
	s.say(s.client.Start(s.viewer.loop.Now(), s.scratch[:0]))
	return nil
}

// Writable is a tcp.Handler's: the connection is there.
func (s *rtspSession) Writable() {
	if s.client == nil {
		if err := s.begin(); err != nil {
			s.fail(err)
		}
	}
}

// Data is a tcp.Handler's.
func (s *rtspSession) Data(p []byte) {
	if s.client == nil { // who speaks before being spoken to is no RTSP server
		s.fail(fmt.Errorf("%v: not RTSP: the server says %.40q", s.at, p))
		return
	}
	request, err := s.client.Receive(s.viewer.loop.Now(), p, s.scratch[:0], (*rtspReceiver)(s))
	s.proceed(request, err)
}

// expired is called when the client is due.
func (s *rtspSession) expired() {
	request, err := s.client.Expire(s.viewer.loop.Now(), s.scratch[:0])
	s.proceed(request, err)
}

// proceed does what the client wants.
func (s *rtspSession) proceed(request []byte, err error) {
	if s.closed {
		return
	}
	s.say(request)
	switch {
	case s.closed:
	case s.client.Done():
		s.close()
		s.listener.ended(nil)
	case err != nil:
		s.fail(fmt.Errorf("%v: %w", s.at, err))
	}
}

// say writes to the server, and waits for what the client waits for.
func (s *rtspSession) say(words []byte) {
	s.scratch = words
	if len(words) > 0 {
		if err := s.conn.Write(words); err != nil {
			s.fail(fmt.Errorf("%v: %w", s.at, err))
			return
		}
	}
	if next, ok := s.client.Next(); ok {
		s.timer.Set(next)
	} else {
		s.timer.Stop()
	}
}

// Closed is a tcp.Handler's: the connection is gone, or did not come about.
func (s *rtspSession) Closed(err error) {
	switch {
	case s.client != nil && s.client.Leaving():
		err = nil
	case err == nil:
		err = fmt.Errorf("%v: %w", s.at, errHungUp)
	}
	s.fail(err)
}

// fail ends the session.
func (s *rtspSession) fail(err error) {
	if s.closed {
		return
	}
	s.close()
	s.listener.ended(err)
}

// report is a session's.
func (s *rtspSession) report(packet []byte) {
	switch {
	case !s.playing || s.closed:
	case s.pair == nil:
		s.say(s.client.AppendRTCP(s.scratch[:0], packet))
	case s.server.IsValid():
		_ = s.pair.rtcp.SendTo(packet, s.server, netip.Addr{}) // lost, as it may be on the way
	}
}

// leave is a session's.
func (s *rtspSession) leave(goodbye []byte) {
	if s.client == nil {
		s.fail(nil)
		return
	}
	if goodbye != nil {
		s.report(goodbye)
	}
	s.proceed(s.client.Leave(s.viewer.loop.Now(), s.scratch[:0]), nil)
}

// close is a session's. The server is told, but not waited for.
func (s *rtspSession) close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.client != nil {
		if farewell := s.client.Leave(s.viewer.loop.Now(), s.scratch[:0]); len(farewell) > 0 {
			_ = s.conn.Write(farewell) // as well as it can
		}
		s.client.Close()
	}
	s.timer.Stop()
	if s.giveUp != nil {
		s.giveUp()
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.pair != nil {
		s.pair.close()
	}
}

// rtspReceiver is the session as its client sees it.
type rtspReceiver rtspSession

// Playing is a client.Receiver's: the server sends from now on.
func (r *rtspReceiver) Playing(p client.Playing) {
	s := (*rtspSession)(r)
	s.playing = true
	begun := start{roundTrip: p.RoundTrip, format: p.Format, parameterSets: p.ParameterSets, width: p.Width, height: p.Height}
	if p.UDP {
		s.listen(p)
		begun.fallBack = s.viewer.settings.transport == anyTransport
	} else if s.pair != nil {
		s.pair.close()
		s.pair = nil
	}
	s.listener.started(begun)
}

// RTP and RTCP are a client.Receiver's.
func (r *rtspReceiver) RTP(packet []byte)  { r.listener.rtp(packet) }
func (r *rtspReceiver) RTCP(packet []byte) { r.listener.rtcp(packet) }
