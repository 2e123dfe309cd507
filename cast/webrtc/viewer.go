package webrtc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/whep"
)

// viewer is a session, and what STUN and DTLS know of its viewer.
type viewer struct {
	server  *Server
	session *cast.Session
	// id is what the session's URL ends with, and etag the entity tag of its ICE session. ufrag and password are the server's in
	// STUN, and peerUfrag is the viewer's user name fragment.
	id, etag, ufrag, peerUfrag string
	password                   []byte
	payloadType, delayID       uint8 // what its offer calls H.264, and the header extension playout-delay (0: not offered)
	delay                      cast.PlayoutDelay

	// proved are the addresses that STUN has proved, the newest last. at is the one where the viewer is: where its newest DTLS
	// or authentic SRTCP packet came from.
	proved []address
	at     address
	// lastSign is when the newest authentic check or SRTCP packet came, by Loop.Awake.
	lastSign time.Duration
	// queuedChecks is how many of its checks wait in Server.checks. host has asked for the session: the checks of all its
	// sessions are counted together.
	queuedChecks uint8
	host         netip.Prefix
	playing      bool

	handshake *handshakeState // nil: no DTLS has come, or nothing is left of it
	isPeer    func(der []byte) bool
}

// newViewer makes a viewer for an offer that a peer has sent, with an id that nobody can guess. The viewer keeps parts of
// the offer, but not all of it.
func (s *Server) newViewer(peer netip.Addr, o *whep.Offer, payloadType uint8, delay cast.PlayoutDelay) *viewer {
	return &viewer{
		server: s, id: s.broadcaster.RandomName(),
		peerUfrag: o.Ufrag, payloadType: payloadType, delayID: o.PlayoutDelayID, delay: delay,
		host: cast.CountedAs(peer), isPeer: o.Fingerprints.Has,
	}
}

// address is a viewer's address, and the address of this machine that it sends to.
type address struct {
	peer  netip.AddrPort
	local netip.Addr
}

const (
	// maxProved is how many addresses of a viewer are kept: those of its interfaces, of both families.
	maxProved = 4
	// rivalSilence is how long a viewer must have been silent until another one may come to its address.
	rivalSilence = 10 * time.Second
)

// prove notes that STUN has proved an address of the viewer, unless another viewer is there and keeps it.
func (v *viewer) prove(d udp.Datagram) {
	s := v.server
	if rival := s.byAddress[d.From]; rival == v || rival != nil && !rival.yields(d.From) {
		return
	}
	if len(v.proved) == maxProved {
		oldest := 0
		if v.proved[0] == v.at {
			oldest = 1
		}
		v.forget(oldest)
	}
	v.proved = append(v.proved, address{d.From, d.To})
	s.byAddress[d.From] = v
}

// yields gives up an address to another viewer. It reports false if this viewer keeps it: it is there, and was not silent
// for rivalSilence.
func (v *viewer) yields(peer netip.AddrPort) bool {
	if v.at.peer == peer && v.server.loop.Awake()-v.lastSign < rivalSilence {
		return false
	}
	if i := v.provedIndex(peer); i >= 0 {
		v.forget(i)
	}
	return true
}

// provedIndex is the index of an address in those that are proved, -1 if it is not there.
func (v *viewer) provedIndex(peer netip.AddrPort) int {
	return slices.IndexFunc(v.proved, func(one address) bool { return one.peer == peer })
}

// forget removes the address with an index from those that are proved.
func (v *viewer) forget(i int) {
	delete(v.server.byAddress, v.proved[i].peer)
	v.proved = slices.Delete(v.proved, i, i+1)
}

// moveTo moves the viewer to a proved address. It stays where it is if nothing may be sent there.
func (v *viewer) moveTo(peer netip.AddrPort) {
	if v.at.peer == peer {
		return
	}
	i := v.provedIndex(peer)
	if i < 0 {
		return
	}
	to := v.proved[i]
	if v.playing && v.session.Move(to.peer, to.local) != nil {
		return
	}
	v.at = to
}

// errUnreached is logged of a viewer that has proved no address.
var errUnreached = &cast.Refusal{Kind: cast.Unavailable, Reason: "nothing has come from it to the RTP port by UDP: a firewall may drop it, or behind NAT or in a container --public-address is needed"}

// ended is called when the session has ended, for any reason.
func (v *viewer) ended(reason string) {
	s := v.server
	if reason == "timeout" && len(v.proved) == 0 {
		s.broadcaster.LogRefusal(v.session.Peer(), cast.WebRTC, v.session.Stream().Name(), errUnreached)
	}
	delete(s.byID, v.id)
	delete(s.byUfrag, v.ufrag)
	for _, one := range v.proved {
		delete(s.byAddress, one.peer)
	}
	v.proved = nil
	v.playing = false
	s.handshakes.remove(v)
	v.dropHandshake()
}

// play begins to send frames, with the keys of the handshake.
func (v *viewer) play(k Keys) {
	err := v.session.PlayPrivate(cast.Private{
		Profile: k.Profile, Ours: k.Ours, Theirs: k.Theirs, Peer: v.at.peer, Local: v.at.local,
		PayloadType: v.payloadType, PlayoutDelayID: v.delayID, PlayoutDelay: v.delay,
	})
	if err != nil {
		v.session.Gone("cannot be served: " + err.Error())
		return
	}
	v.playing = true
}

// takeRTCP takes authentic SRTCP of viewers.
func (s *Server) takeRTCP(d udp.Datagram) (taken bool) {
	v := s.byAddress[d.From]
	if v == nil || !v.playing || !v.session.TakePrivateRTCP(d.Payload) {
		return false // it may be another reader's: anybody can send a viewer's checks in the name of any address
	}
	v.lastSign = s.loop.Awake()
	v.moveTo(d.From)
	v.dropHandshake() // the viewer has the keys
	return true
}
