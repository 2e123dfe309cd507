package fanout

import (
	"net/netip"

	"github.com/camcast/camcast/loop/udp"
)

// Round is how far an RTCP packet has come on its way to all readers. Its zero value is the
// beginning.
type Round struct {
	group, index int
}

// SendRTCP sends a packet to at most `most` readers, beginning where the round stands, and
// reports whether it has come to the end. turn chooses which reader of a group is first, so that
// readers skipped by a full socket get the next packet. A reader that comes or goes between two
// calls may be sent the packet twice, or not.
func (f *Fanout) SendRTCP(packet []byte, round *Round, turn uint64, most int) (done bool) {
	for ; round.group < len(f.groups); round.group, round.index = round.group+1, 0 {
		g := f.groups[round.group]
		count := max(min(most, len(g.readers)-round.index), 0)
		g.sendRTCP(packet, round.index+int(turn%uint64(max(len(g.readers), 1))), count)
		most -= count
		if round.index += count; round.index < len(g.readers) {
			return false
		}
	}
	return true
}

// sendRTCP sends the packet to count readers from one on, round the group.
func (g *group) sendRTCP(packet []byte, from, count int) {
	_, _ = g.rtcp.SendEach(packet, count, func(i int) (netip.AddrPort, netip.Addr) {
		i = (from + i) % len(g.readers)
		return g.readers[i].RTCPAddress(), g.fan.Source(i)
	})
}

// Target is where a reader's RTCP goes, and the address of this machine that it is sent from.
type Target struct {
	RTCP   netip.AddrPort
	Source netip.Addr
}

// RTCPTarget is where the reader's RTCP goes, until it leaves, and by which socket.
func (r *Reader) RTCPTarget() (*udp.Socket, Target) {
	return r.group.rtcp, Target{r.RTCPAddress(), r.group.fan.Source(int(r.index))}
}

// EachSocket calls visit with where the RTCP of all readers goes, a group of them at a time, which
// are behind one socket. turn chooses which reader of a group is first. The targets are the
// caller's.
func (f *Fanout) EachSocket(turn uint64, visit func(socket *udp.Socket, to []Target)) {
	for _, g := range f.groups {
		n := len(g.readers)
		to := make([]Target, n)
		for i := range to {
			_, to[i] = g.readers[(i+int(turn%uint64(n)))%n].RTCPTarget()
		}
		if n > 0 {
			visit(g.rtcp, to)
		}
	}
}
