package fanout

import "net/netip"

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
