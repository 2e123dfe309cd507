package cast

import (
	"errors"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
)

// This file sends H.264 to sessions with keys and sequence numbers of their own, as WebRTC needs.

// ConsentTimeout is how long a session that plays by PlayPrivate may be silent (RFC 7675), or
// Config.SessionTimeout, if that is shorter.
const ConsentTimeout = 30 * time.Second

// Private says how and where frames are sent to a session with keys of its own.
type Private struct {
	// Profile is what DTLS has agreed on. Ours seals what is sent, and Theirs what the reader sends: each is a master key
	// with its master salt behind it, of Profile.KeyBytes, as DTLS-SRTP exports them. They are not kept.
	Profile      srtp.Profile
	Ours, Theirs []byte
	// Peer is the reader's address, which STUN has proved, and Local the address of this machine that it sends to.
	Peer  netip.AddrPort
	Local netip.Addr
	// PayloadType is the reader's number for H.264 with packetization-mode=1, 0 to 127.
	PayloadType uint8
	// PlayoutDelayID is the reader's id of the header extension that says how long it holds frames
	// (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay), 1 to 14; 0: packets have no extension.
	PlayoutDelayID uint8
	// PlayoutDelay is what the extension says.
	PlayoutDelay PlayoutDelay
}

// MaxPlayoutDelay is the longest time for which a viewer can be told to hold frames.
const MaxPlayoutDelay = sealfan.MaxDelay * sealfan.DelayStep

// PlayoutDelay is for how long a viewer holds frames at least and at most, 0 to MaxPlayoutDelay, in steps of 10 ms, rounded
// down. The zero value has it show frames at once.
type PlayoutDelay struct{ Min, Max time.Duration }

// PrivateStream is what a front must know of a stream to offer it to readers with keys of their own. The
// clock of its timestamps is rtp.ClockHz.
type PrivateStream struct {
	// SSRC is that of the stream's packets and reports, and CNAME the canonical name in the reports.
	SSRC  uint32
	CNAME string
	// ProfileLevelID is the profile, its constraints and the level of the stream's H.264; those of constrained
	// baseline 3.1 if its parameter sets do not say.
	ProfileLevelID [3]byte
}

// constrainedBaseline31 is the profile and level that every WebRTC implementation has (RFC 7742).
var constrainedBaseline31 = [3]byte{0x42, 0xe0, 0x1f}

// Private returns what a front must know of the stream to offer it to readers with keys of their own. The
// error is ErrClosed or a *Refusal: NotCarried if the stream is not H.264 (see Rendition), or has B-frames, which
// browsers do not put into order.
func (s *Stream) Private() (PrivateStream, error) {
	if err := s.Available(); err != nil {
		return PrivateStream{}, err
	}
	if s.params.Format != media.H264 {
		return PrivateStream{}, refuse(NotCarried, "the stream is %v: WebRTC carries H.264", s.params.Format)
	}
	if s.notByRTP != nil {
		return PrivateStream{}, refuse(NotCarried, "%v", s.notByRTP)
	}
	id, reorders := constrainedBaseline31, 0
	for _, set := range s.params.ParameterSets {
		if len(set) == 0 || h264.TypeOf(set) != h264.TypeSPS {
			continue
		}
		if sps, err := h264.ParseSPS(set); err == nil {
			id, reorders = sps.ProfileLevelID, sps.ReorderFrames
		}
		break
	}
	if reorders > 0 || s.saidReordered {
		return PrivateStream{}, refuse(NotCarried, reordered)
	}
	return PrivateStream{SSRC: s.rendition.rtp.ssrc, CNAME: s.reports.cname, ProfileLevelID: id}, nil
}

// errPlayedPrivate is why keys are not taken a second time: that could seal two packets with one index.
var errPlayedPrivate = errors.New("cast: the session has played with keys of its own before")

