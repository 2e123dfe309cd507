package receive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtsp/client"
	"github.com/camcast/camcast/tlsbridge"
)

// RTSPConfig is what an RTSP session is to play, and how.
type RTSPConfig struct {
	// URL is that of the stream, with the user and the password if it has them; UserAgent is how
	// the program names itself.
	URL, UserAgent string
	// OnlyTCP: packets come on the connection. Else they come by UDP, and with FallBack on the
	// connection if the server refuses UDP.
	OnlyTCP, FallBack bool
	// AllowBasic has the password be sent in clear text to a server that takes it in no other way;
	// else the session ends with client.ErrClearText then.
	AllowBasic bool
	// Room is what datagrams are received into, for a program with many sessions; nil: rooms of
	// the session's own.
	Room *udp.Room
	// Dial connects by TLS, on another goroutine, and calls done on the loop, once, even when ctx
	// has ended. nil: the connection is plain TCP.
	Dial func(ctx context.Context, server netip.AddrPort, done func(tlsbridge.Dialled, error))
}

// RTSP is a session with an RTSP server: a connection, and a pair of sockets if packets come by
// UDP.
type RTSP struct {
	loop     *loop.Loop
	config   RTSPConfig
	listener Listener
	at       netip.AddrPort     // the server
	conn     *tcp.Conn          // nil until it is there, by TLS
	giveUp   context.CancelFunc // ends its coming about; nil without TLS
	pair     *socketPair        // nil if packets come on the connection
	server   netip.AddrPort     // where reports go by UDP, invalid if that is not known
	client   *client.Client     // nil until the connection is there
	timer    *loop.Timer        // when the client is due
	playing  bool
	closed   bool
	scratch  []byte
}

var errHungUp = errors.New("the server closed the connection")

// OpenRTSP begins to connect to a server. l is told what becomes of the session, never before
// OpenRTSP has returned.
func OpenRTSP(on *loop.Loop, server netip.AddrPort, c RTSPConfig, l Listener) (*RTSP, error) {
	s := &RTSP{loop: on, config: c, listener: l, at: server}
	s.timer = on.NewTimer(s.expired)
	if c.Dial != nil {
		var ctx context.Context
		ctx, s.giveUp = context.WithCancel(context.Background())
		c.Dial(ctx, server, s.adopt)
		return s, nil
	}
	var err error
	if s.conn, err = tcp.Dial(on, server, (*rtspConn)(s)); err != nil {
		return nil, err
	}
	return s, nil
}

// adopt takes a connection with TLS that has come about, or says why not.
func (s *RTSP) adopt(d tlsbridge.Dialled, err error) {
	if err != nil {
		s.fail(fmt.Errorf("%v: %w", s.at, err))
		return
	}
	conn, err := tcp.Adopt(s.loop, d.FD, d.Peer, d.Local, d.Outside, (*rtspConn)(s))
	switch {
	case err != nil:
		s.fail(fmt.Errorf("%v: %w", s.at, err))
	case s.closed:
		conn.Close()
	default:
		s.conn = conn
		s.connected()
	}
}

// connected begins to speak, if that has not begun: the connection is there.
func (s *RTSP) connected() {
	if s.client == nil {
		if err := s.begin(); err != nil {
			s.fail(err)
		}
	}
}

// begin makes the client, now that this side's address is known.
func (s *RTSP) begin() error {
	config := client.Config{URL: s.config.URL, UserAgent: s.config.UserAgent, FallBack: s.config.FallBack, AllowBasic: s.config.AllowBasic}
	var err error
	if !s.config.OnlyTCP {
		if s.pair, err = openPair(s); err != nil {
			return err
		}
		config.RTPPort = s.pair.rtp.Local().Port()
	}
	if s.client, err = client.New(config); err != nil {
		return err
	}
	s.say(s.client.Start(s.loop.Now(), s.scratch[:0]))
	return nil
}

// data takes what came on the connection.
func (s *RTSP) data(p []byte) {
	if s.client == nil { // who speaks before being spoken to is no RTSP server
		s.fail(fmt.Errorf("%v: not RTSP: the server says %.40q", s.at, p))
		return
	}
	request, err := s.client.Receive(s.loop.Now(), p, s.scratch[:0], (*rtspReceiver)(s))
	s.proceed(request, err)
}

// expired is called when the client is due.
func (s *RTSP) expired() {
	request, err := s.client.Expire(s.loop.Now(), s.scratch[:0])
	s.proceed(request, err)
}

// proceed does what the client wants.
func (s *RTSP) proceed(request []byte, err error) {
	if s.closed {
		return
	}
	s.say(request)
	switch {
	case s.closed:
	case s.client.Done():
		s.Close()
		s.listener.Ended(nil)
	case err != nil:
		s.fail(fmt.Errorf("%v: %w", s.at, err))
	}
}

// say writes to the server, and waits for what the client waits for.
func (s *RTSP) say(words []byte) {
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

// hungUp ends the session: the connection is gone, or did not come about.
func (s *RTSP) hungUp(err error) {
	switch {
	case s.client != nil && s.client.Leaving():
		err = nil
	case err == nil:
		err = fmt.Errorf("%v: %w", s.at, errHungUp)
	}
	s.fail(err)
}

// fail ends the session.
func (s *RTSP) fail(err error) {
	if s.closed {
		return
	}
	s.Close()
	s.listener.Ended(err)
}

// Report is a Session's.
func (s *RTSP) Report(packet []byte) {
	switch {
	case !s.playing || s.closed:
	case s.pair == nil:
		s.say(s.client.AppendRTCP(s.scratch[:0], packet))
	case s.server.IsValid():
		_ = s.pair.rtcp.SendTo(packet, s.server, netip.Addr{}) // lost, as it may be on the way
	}
}

// Leave is a Session's.
func (s *RTSP) Leave(goodbye []byte) {
	if s.client == nil {
		s.fail(nil)
		return
	}
	if goodbye != nil {
		s.Report(goodbye)
	}
	s.proceed(s.client.Leave(s.loop.Now(), s.scratch[:0]), nil)
}

// Close is a Session's. The server is told, but not waited for.
func (s *RTSP) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.client != nil {
		if farewell := s.client.Leave(s.loop.Now(), s.scratch[:0]); len(farewell) > 0 {
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

// rtspConn is the session as its connection sees it: a tcp.Handler.
type rtspConn RTSP

func (c *rtspConn) Data(p []byte)    { (*RTSP)(c).data(p) }
func (c *rtspConn) Writable()        { (*RTSP)(c).connected() }
func (c *rtspConn) Closed(err error) { (*RTSP)(c).hungUp(err) }

// rtspReceiver is the session as its client sees it.
type rtspReceiver RTSP

// Playing is a client.Receiver's: the server sends from now on.
func (r *rtspReceiver) Playing(p client.Playing) {
	s := (*RTSP)(r)
	s.playing = true
	begun := Start{RoundTrip: p.RoundTrip, UDP: p.UDP, Format: p.Format, ParameterSets: p.ParameterSets, Width: p.Width, Height: p.Height, FramesPerSecond: p.FramesPerSecond}
	if p.UDP {
		s.listen(p)
		begun.FallBack = s.config.FallBack
	} else if s.pair != nil {
		s.pair.close()
		s.pair = nil
	}
	s.listener.Started(begun)
}

// RTP and RTCP are a client.Receiver's.
func (r *rtspReceiver) RTP(packet []byte)  { r.listener.RTP(packet) }
func (r *rtspReceiver) RTCP(packet []byte) { r.listener.RTCP(packet) }
