package receive

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp/client"
	"golang.org/x/sys/unix"
)

const (
	// pairTries is how many ports are tried to find two that are neighbours.
	pairTries = 50
	// ReceiveBufferBytes has room for some frames that arrive at once: it is what the buffer of a
	// socket should have that receives frames.
	ReceiveBufferBytes = 1 << 20
)

// socketPair is the sockets for RTP, on an even port, and for RTCP on the next (RFC 3550,
// section 11). They take only what comes from source.
type socketPair struct {
	rtp, rtcp *udp.Socket
	source    netip.Addr
}

// openPair opens a pair on the connection's local address, for what comes from its peer.
func openPair(s *RTSP) (*socketPair, error) {
	p, local := &socketPair{source: s.conn.Peer().Addr()}, s.conn.Local().Addr()
	from := func(take func([]byte)) func(udp.Datagram) {
		return func(d udp.Datagram) {
			if d.From.Addr().WithZone("") == p.source.WithZone("") {
				take(d.Payload)
			}
		}
	}
	options := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: ReceiveBufferBytes}, Room: s.config.Room}
	for range pairTries {
		var err error
		if p.rtp, err = udp.Open(s.loop, netip.AddrPortFrom(local, 0), options, from(s.listener.RTP)); err != nil {
			return nil, err
		}
		if port := p.rtp.Local().Port(); port%2 == 0 {
			p.rtcp, err = udp.Open(s.loop, netip.AddrPortFrom(local, port+1), options, from(s.listener.RTCP))
			if err == nil {
				return p, nil
			}
		}
		if e := p.rtp.Close(); e != nil || err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return nil, errors.Join(err, e)
		}
	}
	return nil, fmt.Errorf("no two neighbouring UDP ports are free on %v", local)
}

// listen sets where packets come from, and where reports go, and opens the way for them
// through firewalls and address translators: by a packet from each socket, as players do,
// which means nothing to the server.
func (s *RTSP) listen(p client.Playing) {
	if p.Source.IsValid() {
		s.pair.source = p.Source
	}
	open := func(socket *udp.Socket, packet []byte, port uint16) (server netip.AddrPort) {
		if port > 0 {
			server = netip.AddrPortFrom(s.pair.source, port)
			_ = socket.SendTo(packet, server, netip.Addr{}) // no harm if it is lost
		}
		return server
	}
	open(s.pair.rtp, emptyRTP, p.RTPPort)
	s.server = open(s.pair.rtcp, emptyReport, p.RTCPPort)
}

// Version 2 and no more: an RTP header, and a receiver report without a block.
var (
	emptyRTP    = []byte{0x80, rtp.PayloadTypeJPEG, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	emptyReport = []byte{0x80, 201, 0, 1, 0, 0, 0, 0}
)

func (p *socketPair) close() {
	// It fails only for sockets that are closed already.
	_, _ = p.rtp.Close(), p.rtcp.Close()
}
