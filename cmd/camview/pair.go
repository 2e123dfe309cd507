package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

const (
	// pairTries is how many ports are tried to find two that are neighbours.
	pairTries = 50
	// receiveBufferBytes has room for some frames that arrive at once.
	receiveBufferBytes = 1 << 20
)

// socketPair is the sockets for RTP and, on the next port, RTCP (RFC 3550, section 11).
type socketPair struct{ rtp, rtcp *udp.Socket }

// openPair opens a pair on a local address, which takes only what comes from a server's.
func openPair(v *viewer, local, server netip.Addr, l listener) (*socketPair, error) {
	from := func(take func([]byte)) func(udp.Datagram) {
		return func(d udp.Datagram) {
			if d.From.Addr().WithZone("") == server.WithZone("") {
				take(d.Payload)
			}
		}
	}
	options := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: receiveBufferBytes}, Room: v.room}
	for range pairTries {
		rtp, err := udp.Open(v.loop, netip.AddrPortFrom(local, 0), options, from(l.rtp))
		if err != nil {
			return nil, err
		}
		port := rtp.Local().Port()
		if port%2 == 0 {
			var rtcp *udp.Socket
			rtcp, err = udp.Open(v.loop, netip.AddrPortFrom(local, port+1), options, from(l.rtcp))
			if err == nil {
				return &socketPair{rtp, rtcp}, nil
			}
		}
		if e := rtp.Close(); e != nil || err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return nil, errors.Join(err, e)
		}
	}
	return nil, fmt.Errorf("no two neighbouring UDP ports are free on %v", local)
}

func (p *socketPair) close() {
	// It fails only for sockets that are closed already.
	_, _ = p.rtp.Close(), p.rtcp.Close()
}
