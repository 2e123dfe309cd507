package cast

import (
	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/proto/srtp"
)

// This file has sessions be sent SRTP. All SRTP readers of a stream share its key; each seals its RTCP
// with a key that it has chosen.

// sealedSession is what is kept of a session that is sent SRTP.
type sealedSession struct {
	opener *srtp.Opener // nil once the session has ended
	from   progress
	lead   *lead // nil: it was sent
}

// SRTP is what a reader must know to open the stream's packets, from the next one on; ok is false if
// there is no SRTP (Config.SRTP). It may be told only where nobody else can read it. It is the caller's
// part to hand the same offer to Session.Seal.
func (s *Stream) SRTP() (offer srtp.Offer, ok bool) {
	sealing := s.rendition.sealing
	if sealing == nil {
		return srtp.Offer{}, false
	}
	return sealing.sealer.Offer(sealing.rollover()), true
}

// Seal has the session be sent SRTP when it plays, and only RTCP count that is sealed with the reader's key.
// told is what the reader was told. It must not play. What the reader has sent with the same key in this session or
// another one does not count again. The error is a *Refusal if there is no SRTP, or
// ErrClosed.
func (s *Session) Seal(told srtp.Offer, reader srtp.Peer) error {
	sealing := s.stream.rendition.sealing
	if sealing == nil {
		return refuse(Unavailable, "there is no SRTP")
	}
	if s.state == ended {
		return ErrClosed
	}
	opener := s.stream.broadcaster.openers.Open(reader)
	s.Unseal()
	s.sealed = &sealedSession{opener: opener, from: progress{index: uint64(told.Rollover) << 16, nothing: true}}
	return nil
}

// Unseal has the session be sent plain RTP when it plays. It must not play.
func (s *Session) Unseal() {
	s.closeOpener()
	s.sealed = nil
}

// closeOpener has nothing more be opened.
func (s *Session) closeOpener() {
	if s.sealed != nil && s.sealed.opener != nil {
		s.stream.broadcaster.openers.Close(s.sealed.opener)
		s.sealed.opener = nil
	}
}

// Sealed reports whether the session is sent SRTP, now or when it plays.
func (s *Session) Sealed() bool { return s.sealed != nil }

// SSRC identifies the RTP packets that the session is sent.
func (s *Session) SSRC() uint32 { return s.lane().packets.SSRC() }

// NextSequence is the RTP sequence number of the first packet of the next frame that the session is sent.
func (s *Session) NextSequence() uint16 { return s.lane().packets.NextSequence() }

// lane is the packets that the session is sent.
func (s *Session) lane() *lane {
	if s.sealed != nil {
		return s.stream.rendition.sealed
	}
	return s.stream.rendition.plain
}

// sealable says why the session cannot go on with SRTP, nil if it can or has plain RTP.
func (s *Session) sealable() error {
	if s.sealed == nil {
		return nil
	}
	if _, ok := s.stream.rendition.sealing.lead(s.sealed.from); !ok {
		return refuse(Unavailable, "what was told of the keys is out of date: set up again")
	}
	return nil
}

// sendLead sends the packets that bring an SRTP reader to its first one. Where there are several, the
// reader would be lost without one of them: they are sent twice.
func (s *Session) sendLead(send func(packet []byte)) {
	if s.sealed == nil {
		return
	}
	packets, _ := s.stream.rendition.sealing.lead(s.sealed.from)
	for _, p := range packets {
		for range min(len(packets), 2) {
			send(p)
		}
	}
}

// noteProgress notes how far an SRTP reader has come that pauses.
func (s *Session) noteProgress() {
	if s.sealed != nil {
		s.sealed.from = progress{index: s.stream.rendition.sealing.next}
	}
}

// open opens RTCP that came from the session's reader, and reports whether it counts. What it returns
// holds until the next call.
func (s *Session) open(packet []byte) ([]byte, bool) {
	if s.sealed == nil {
		return packet, true
	}
	if s.sealed.opener == nil {
		return nil, false
	}
	b := s.stream.broadcaster
	opened, err := s.sealed.opener.OpenRTCP(b.opened[:0], packet)
	b.opened = opened
	return opened, err == nil
}

// mustProve reports whether what comes from a reader's address is not even a sign of life as long as it
// is not opened.
func mustProve(r *fanout.Reader) bool {
	o, ok := r.Observer().(*sessionObserver)
	return ok && o.sealed != nil
}
