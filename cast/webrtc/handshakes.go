package webrtc

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
)

// DTLS does handshakes as the server, outside the loop. NewDTLS makes one.
type DTLS interface {
	// Fingerprint is that of the server's certificate, which answers to offers name.
	Fingerprint() whep.Fingerprint
	// Begin begins a handshake with a peer. The functions may be called by any goroutine, but not within Begin.
	//
	//   - isPeer reports whether a certificate (DER) is one that the offer has named. Others must be refused.
	//   - send sends a datagram to the peer, and copies it.
	//   - done is called once, with the keys, or with the reason why there are none.
	//   - closed is called if the peer closes the connection after that.
	Begin(isPeer func(der []byte) bool, send func(datagram []byte), done func(Keys, error), closed func()) Handshake
}

// Handshake is a handshake that DTLS has begun. Its methods belong to the loop's goroutine and do not wait.
type Handshake interface {
	// Take takes a datagram of the peer, and copies it. It may drop the datagram if earlier ones have not been read.
	Take(datagram []byte)
	// Close ends the handshake, or what is left of it. Nothing is sent any more, and the functions that were given to Begin
	// have no effect. Closing twice does nothing.
	Close()
}

// Keys are what a handshake gives.
type Keys struct {
	// Profile is the SRTP protection profile that was agreed on.
	Profile srtp.Profile
	// Ours seals what the server sends, Theirs what the peer sends. Each is a master key with its master salt behind it, of
	// Profile.KeyBytes in all (RFC 5764, section 4.2).
	Ours, Theirs []byte
}

const (
	// maxEarlyDatagrams is how many datagrams are kept of a viewer whose handshake has not begun. Browsers send a ClientHello
	// in two.
	maxEarlyDatagrams = 4
	// maxHandshakeDatagrams is how many datagrams a handshake takes, and maxHandshakeBytes the size of the largest.
	maxHandshakeDatagrams = 100
	maxHandshakeBytes     = 1500
	// Before a handshake is done, no more is sent in it than unprovedBytes and unprovedTimes what has come: the address may
	// be another host's, as nothing shows yet that what is sent there arrives.
	unprovedBytes, unprovedTimes = 4096, 3
	// lastFlightTimeout is how long what is left of DTLS is kept after the handshake if no SRTCP comes: the last flight may
	// be lost, and the viewer asks for it again.
	lastFlightTimeout = 10 * time.Second
)

// handshakeState is a viewer's handshake, from its first datagram on.
type handshakeState struct {
	// early are the datagrams that came before the handshake began.
	early [][]byte
	begun Handshake      // nil: it has not begun
	peer  netip.AddrPort // where the first datagram came from; the handshake is counted as this host's
	// counted: Broadcaster.BeginHandshake counts it.
	counted bool
	taken   int // datagrams
	// received and sent are in bytes.
	received, sent int
	isDone         bool
	timeout        *loop.Timer // set when it is done
}

// takeDTLS takes DTLS of viewers, from addresses that are proved. What cannot help a handshake is not counted as one of its
// datagrams.
func (s *Server) takeDTLS(d udp.Datagram) (taken bool) {
	v := s.byAddress[d.From]
	if v == nil || len(d.Payload) > maxHandshakeBytes || !mayHelp(d.Payload) {
		return v != nil
	}
	if v.handshake == nil {
		if v.playing { // nothing is left of it
			return true
		}
		v.handshake = &handshakeState{peer: d.From}
	}
	h := v.handshake
	if h.taken++; h.taken > maxHandshakeDatagrams {
		return true
	}
	h.received += len(d.Payload)
	if !v.playing {
		v.moveTo(d.From)
	}
	switch {
	case h.begun != nil:
		h.begun.Take(d.Payload)
	case len(h.early) < maxEarlyDatagrams:
		h.early = append(h.early, bytes.Clone(d.Payload))
		s.handshakes.add(v)
	}
	return true
}

// beginHandshake begins the viewer's handshake. It reports false if a limit is reached: the viewer sends its ClientHello
// again.
func (v *viewer) beginHandshake() bool {
	s, h := v.server, v.handshake
	early := h.early
	h.early = nil
	if s.broadcaster.BeginHandshake(h.peer) != nil {
		return false
	}
	h.counted = true
	post := func(f func()) { _ = s.loop.Post(f) } // a loop that is closed does nothing
	h.begun = s.dtls.Begin(v.isPeer, func(datagram []byte) {
		datagram = bytes.Clone(datagram)
		post(func() { v.sendHandshake(h, datagram) })
	}, func(k Keys, err error) {
		post(func() { v.handshakeDone(h, k, err) })
	}, func() {
		post(func() { v.handshakeClosed(h) })
	})
	for _, one := range early {
		h.begun.Take(one)
	}
	return true
}

// sendHandshake sends a datagram of a handshake to where the viewer is.
func (v *viewer) sendHandshake(h *handshakeState, datagram []byte) {
	if v.handshake != h || !h.isDone && h.sent+len(datagram) > unprovedBytes+unprovedTimes*h.received {
		return
	}
	h.sent += len(datagram)
	v.server.broadcaster.Reply(udp.Datagram{From: v.at.peer, To: v.at.local}, datagram)
}

// handshakeDone is called when a handshake has given keys, or has failed.
func (v *viewer) handshakeDone(h *handshakeState, k Keys, err error) {
	if v.handshake != h {
		return
	}
	v.uncount(h)
	if err != nil {
		v.server.broadcaster.LogRefusal(v.at.peer, cast.WebRTC, v.session.Stream().Name(), fmt.Errorf("no DTLS handshake: %w", err))
		v.session.Gone("no handshake")
		return
	}
	h.isDone = true
	h.timeout = v.server.loop.NewTimer(v.dropHandshake)
	h.timeout.SetAfter(lastFlightTimeout)
	v.isPeer = nil
	v.play(k)
}

// handshakeClosed is called when the viewer has closed the connection.
func (v *viewer) handshakeClosed(h *handshakeState) {
	if v.handshake == h {
		v.session.Gone("closed")
	}
}

// uncount ends what Broadcaster.BeginHandshake began.
func (v *viewer) uncount(h *handshakeState) {
	if h.counted {
		h.counted = false
		v.server.broadcaster.EndHandshake(h.peer)
	}
}

// dropHandshake forgets DTLS without a word to the viewer: a close_notify would have it end the session.
func (v *viewer) dropHandshake() {
	h := v.handshake
	if h == nil {
		return
	}
	v.handshake = nil
	v.uncount(h)
	if h.begun != nil {
		h.begun.Close()
	}
	if h.timeout != nil {
		h.timeout.Stop()
	}
}
