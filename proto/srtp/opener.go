package srtp

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	errShort  = errors.New("srtp: packet is too short")
	errForged = errors.New("srtp: packet is not sealed with the key")
	errReplay = errors.New("srtp: packet has come before, or long after the ones behind it")
)

// maxSenders is how many SSRCs may send under one key: a receiver changes its own if another one has the same.
const maxSenders = 16

// windowPackets is how far behind the newest packet a packet may come, and be known as new or not.
const windowPackets = 64

// Opener opens the RTCP of one reader. It belongs to one goroutine.
type Opener struct {
	rtcp   *transform
	mki    []byte
	key    Key // of the window in Openers.windows
	window *window
}

// senders are the SSRCs that packets under one key have come from.
type senders []sender

// sender is what has come from one SSRC.
type sender struct {
	ssrc    uint32
	highest uint32
	seen    uint64 // bit i: the packet of index highest-i has come
}

// newOpener makes an Opener of a peer's packets, with a window of its own.
func newOpener(p Peer) *Opener {
	return &Opener{rtcp: newTransform(&p.Key, labelSRTCP), mki: bytes.Clone(p.MKI), window: &window{}}
}

// Format prints no key, whatever the verb.
func (*Opener) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// OpenRTCP checks and opens a compound RTCP packet, and appends it to dst. packet stays as it is, and
// must not lie in dst. The error says that the packet is forged or came before; dst and the Opener are as before then.
func (o *Opener) OpenRTCP(dst, packet []byte) ([]byte, error) {
	return o.rtcp.openRTCP(dst, packet, o.mki, &o.window.senders)
}

// isNew reports whether an authenticated packet has not come before, and notes that it has.
func (all *senders) isNew(ssrc, index uint32) bool {
	for i := range *all {
		if s := &(*all)[i]; s.ssrc == ssrc {
			return s.isNew(index)
		}
	}
	if len(*all) == maxSenders {
		return false
	}
	*all = append(*all, sender{ssrc: ssrc, highest: index, seen: 1})
	return true
}

func (s *sender) isNew(index uint32) bool {
	if index > s.highest {
		s.seen = s.seen<<min(index-s.highest, windowPackets) | 1
		s.highest = index
		return true
	}
	behind := s.highest - index
	if behind >= windowPackets || s.seen>>behind&1 != 0 {
		return false
	}
	s.seen |= 1 << behind
	return true
}
