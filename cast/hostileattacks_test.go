//go:build !race

// These broadcasts are simulated by one goroutine, in which the race detector has nothing to find but
// takes minutes. make test runs them without it.

package cast_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// attacks are what strangers do in one go.
var attacks = []func(*siege){
	(*siege).forgeJoins, (*siege).replayCookie, (*siege).guessCookies, (*siege).sendJunk, (*siege).drip,
	(*siege).connectIdly, (*siege).pipeline, (*siege).floodInterleaved, (*siege).walkPorts, (*siege).askLowPorts,
	(*siege).hijack, (*siege).forgeReports, (*siege).floodRTCP, (*siege).setUpOnly, (*siege).watchAndLie,
	(*siege).watchAndNotRead, (*siege).nameAnother, (*siege).joinMany,
}

// stranger is the address of a hostile host, one of a few.
func (s *siege) stranger() string { return fmt.Sprintf("10.99.0.%d", 1+s.random.IntN(8)) }

// peer is a UDP port that keeps nothing.
func (s *siege) peer(at netip.AddrPort) *sim.UDPPeer {
	p, err := s.k.NewUDPPeer(at)
	s.must(err)
	p.CountOnly()
	return p
}

// strangerPort is a new port of a hostile host.
func (s *siege) strangerPort() *sim.UDPPeer {
	return s.peer(netip.AddrPortFrom(netip.MustParseAddr(s.stranger()), 0))
}

// inTheNameOf sends to the RTP port from the address of one who has not asked for anything.
func (s *siege) inTheNameOf(at netip.AddrPort, p []byte) {
	victim := s.peer(at)
	s.owed[at] += len(p)
	s.must(victim.Send(rtpAddr, p))
	victim.Close()
}

// victim is the address of one who has not asked for anything; some at ports of other services.
func (s *siege) victim() netip.AddrPort {
	port := uint16(1024 + s.random.IntN(60_000))
	if s.maybe(0.1) {
		port = uint16(1 + s.random.IntN(1023))
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 66, byte(s.random.IntN(256)), byte(s.random.IntN(256))}), port)
}

func (s *siege) nonce() (n join.Nonce) {
	binary.BigEndian.PutUint64(n[:], s.random.Uint64())
	return n
}

func (s *siege) forgeJoins() {
	for range s.random.IntN(200) {
		s.inTheNameOf(s.victim(), join.AppendRequest(nil, join.Request{SSRC: s.random.Uint32(), Nonce: s.nonce(), Stream: []byte("cam"), List: s.maybe(0.2)}))
	}
}

// replayCookie asks for a cookie, and uses it in the name of others.
func (s *siege) replayCookie() {
	asker := s.strangerPort()
	client := join.NewClient("cam", 5, s.nonce())
	asker.OnReceive(func(d sim.Datagram) {
		again, err := client.Receive(s.k.Monotonic(), d.Payload, nil)
		if err != nil || len(again) == 0 {
			return
		}
		for range 5 {
			s.inTheNameOf(s.victim(), again)
		}
		s.inTheNameOf(netip.AddrPortFrom(s.victim().Addr(), asker.Addr().Port()), again)
	})
	s.must(asker.Send(rtpAddr, client.Start(s.k.Monotonic(), nil)))
}

func (s *siege) guessCookies() {
	for range s.random.IntN(100) {
		r := join.Request{SSRC: s.random.Uint32(), Nonce: s.nonce(), Stream: []byte("cam")}
		p := join.AppendRequest(nil, r)
		for range 12 { // wherever the cookie is
			binary.BigEndian.PutUint64(p[16+s.random.IntN(len(p)-24):], s.random.Uint64())
		}
		s.inTheNameOf(s.victim(), p)
	}
}

// dial connects from an address, and reads nothing but the count.
func (s *siege) dial(ip string) *sim.TCPPeer {
	c, err := s.k.DialTCP(netip.AddrPortFrom(netip.MustParseAddr(ip), 0), rtspAddr)
	s.must(err)
	c.CountOnly()
	s.strangers = append(s.strangers, c)
	return c
}

// tell writes to a connection that the server may have closed.
func tell(c *sim.TCPPeer, format string, values ...any) { _, _ = fmt.Fprintf(c, format, values...) }