// PlayPrivate begins to send the session frames of H.264 with keys and sequence numbers of its own: from the next
// key frame on, or from the newest one if none comes soon. STUN must have proved that the reader is at the address and
// wants the stream. The session ends after ConsentTimeout without a sign of life: the front calls Alive at each further
// check that proves the address, and TakePrivateRTCP with RTCP. A session may play so once:
// further keys need another session. The error is a *Refusal, ErrClosed, or says what is wrong with the
// keys or the address; the session is as before then, and the caller ends it.
func (s *Session) PlayPrivate(p Private) error {
	if s.state == playing || s.played {
		return errPlayedPrivate
	}
	b := s.stream.broadcaster
	at := Address{RTP: p.Peer, RTCP: p.Peer, Source: p.Local}
	if _, err := s.stream.Private(); err != nil {
		return err
	}
	if err := b.CheckAddress(at); err != nil {
		b.LogRefusal(s.opened.Peer, s.opened.Protocol, s.stream.name, err)
		return err
	}
	socket, _, err := b.socketsFor(at)
	if err != nil {
		return err
	}
	if err := s.admit(); err != nil {
		return err
	}
	r, err := s.joinPrivate(p, socket)
	if err != nil {
		if _, refused := errors.AsType[*Refusal](err); refused {
			b.LogRefusal(s.opened.Peer, s.opened.Protocol, s.stream.name, err)
		}
		return err
	}
	s.peer, s.private = p.Peer, r
	b.privateIndex[privateKey(p.Peer)] = s
	s.stream.rendition.keys.begin(r, true)
	s.stream.reports.joinedPrivate(r)
	return s.begin(UDP)
}

// joinPrivate makes a reader that is sent packets from a socket. The error is a *Refusal, or says what is wrong with p.
func (s *Session) joinPrivate(p Private, socket *udp.Socket) (*sealfan.Reader, error) {
	to := s.stream.rendition
	first := uint64(s.stream.broadcaster.config.random32() >> 17) // 15 bits: see srtp.NewPrivate
	keys, err := srtp.NewPrivate(p.Profile, p.Ours, p.Theirs, to.rtp.ssrc, first)
	if err != nil {
		return nil, err
	}
	if err := s.stream.roomForForm(p.form(), p.Peer.Addr()); err != nil {
		return nil, err
	}
	r := new(sealfan.Reader) // one that has left may still be in a list
	err = to.private.fan.Join(r, sealfan.Address{Socket: socket, Peer: p.Peer, Source: p.Local}, p.form(), p.Profile, keys, (*sessionObserver)(s))
	if errors.Is(err, sealfan.ErrForms) {
		err = refuse(LimitReached, "%v", err)
	}
	return r, err
}

// form is in which form the reader wants the packets.
func (p *Private) form() sealfan.Form {
	f := sealfan.Form{PayloadType: p.PayloadType, PlayoutDelayID: p.PlayoutDelayID}
	if f.PlayoutDelayID > 0 {
		steps := func(d time.Duration) uint16 { return uint16(min(max(d/sealfan.DelayStep, 0), sealfan.MaxDelay)) }
		f.DelayMin, f.DelayMax = steps(p.PlayoutDelay.Min), steps(max(p.PlayoutDelay.Min, p.PlayoutDelay.Max))
	}
	return f
}

// TakePrivateRTCP takes a sealed RTCP packet that may be of the reader of a session that plays by PlayPrivate. It
// reports whether the packet is authentic: the reader has sealed it, and it has not come before. An authentic packet
// is a sign of life, and what it says counts: reports, missing packets and pictures, and a goodbye. The packet is read
// until TakePrivateRTCP returns, and is not changed.
func (s *Session) TakePrivateRTCP(packet []byte) (authentic bool) {
	if s.private == nil {
		return false
	}
	b := s.stream.broadcaster
	opened, err := s.private.OpenRTCP(b.opened[:0], packet)
	b.opened = opened
	if err != nil {
		return false
	}
	s.Alive()
	s.reception.takePrivate(s.stream, s.private, opened)
	left := false
	_ = rtcp.Parse(opened, rtcp.Visitor{Bye: func(uint32) { left = true }})
	if left && s.opened.EndsByGoodbye {
		s.Gone("goodbye")
	}
	return true
}

