package model

import (
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
)

const (
	// webRTCPayloadType and playoutDelayID are what Chromium asks for.
	webRTCPayloadType = 102
	playoutDelayID    = 5
	// consentFrames is after how many frames the readers of WebRTC count as alive again, as most of them are nobody, and send
	// nothing: every ten seconds at 30 frames/s.
	consentFrames = 300
)

func init() {
	add := func(name string, m CastModel) {
		m.WebRTC = true
		Register(Entry{Name: name, Transport: UDP, WebRTC: true, Private: true, Reports: true, Hidden: name != "webrtc",
			New: func() Model { m := m; return &m }})
	}
	add("webrtc", CastModel{})
	add("webrtc-paced", CastModel{Spread: cast.DefaultSpread})
}

// JoinPrivate begins to send reader i, at this address, frames with PrivateKeys, and reads its reports. takeReports
// must have been called before.
func (m *CastModel) JoinPrivate(i int, reader netip.AddrPort) error {
	session, err := m.Cast.OpenSession(cast.SessionOptions{Stream: m.Stream, Protocol: cast.WebRTC, Peer: reader})
	if err != nil {
		return err
	}
	ours, theirs := PrivateKeys(i)
	m.sessions[reader] = session
	return session.PlayPrivate(cast.Private{
		Profile: PrivateProfile, Ours: ours, Theirs: theirs, Peer: reader, Local: m.Source,
		PayloadType: webRTCPayloadType, PlayoutDelayID: playoutDelayID,
	})
}

// joinBeside has Beside readers by WebRTC join, at the hosts after those of the others.
func (m *CastModel) joinBeside(others []netip.AddrPort) error {
	if m.Beside == 0 {
		return nil
	}
	m.takeReports()
	last := others[len(others)-1]
	host := last.Addr()
	for i := range m.Beside {
		host = host.Next()
		if err := m.JoinPrivate(i, netip.AddrPortFrom(host, last.Port())); err != nil {
			return err
		}
	}
	return nil
}

// takeReports reads the RTCP of readers that join by JoinPrivate from now on.
func (m *CastModel) takeReports() {
	m.sessions = map[netip.AddrPort]*cast.Session{}
	m.Cast.HandleDatagrams(128, 191, func(d udp.Datagram) bool { // RTCP (RFC 7983)
		session := m.sessions[d.From]
		return session != nil && session.TakePrivateRTCP(d.Payload)
	})
}

// consent counts all readers as alive, if it is time to.
func (m *CastModel) consent(frame uint64) {
	if frame%consentFrames != 0 {
		return
	}
	for _, session := range m.sessions {
		session.Alive()
	}
}
