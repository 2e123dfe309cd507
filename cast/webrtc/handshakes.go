package webrtc

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
)

// DTLS does handshakes as the server, outside of the loop.
type DTLS interface {
	// Fingerprint is that of the certificate.
	Fingerprint() whep.Fingerprint
	// Begin begins a handshake. isPeer reports whether a certificate is the one that the peer has to prove. send sends a
	// datagram to the peer, and copies it. done is called once with the keys, or with why there are none; closed is called
	// when the peer closes the connection after that. Any goroutine may call them, not within Begin.
	Begin(isPeer func(der []byte) bool, send func(datagram []byte), done func(Keys, error), closed func()) Handshake
}

// Handshake is one that DTLS has begun. Its methods belong to the loop's goroutine and do not wait.
type Handshake interface {
	// Take takes a datagram of the peer, and copies it. It is dropped if several have not been read.
	Take(datagram []byte)
	// Close ends the handshake or what is left of it. Nothing is sent any more, and nothing that was given to Begin has an
	// effect. Closing twice does nothing.
	Close()
}

// Keys are what a handshake gives.
type Keys struct {
	Profile srtp.Profile
	// Ours and Theirs are a master key and behind it a master salt (RFC 5764): ours seals what the server sends.
	Ours, Theirs []byte
}

const (
	// maxHelloDatagrams is how many datagrams are kept of a viewer whose handshake has not begun. Browsers send a ClientHello
	// in two.
	maxHelloDatagrams = 4
	// maxHandshakeDatagrams is how many datagrams a handshake takes.
	maxHandshakeDatagrams = 100
	// maxHandshakeBytes is the size of the largest.
	maxHandshakeBytes = 1500
	// unprovedBytes is how much is sent in a handshake that is not done, besides unprovedTimes what has come: the
	// addresses may not be the viewer's own, as nothing that is sent there has come back.
	unprovedBytes, unprovedTimes = 4096, 3
	// parked is how long what is left of DTLS is kept after the handshake if no SRTCP comes: the last flight may be lost, and
	// be asked for again.
	parked = 10 * time.Second
)

// shaking is a viewer's handshake.
type shaking struct {
	// hello are the datagrams that have come before it begins.
	hello     [][]byte
	handshake Handshake // nil: it has not begun
	// counted: it is one of Broadcaster.BeginHandshake.
	counted bool
	peer    netip.AddrPort // by which it is counted
	taken   int
	// came and sent are bytes.
	came, sent int
	isDone     bool
	timeout    *loop.Timer // set when it is done
}

// takeDTLS takes DTLS of viewers, from addresses that are proved.
func (s *Server) takeDTLS(d udp.Datagram) (taken bool) {
	v := s.byAddress[d.From]
	if v == nil || len(d.Payload) > maxHandshakeBytes {
		return v != nil
	}
	if v.shaking == nil {
		if v.playing { // nothing is left of it
			return true
		}
		v.shaking = &shaking{peer: d.From}
	}
	h := v.shaking
	if h.taken++; h.taken > maxHandshakeDatagrams {
		return true
	}
	h.came += len(d.Payload)
	if !v.playing {
		v.moveTo(d.From)
	}
	switch {
	case h.handshake != nil:
		h.handshake.Take(d.Payload)
	case len(h.hello) < maxHelloDatagrams:
		h.hello = append(h.hello, append([]byte(nil), d.Payload...))
		s.hellos.add(v)
	}
	return true
}

// begin begins the handshake. It reports false if it cannot begin now: the viewer sends its ClientHello again.
func (v *viewer) begin() bool {
	s, h := v.server, v.shaking
	if s.broadcaster.BeginHandshake(h.peer) != nil {
		h.hello = nil
		return false
	}
	h.counted = true
	h.handshake = s.dtls.Begin(v.isPeer, func(datagram []byte) {
		datagram = append([]byte(nil), datagram...)
		_ = s.loop.Post(func() { v.send(h, datagram) }) // a loop that is closed sends nothing
	}, func(k Keys, err error) {
		_ = s.loop.Post(func() { v.shaken(h, k, err) })
	}, func() {
		_ = s.loop.Post(func() {
			if v.shaking == h {
				v.session.Gone("closed")
			}
		})
	})
	for _, one := range h.hello {
		h.handshake.Take(one)
	}
	h.hello = nil
	return true
}

// send sends a datagram of a handshake to where the viewer is.
func (v *viewer) send(h *shaking, datagram []byte) {
	if v.shaking != h || !h.isDone && h.sent+len(datagram) > unprovedBytes+unprovedTimes*h.came {
		return
	}
	h.sent += len(datagram)
	v.server.broadcaster.Reply(udp.Datagram{From: v.at.peer, To: v.at.local}, datagram)
}

// shaken is called when a handshake is done.
func (v *viewer) shaken(h *shaking, k Keys, err error) {
	if v.shaking != h {
		return
	}
	v.uncount(h)
	if err != nil {
		v.server.broadcaster.LogRefusal(v.at.peer, cast.WebRTC, v.session.Stream().Name(), fmt.Errorf("no DTLS handshake: %w", err))
		v.session.Gone("no handshake")
		return
	}
	h.isDone = true
	h.timeout = v.server.loop.NewTimer(v.drop)
	h.timeout.SetAfter(parked)
	v.isPeer = nil
	v.play(k)
}

// uncount ends what BeginHandshake began.
func (v *viewer) uncount(h *shaking) {
	if h.counted {
		h.counted = false
		v.server.broadcaster.EndHandshake(h.peer)
	}
}

// drop forgets DTLS. Nothing is sent of it any more, not even that it is closed.
func (v *viewer) drop() {
	h := v.shaking
	if h == nil {
		return
	}
	v.shaking = nil
	v.uncount(h)
	if h.handshake != nil {
		h.handshake.Close()
	}
	if h.timeout != nil {
		h.timeout.Stop()
	}
}