// takePrivate takes opened RTCP of a reader with keys of its own. What is not RTCP is dropped.
func (f *reception) takePrivate(s *Stream, r *sealfan.Reader, packet []byte) {
	b := s.broadcaster
	now, ssrc := b.loop.Now(), s.rendition.rtp.ssrc
	v := rtcp.Visitor{
		Report: func(report rtcp.ReceptionReport) { // of each report, as what may be sent depends on it
			if report.SSRC == ssrc {
				r.Acknowledged(uint16(report.HighestSequence))
			}
		},
		Lost: func(of uint32, sequence uint16) {
			if of == ssrc {
				r.Resend(sequence)
			}
		},
		KeyFrame: func(of uint32) {
			if of == ssrc {
				s.rendition.keys.request()
			}
		},
		Rate: r.Rated,
	}
	_ = rtcp.Parse(packet, v) // takes nothing of a packet of which a part is no RTCP
	if now < f.next {
		return
	}
	_ = rtcp.Parse(packet, rtcp.Visitor{Report: func(report rtcp.ReceptionReport) {
		if report.SSRC != ssrc {
			return
		}
		f.next = now + reportsInterval
		f.note(b, report)
		r.Reported(report)
	}})
}

// Move has a session that plays by PlayPrivate be sent frames at another address, from the address local of this
// machine. STUN must have proved that the reader is there. The error is a *Refusal if nothing may be sent there, ErrClosed
// if the session does not play so, or says what is wrong with the address; the session stays where it is then.
func (s *Session) Move(peer netip.AddrPort, local netip.Addr) error {
	if s.private == nil {
		return ErrClosed
	}
	b := s.stream.broadcaster
	at := Address{RTP: peer, RTCP: peer, Source: local}
	if err := b.CheckAddress(at); err != nil {
		return err
	}
	socket, _, err := b.socketsFor(at)
	if err != nil {
		return err
	}
	s.private.Move(sealfan.Address{Socket: socket, Peer: peer, Source: local})
	s.forgetPrivate()
	s.peer = peer
	b.privateIndex[privateKey(peer)] = s
	return nil
}

// privateKey is the key of a reader's address in Broadcaster.privateIndex: without a zone, and IPv4 as IPv4.
func privateKey(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// forgetPrivate takes the session out of the index, unless another one has come to its address.
func (s *Session) forgetPrivate() {
	b, key := s.stream.broadcaster, privateKey(s.peer)
	if b.privateIndex[key] == s {
		delete(b.privateIndex, key)
	}
}

// privateLane is the readers of a rendition that have keys of their own.
type privateLane struct {
	fan     *sealfan.Fan
	figures sending.Figures
}

func newPrivateLane(r *rendition) *privateLane {
	b, l := r.stream.broadcaster, new(privateLane)
	l.fan = sealfan.New(sealfan.Config{
		Loop: b.loop, Budget: b.budgets.sweeps, Answers: b.budgets.answers, Ring: r.ring, Log: r.stream.log, Figures: &l.figures, Thin: b.config.Adapt != AdaptOff,
		RequestKey: func() { r.keys.request() }, SSRC: r.rtp.ssrc, Clock: r.rtp.clock,
		PacketBytes: b.config.MTU - ipv6UDPHeaderBytes - srtp.AEADAES128GCM.TagBytes(), RunPackets: b.config.runPackets(),
	})
	return l
}

// reordered is why a stream with B-frames is not sent by WebRTC.
const reordered = "the stream has B-frames, which WebRTC does not carry: have the encoder make none"

// endPrivate ends all sessions of the stream that play with keys of their own.
func (s *Stream) endPrivate(reason string) {
	for session := range s.Sessions() {
		if session.private != nil {
			session.End(reason)
		}
	}
}