func (s *siege) sendJunk() {
	for range s.random.IntN(10) {
		c := s.dial(s.stranger())
		switch s.random.IntN(5) {
		case 0:
			junk := make([]byte, s.random.IntN(5000))
			for i := range junk {
				junk[i] = byte(s.random.Uint32())
			}
			_, _ = c.Write(junk)
		case 1:
			tell(c, "DESCRIBE rtsp://10.0.0.1/%s RTSP/1.0\r\n", strings.Repeat("a", s.random.IntN(100_000)))
		case 2:
			tell(c, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n", s.random.Uint64())
		case 3:
			tell(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", strings.Repeat("[", s.random.IntN(500)))
		case 4:
			tell(c, "%s", strings.Repeat("\r\n", s.random.IntN(2000)))
		}
		if s.maybe(0.5) {
			c.Reset()
		}
	}
}

// drip has a connection write a byte at a time from now on.
func (s *siege) drip() { s.dripping = append(s.dripping, s.dial(s.stranger())) }

func (s *siege) connectIdly() {
	ip := s.stranger()
	for range s.random.IntN(30) {
		s.dial(ip)
	}
}

// pipeline asks for much, and may read nothing of the answers.
func (s *siege) pipeline() {
	c := s.dial(s.stranger())
	if s.maybe(0.5) {
		c.SetReceiveBuffer(1000)
		c.OnData(nil)
	}
	tell(c, "%s", strings.Repeat("DESCRIBE rtsp://10.0.0.1:8554/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n", s.random.IntN(500)))
}

func (s *siege) floodInterleaved() {
	c := s.dial(s.stranger())
	if s.maybe(0.5) {
		tell(c, "SETUP rtsp://10.0.0.1:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
	}
	for range s.random.IntN(500) {
		p := make([]byte, 4+s.random.IntN(100))
		p[0], p[1] = '$', byte(s.random.IntN(4))
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)-4))
		_, _ = c.Write(p)
	}
}

// someHonest is an honest reader.
func (s *siege) someHonest() *guest { return s.honest[s.random.IntN(len(s.honest))] }

// walkPorts asks, from the host of an honest reader, for frames at ports round its own.
func (s *siege) walkPorts() {
	g := s.someHonest()
	if g.how == overTCP {
		return
	}
	c := s.dial(g.ip.String())
	for d := -2; d <= 2; d++ {
		s.setUpAndPlay(c, fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", int(g.port)+d, int(g.port)+d+1+s.random.IntN(2)))
	}
}

// setUpAndPlay asks for frames by a transport, and plays when it has the session.
func (s *siege) setUpAndPlay(c *sim.TCPPeer, transport string) {
	c.OnData(func(p []byte) {
		for answer := range strings.SplitSeq(string(p), "RTSP/1.0 ") {
			_, id, isSet := strings.Cut(answer, "Session: ")
			if !isSet || !strings.Contains(answer, "CSeq: 1\r\n") { // not SETUP's
				continue
			}
			id, _, _ = strings.Cut(id, "\r\n")
			id, _, _ = strings.Cut(id, ";")
			tell(c, "PLAY rtsp://10.0.0.1:8554/cam RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n\r\n", id)
		}
	})
	tell(c, "SETUP rtsp://10.0.0.1:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", transport)
}

func (s *siege) askLowPorts() {
	c := s.dial(s.stranger())
	port := []int{0, 19, 53, 123, 1022, 1023}[s.random.IntN(6)]
	s.setUpAndPlay(c, fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1))
	p := s.peer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 99, 1, byte(s.random.IntN(256))}), uint16(port|1)))
	client := join.NewClient("cam", 5, s.nonce())
	s.must(p.Send(rtpAddr, client.Start(s.k.Monotonic(), nil)))
	p.Close()
}

// nameAnother asks for frames to be sent to somebody else.
func (s *siege) nameAnother() {
	v := s.victim()
	s.setUpAndPlay(s.dial(s.stranger()), fmt.Sprintf("RTP/AVP;unicast;destination=%v;client_port=%d-%d", v.Addr(), v.Port(), v.Port()+1))
}

// hijack uses the session of an honest reader from another host, and guesses at others.
func (s *siege) hijack() {
	g := s.someHonest()
	id := fmt.Sprintf("%016x", s.random.Uint64())
	if s.maybe(0.5) && g.rtsp.session != "" {
		id = g.rtsp.session
	}
	c := s.dial(s.stranger())
	for _, method := range []string{"PAUSE", "PLAY", "TEARDOWN", "GET_PARAMETER"} {
		tell(c, "%s rtsp://10.0.0.1:8554/cam RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n", method, id)
	}
	tell(c, "SETUP rtsp://10.0.0.1:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\nTransport: RTP/AVP;unicast;client_port=7000-7001\r\n\r\n", id)
}

// forgeReports speaks for an honest reader, but not from its address.
func (s *siege) forgeReports() {
	g := s.someHonest()
	if g.ssrc == 0 {
		return
	}
	r := g.stats.Report(s.k.Monotonic(), 5, g.ssrc)
	r.CumulativeLost, r.FractionLost = 1<<23-1, 255
	from := s.strangerPort()
	for _, to := range []netip.AddrPort{rtpAddr, netip.AddrPortFrom(serverAddr, 5005)} {
		s.must(from.Send(to, rtcp.AppendReceiverReport(nil, r, "stranger")))
		s.must(from.Send(to, rtcp.AppendReceiverGoodbye(nil, r, "stranger")))
	}
	from.Close()
}

func (s *siege) floodRTCP() {
	from := s.strangerPort()
	for range s.random.IntN(2000) {
		p := make([]byte, s.random.IntN(100))
		for i := range p {
			p[i] = byte(s.random.Uint32())
		}
		if len(p) > 2 {
			p[0], p[1] = 0x80|p[0]&0x3f, 200+p[1]%8
		}
		to := rtpAddr
		if s.maybe(0.5) {
			to = netip.AddrPortFrom(serverAddr, 5005)
		}
		s.must(from.Send(to, p))
	}
	from.Close()
}

func (s *siege) setUpOnly() {
	ip := s.stranger()
	for range s.random.IntN(20) {
		tell(s.dial(ip), "SETUP rtsp://10.0.0.1:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=7000-7001\r\n\r\n")
	}
}

// watchAndLie watches, and reports much loss that is none.
func (s *siege) watchAndLie() {
	ip := s.stranger()
	for range 1 + s.random.IntN(5) {
		g := s.joiner(ip)
		g.sink.lossless = false
		g.begin()
		s.run(0)
		for range 20 {
			g.lies += 1000
			g.report()
		}
	}
}

// watchAndNotRead watches over TCP, and reads nothing once it plays.
func (s *siege) watchAndNotRead() {
	c := s.dial(s.stranger())
	s.setUpAndPlay(c, "RTP/AVP/TCP;unicast;interleaved=0-1")
	s.run(0)
	c.SetReceiveBuffer(1000)
	c.OnData(nil)
}

// joinMany joins with many ports of one host.
func (s *siege) joinMany() {
	ip := s.stranger()
	for range s.random.IntN(30) {
		s.joiner(ip).begin()
	}
}
