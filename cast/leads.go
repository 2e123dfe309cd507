package cast

import (
	"bytes"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// A reader of SRTP that misses its lead may open no packet, ever. So what a full socket does not take is
// sent when it does, before the frames that wait for it.

// lead is what a full socket has not taken of a session's lead.
type lead struct {
	session *Session
	socket  *udp.Socket
	to      Address
	packets [][]byte
	again   *loop.Timer
}

// sendLeadBy sends a session's lead over UDP, now or when the socket takes more.
func (s *Session) sendLeadBy(socket *udp.Socket, to Address) {
	var left [][]byte
	s.sendLead(func(packet []byte) {
		if len(left) > 0 || udp.IsFull(socket.SendTo(packet, to.RTP, to.Source)) {
			left = append(left, bytes.Clone(packet))
		}
	})
	if len(left) > 0 {
		l := &lead{session: s, socket: socket, to: to, packets: left}
		l.again = s.stream.broadcaster.loop.NewTimer(l.goOn)
		s.sealed.lead = l
		l.wait(unix.EAGAIN)
	}
}

// wait has it go on when the socket takes more. Where a queue behind it was full, no readiness tells when
// that is.
func (l *lead) wait(err error) {
	if err != unix.EAGAIN || l.socket.FirstWhenWritable(l.goOn) != nil {
		l.again.SetAfter(farewellPause)
	}
}

// goOn sends what is left, unless the session has paused or ended. A reader that was sent frames
// meanwhile could not open them.
func (l *lead) goOn() {
	s := l.session
	if s.udp == nil || s.sealed == nil || s.sealed.lead != l {
		return
	}
	for len(l.packets) > 0 {
		if err := l.socket.SendTo(l.packets[0], l.to.RTP, l.to.Source); udp.IsFull(err) {
			l.wait(err)
			return
		}
		l.packets = l.packets[1:]
	}
	s.sealed.lead = nil
	if s.udp.Frames() > 0 {
		s.stream.rendition.keys.request()
	}
}

// end forgets it.
func (l *lead) end() {
	if l != nil {
		l.again.Stop()
	}
}
