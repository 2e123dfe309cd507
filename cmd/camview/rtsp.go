package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/pion/sdp/v3"
)

// rtspSession is a session with an RTSP server.
type rtspSession struct {
	viewer   *viewer
	listener listener
	conn     *tcp.Conn
	pair     *socketPair // nil with TCP
	tcp      bool
	url      *base.URL
	input    []byte
	id       string
	control  *base.URL
	base     *base.URL
	server   netip.AddrPort // where RTCP goes
	step     base.Method
	cseq     int
	asked    time.Duration
	alive    *loop.Timer
	closed   bool
}

func openRTSP(v *viewer, server netip.AddrPort, onlyTCP bool, l listener) (*rtspSession, error) {
	u, err := base.ParseURL(v.settings.address.url)
	if err != nil {
		return nil, err
	}
	s := &rtspSession{viewer: v, listener: l, tcp: onlyTCP, url: u, step: base.Describe}
	s.alive = v.loop.NewTimer(s.keepAlive)
	if s.conn, err = tcp.Dial(v.loop, server, s); err != nil {
		return nil, err
	}
	return s, s.ask(base.Describe, u, base.Header{"Accept": {"application/sdp"}})
}

func (s *rtspSession) ask(m base.Method, u *base.URL, h base.Header) error {
	s.cseq++
	h["CSeq"] = base.HeaderValue{strconv.Itoa(s.cseq)}
	if s.id != "" {
		h["Session"] = base.HeaderValue{s.id}
	}
	request := base.Request{Method: m, URL: u, Header: h}
	b, err := request.Marshal()
	if err != nil {
		return err
	}
	s.step, s.asked = m, s.viewer.loop.Now()
	return s.conn.Write(b)
}

func (s *rtspSession) Writable() {}

func (s *rtspSession) Closed(err error) {
	if err == nil {
		err = errors.New("the server closed the connection")
	}
	s.fail(err)
}

func (s *rtspSession) fail(err error) {
	if s.closed {
		return
	}
	if s.step == base.Teardown {
		err = nil
	}
	s.close()
	s.listener.ended(err)
}

func (s *rtspSession) Data(p []byte) {
	s.input = append(s.input, p...)
	for !s.closed {
		n, err := s.message(s.input)
		if err != nil {
			s.fail(fmt.Errorf("%v: %w", s.conn.Peer(), err))
			return
		}
		if n == 0 {
			return
		}
		s.input = s.input[:copy(s.input, s.input[n:])]
	}
}

// message takes the first message of the input, if it is whole.
func (s *rtspSession) message(in []byte) (int, error) {
	if len(in) < 4 {
		return 0, nil
	}
	if in[0] == '$' {
		n := 4 + int(in[2])<<8 + int(in[3])
		if len(in) < n {
			return 0, nil
		}
		if in[1] == 0 {
			s.listener.rtp(in[4:n])
		} else {
			s.listener.rtcp(in[4:n])
		}
		return n, nil
	}
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	n := end + 4
	for line := range strings.SplitSeq(string(in[:end]), "\r\n") {
		if k, v, _ := strings.Cut(line, ":"); strings.EqualFold(k, "Content-Length") {
			length, _ := strconv.Atoi(strings.TrimSpace(v))
			n += length
		}
	}
	if len(in) < n {
		return 0, nil
	}
	var r base.Response
	if err := r.Unmarshal(bufio.NewReader(bytes.NewReader(in[:n]))); err != nil {
		return 0, err
	}
	return n, s.answer(&r)
}

func (s *rtspSession) answer(r *base.Response) error {
	if r.StatusCode != base.StatusOK {
		return fmt.Errorf("%s: %d %s", s.step, r.StatusCode, r.StatusMessage)
	}
	switch s.step {
	case base.Describe:
		var d sdp.SessionDescription
		var session description.Session
		if err := d.Unmarshal(r.Body); err != nil {
			return err
		}
		if err := session.Unmarshal2(&d); err != nil {
			return err
		}
		var mjpeg *format.MJPEG
		media := session.FindFormat(&mjpeg)
		if media == nil {
			return errors.New("no JPEG")
		}
		s.base = s.url
		if b := r.Header["Content-Base"]; len(b) == 1 {
			u, err := base.ParseURL(b[0])
			if err != nil {
				return err
			}
			s.base = u
		}
		var err error
		if s.control, err = media.URL(s.base); err != nil {
			return err
		}
		return s.setup()
	case base.Setup:
		s.id, _, _ = strings.Cut(r.Header["Session"][0], ";")
		var t headers.Transport
		if err := t.Unmarshal(r.Header["Transport"]); err != nil {
			return err
		}
		if t.ServerPorts != nil {
			s.server = netip.AddrPortFrom(s.conn.Peer().Addr(), uint16(t.ServerPorts[1]))
		}
		return s.ask(base.Play, s.base, base.Header{})
	case base.Play:
		s.alive.SetAfter(20 * time.Second)
		s.listener.started(start{roundTrip: s.viewer.loop.Now() - s.asked, fallBack: !s.tcp && s.viewer.settings.transport == anyTransport})
	case base.Teardown:
		s.close()
		s.listener.ended(nil)
	}
	return nil
}

func (s *rtspSession) setup() error {
	t := "RTP/AVP/TCP;unicast;interleaved=0-1"
	if !s.tcp {
		var err error
		s.pair, err = openPair(s.viewer, s.conn.Local().Addr(), s.conn.Peer().Addr(), s.listener)
		if err != nil {
			return err
		}
		port := s.pair.rtp.Local().Port()
		t = fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1)
	}
	return s.ask(base.Setup, s.control, base.Header{"Transport": {t}})
}

func (s *rtspSession) keepAlive() {
	if err := s.ask(base.Options, s.base, base.Header{}); err != nil {
		s.fail(err)
	}
	s.alive.SetAfter(20 * time.Second)
}

func (s *rtspSession) report(packet []byte) {
	if s.pair != nil {
		_ = s.pair.rtcp.SendTo(packet, s.server, netip.Addr{})
		return
	}
	_ = s.conn.Write(append([]byte{'$', 1, byte(len(packet) >> 8), byte(len(packet))}, packet...))
}

func (s *rtspSession) leave(goodbye []byte) {
	if s.id == "" {
		s.fail(nil)
		return
	}
	if goodbye != nil {
		s.report(goodbye)
	}
	if err := s.ask(base.Teardown, s.base, base.Header{}); err != nil {
		s.fail(err)
	}
}

func (s *rtspSession) close() {
	s.closed = true
	s.alive.Stop()
	s.conn.Close()
	if s.pair != nil {
		s.pair.close()
	}
}
