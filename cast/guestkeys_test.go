package cast_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
	pion "github.com/pion/srtp/v3"
)

// keyed is a guest's keys, with which another implementation opens and seals, and what it has not got.
type keyed struct {
	session         *cast.Session
	opener, sealer  *pion.Context
	highest         uint16
	begun           bool
	missing         []uint16
	authentic, sent int
}

// playByKeys has the guest begin to play by keys of its own.
func (g *guest) playByKeys() {
	g.listen()
	session, err := g.w.b.OpenSession(cast.SessionOptions{Stream: g.stream, Protocol: cast.WebRTC, Peer: g.at(), EndsByGoodbye: true})
	if err != nil {
		g.state = wasRefused
		return
	}
	p := cast.Private{
		Profile: srtp.AEADAES128GCM, Peer: g.at(), Local: g.server, PayloadType: uint8(96 + g.port/2%3), PlayoutDelayID: uint8(g.port / 2 % 2 * 4),
	}
	kind := pion.ProtectionProfileAeadAes128Gcm
	if g.port/2%4 == 0 {
		p.Profile, kind = srtp.AES128CMHMACSHA1, pion.ProtectionProfileAes128CmHmacSha1_80
	}
	p.Ours, p.Theirs = make([]byte, p.Profile.KeyBytes()), make([]byte, p.Profile.KeyBytes())
	copy(p.Ours, fmt.Sprint("ours ", g.at()))
	copy(p.Theirs, fmt.Sprint("theirs ", g.at()))
	k := &keyed{session: session}
	k.opener, err = pion.CreateContext(p.Ours[:16], p.Ours[16:], kind)
	g.w.must(err)
	k.sealer, err = pion.CreateContext(p.Theirs[:16], p.Theirs[16:], kind)
	g.w.must(err)
	g.keyed = k
	if err := session.PlayPrivate(p); err != nil {
		session.Gone(err.Error())
		g.state = wasRefused
		return
	}
	g.plays()
}

// open opens what has come, and notes what has not.
func (k *keyed) open(g *guest, p []byte) []byte {
	if len(p) < 12 {
		g.wrong("%d bytes", len(p))
		return nil
	}
	if p[1] >= 192 && p[1] <= 223 {
		opened, err := k.opener.DecryptRTCP(nil, p, nil)
		if err != nil {
			g.wrong("RTCP: %v", err)
		}
		return opened
	}
	opened, err := k.opener.DecryptRTP(nil, p, nil)
	if err != nil {
		g.wrong("RTP: %v", err)
		return nil
	}
	sequence := binary.BigEndian.Uint16(p[2:])
	for next := k.highest + 1; k.begun && int16(sequence-next) > 0 && len(k.missing) < 100; next++ {
		k.missing = append(k.missing, next)
	}
	if !k.begun || int16(sequence-k.highest) > 0 {
		k.begun, k.highest = true, sequence
	}
	return opened
}

// seal seals RTCP.
func (k *keyed) seal(g *guest, p []byte) []byte {
	sealed, err := k.sealer.EncryptRTCP(nil, p, nil)
	g.w.must(err)
	k.sent++
	return sealed
}

// appendNACKs asks for what is missing, each once.
func (k *keyed) appendNACKs(p []byte, ssrc uint32) []byte {
	for _, sequence := range k.missing {
		p = rtcp.AppendNACK(p, 5, ssrc, sequence, 0)
	}
	k.missing = k.missing[:0]
	return p
}

// rebindByKeys has the guest come to another address, as one behind a NAT does.
func (g *guest) rebindByKeys() {
	if g.keyed == nil || g.state != isPlaying || !g.keyed.session.Playing() {
		return
	}
	g.port = g.w.ports
	g.w.ports += 2
	g.rtp = nil
	g.listen()
	g.w.must(g.keyed.session.Move(g.at(), g.server))
}

// takeSealed is the front of guests with keys of their own.
func (b *broadcast) takeSealed(d udp.Datagram) (taken bool) {
	for _, g := range b.guests {
		if g.keyed == nil || g.at() != netip.AddrPortFrom(d.From.Addr().Unmap(), d.From.Port()) {
			continue
		}
		if g.keyed.session.TakePrivateRTCP(d.Payload) {
			g.keyed.authentic++
		} else if g.keyed.session.Playing() && g.sink.lossless {
			g.wrong("RTCP is not taken for its own")
		}
		return true
	}
	return false
}
