package udp

import "net/netip"

// SendTo sends one datagram from source (the zero Addr: the routing table decides).
// It returns the kernel's error, a unix.Errno: a full socket is EAGAIN, and the
// datagram is lost, as on any UDP path.
func (s *Socket) SendTo(payload []byte, peer netip.AddrPort, source netip.Addr) error {
	_, err := s.SendEach(payload, 1, func(int) (netip.AddrPort, netip.Addr) { return peer, source })
	return err
}

// SendEach sends one datagram to each of count peers. peer returns the address of peer i, and
// the address to send from; a peer with an invalid address is skipped. It is for what is sent
// seldom: nothing is kept per peer. A peer whose send fails is skipped; a full socket ends the
// sending. It returns how far it has come, the index of the first peer that it has not tried, and
// the last error.
func (s *Socket) SendEach(payload []byte, count int, peer func(i int) (netip.AddrPort, netip.Addr)) (next int, last error) {
	out := &s.outgoing
	var indices [sendBatch]int
	for at := 0; at < count; {
		n := 0
		for ; at < count && n < sendBatch; at++ {
			to, source := peer(at)
			if !to.IsValid() {
				continue
			}
			indices[n] = at
			out.addresses[n].Set(to)
			out.payloads[n].Set(payload)
			out.cmsgs[n].Set(0, source)
			out.messages[n].Point(&out.addresses[n], &out.payloads[n], &out.cmsgs[n])
			n++
		}
		for batch := out.messages[:n]; len(batch) > 0; {
			taken, err := s.send(batch)
			s.counters.Bytes += uint64(taken * len(payload))
			batch = batch[taken:]
			if err == nil {
				continue
			}
			switch last = err; sort(err, false) {
			case full, broken:
				return indices[n-len(batch)], err
			case peerFailed:
				batch = batch[1:]
			}
		}
	}
	return count, last
}
