package webrtc

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
)

// viewer is a session, and what STUN and DTLS know of it.
type viewer struct {
	server  *Server
	session *cast.Session
	// name is what the session's URL ends with, and tag stands for its ICE session. ufrag and password are ours in STUN, and
	// theirs is the viewer's user name fragment.
	name, tag, ufrag, theirs string
	password                 []byte
	payloadType, delayID     uint8
	delay                    cast.PlayoutDelay

	// proved are the addresses that STUN has proved, the newest last. The viewer is at one of them: where its last
	// DTLS or authentic SRTCP came from.
	proved []address
	at     address
	// lastSign is when the last authentic check or SRTCP came, by Loop.Awake.
	lastSign time.Duration
	// waiting is how many checks from new addresses wait, which are also counted by host: what has asked for the session.
	waiting uint8
	host    netip.Prefix
	playing bool

	shaking *shaking // nil: the handshake has not begun, or nothing is left of it
	isPeer  func(der []byte) bool
}

// address is a viewer's address, and the one of this machine that it has asked.
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

// prove notes that the viewer is at an address, or may be.
func (v *viewer) prove(d udp.Datagram) {
	s := v.server
	switch rival := s.byAddress[d.From]; {
	case rival == v:
		return
	case rival != nil && !rival.yields(d.From):
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

// yields gives an address to another viewer, unless this one is there and was not silent for long.
func (v *viewer) yields(peer netip.AddrPort) bool {
	if v.at.peer == peer && v.server.loop.Awake()-v.lastSign < rivalSilence {
		return false
	}
	for i, one := range v.proved {
		if one.peer == peer {
			v.forget(i)
			break
		}
	}
	return true
}

// forget takes an address off those that are proved.
func (v *viewer) forget(i int) {
	delete(v.server.byAddress, v.proved[i].peer)
	v.proved = append(v.proved[:i], v.proved[i+1:]...)
}

// moveTo has the viewer be at a proved address, which it has sent something authentic from.
func (v *viewer) moveTo(peer netip.AddrPort) {
	if v.at.peer == peer {
		return
	}
	for _, one := range v.proved {
		if one.peer != peer {
			continue
		}
		if v.playing && v.session.Move(one.peer, one.local) != nil {
			return
		}
		v.at = one
	}
}

// errUnreached is logged of a viewer that no datagram has come from.
var errUnreached = &cast.Refusal{Kind: cast.Unavailable, Reason: "nothing has come from it to the RTP port by UDP: a firewall may drop it, or behind NAT or in a container --public-address is needed"}

// ended is called when the session has ended, by whatever call.
func (v *viewer) ended(reason string) {
	s := v.server
	if reason == "timeout" && len(v.proved) == 0 {
		s.broadcaster.LogRefusal(v.session.Peer(), cast.WebRTC, v.session.Stream().Name(), errUnreached)
	}
	delete(s.byName, v.name)
	delete(s.byFragment, v.ufrag)
	for _, one := range v.proved {
		delete(s.byAddress, one.peer)
	}
	v.proved = nil
	v.playing = false
	s.hellos.remove(v)
	v.drop()
}

// play has the session play, with the keys of the handshake.
func (v *viewer) play(k Keys) {
	err := v.session.PlayPrivate(cast.Private{
		Profile: k.Profile, Ours: k.Ours, Theirs: k.Theirs, Peer: v.at.peer, Local: v.at.local, PayloadType: v.payloadType, PlayoutDelayID: v.delayID, PlayoutDelay: v.delay,
	})
	if err != nil {
		v.session.Gone("cannot be served: " + err.Error())
		return
	}
	v.playing = true
}

// takeRTCP takes SRTCP of viewers that is authentic.
func (s *Server) takeRTCP(d udp.Datagram) (taken bool) {
	v := s.byAddress[d.From]
	if v == nil || !v.playing || !v.session.TakePrivateRTCP(d.Payload) {
		return false // it may be another reader's: a viewer can have checks come in the name of any address
	}
	v.lastSign = s.loop.Awake()
	v.moveTo(d.From)
	v.drop() // the viewer has the keys
	return true
}
