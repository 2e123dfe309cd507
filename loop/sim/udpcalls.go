package sim

import (
	"net/netip"
	"time"
	"unsafe"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Sendmmsg sends messages, cut into datagrams as they ask.
func (k *Kernel) Sendmmsg(fd int, messages []loop.Message) (int, error) {
	err := k.enter(Call{Name: "Sendmmsg", FD: fd})
	sent := 0
	if err == nil {
		sent, err = k.sendmmsg(fd, messages)
	}
	k.traceMessages("Sendmmsg", fd, messages, sent, err, (*loop.Message).Payload)
	return sent, err
}

// Sendmsg sends one message.
func (k *Kernel) Sendmsg(fd int, message *loop.Message) error {
	err := k.enter(Call{Name: "Sendmsg", FD: fd})
	s, fdErr := fileOf[*udpSocket](k, fd)
	if err == nil {
		err = fdErr
	}
	sent := 0
	if err == nil {
		if err = k.send(s, message, Call{Name: "Sendmsg"}, true); err == nil {
			sent = 1
		}
	}
	k.traceMessages("Sendmsg", fd, unsafe.Slice(message, 1), sent, err, (*loop.Message).Payload)
	return err
}

func (k *Kernel) sendmmsg(fd int, messages []loop.Message) (int, error) {
	s, err := fileOf[*udpSocket](k, fd)
	if err != nil {
		return 0, err
	}
	messages = messages[:min(len(messages), maxMessages)]
	if len(messages) > 1 && k.chance(k.faults.PartialBatches) {
		messages = messages[:1+k.random.IntN(len(messages)-1)]
	}
	for i := range messages {
		if err := k.send(s, &messages[i], Call{Name: "Sendmmsg"}, i == 0); err != nil {
			if i > 0 {
				return i, nil
			}
			return 0, err
		}
	}
	return len(messages), nil
}

// send sends one message of a call; first says that its error will be told.
func (k *Kernel) send(s *udpSocket, m *loop.Message, c Call, first bool) error {
	peer, payload, segment := canonical(m.Peer()), m.Payload(), m.SegmentBytes()
	if len(k.hooks) > 0 {
		c.Number, c.FD, c.Peer = k.messages+1, s.descriptor.fd, peer
		c.Bytes, c.SegmentBytes, c.Mark = len(payload), segment, m.Mark()
		if err := k.injected(c); err != nil {
			if first {
				k.messages++
			}
			return err
		}
	}
	if s.err != nil {
		return s.takeError()
	}
	if err := k.checkSend(s, peer, len(payload), segment); err != nil {
		return err
	}
	from, err := k.sendFrom(s, m.LocalAddress(), peer.Addr())
	if err != nil {
		return err
	}
	if s.sending >= s.sendLimit {
		return unix.EAGAIN
	}
	k.messages++
	return k.leave(s, m.Mark(), from, peer, payload, segment)
}

// checkSend finds what is wrong with a message by itself.
func (k *Kernel) checkSend(s *udpSocket, peer netip.AddrPort, bytes, segment int) error {
	most := maxPayload4
	if s.local.Addr().Is6() {
		most = maxPayload6
	}
	switch {
	case !peer.IsValid():
		return unix.EDESTADDRREQ
	case peer.Addr().Is4() && s.local.Addr().Is6():
		return unix.ENETUNREACH // an IPv6 socket with IPV6_V6ONLY
	case peer.Addr().Is4() != s.local.Addr().Is4():
		return unix.EAFNOSUPPORT
	case peer.Port() == 0:
		return unix.EINVAL
	case bytes > most:
		return unix.EMSGSIZE
	case segment > 0 && k.options.noSegments:
		return unix.EINVAL
	case segment > 0 && bytes > segment*maxSegments:
		return unix.EINVAL
	}
	return nil
}

// sendFrom is the source of a message: as it asks, as the socket is bound, or as the
// routing table decides.
func (k *Kernel) sendFrom(s *udpSocket, asked, peer netip.Addr) (netip.AddrPort, error) {
	ip := s.local.Addr()
	switch {
	case asked.IsValid():
		if !k.isLocal(asked) {
			if asked.Is6() {
				return netip.AddrPort{}, unix.EINVAL
			}
			return netip.AddrPort{}, unix.ENETUNREACH
		}
		ip = asked
	case ip.IsUnspecified() || ip.IsMulticast():
		ip = k.sourceFor(peer)
		if !ip.IsValid() {
			return netip.AddrPort{}, unix.ENETUNREACH
		}
	}
	if ip == s.local.Addr() {
		return s.local, nil
	}
	return netip.AddrPortFrom(ip, s.local.Port()), nil
}

// route brings a message to whoever listens at peer, nobody perhaps, and charges the
// sender's buffer for what has to wait.
func (k *Kernel) route(s *udpSocket, from, peer netip.AddrPort, payload []byte, segment int) error {
	n := &k.network
	to := n.udp[peer]
	if to == nil && k.isLocal(peer.Addr()) {
		to = n.udp[wildcard(peer)]
	}
	var way *line
	if to != nil && to.local == peer {
		way = to.currentLine()
	} else if len(n.links) > 0 {
		way = k.lineTo(peer.Addr())
	}
	if way != nil {
		if err := way.check(peer.Addr(), len(payload), segment); err != nil {
			return err
		}
	}
	datagrams := 1
	if segment > 0 && len(payload) > segment {
		datagrams = (len(payload) + segment - 1) / segment
	}
	k.counters.Sent += uint64(datagrams)
	k.counters.SentBytes += uint64(len(payload))
	if m := k.neighbours.silent[peer.Addr()]; m != nil {
		k.counters.Unheard += uint64(datagrams)
		k.await(m, s, peer, len(payload))
		return nil
	}
	left := k.now
	switch {
	case peer.Addr().IsMulticast():
		k.multicast(from, peer, payload, segment, datagrams)
	case to == nil:
		k.counters.Unheard += uint64(datagrams)
		if segment <= 0 {
			segment = len(payload)
		}
		k.reject(from, peer, payload[:min(segment, len(payload))])
	default:
		left = k.transfer(to, way, payload, segment, from, peer.Addr())
	}
	if s != nil {
		k.charge(s, way, left, len(payload), datagrams)
	}
	return nil
}

// multicast brings a message to each member of a group, over the way to each.
func (k *Kernel) multicast(from, group netip.AddrPort, payload []byte, segment, datagrams int) {
	members := k.network.groups[group]
	if len(members) == 0 {
		k.counters.Unheard += uint64(datagrams)
		return
	}
	k.counters.Sent += uint64((len(members) - 1) * datagrams) // the network's copies
	for _, m := range members {
		k.transfer(m, m.currentLine(), payload, segment, from, group.Addr())
	}
}

// charge has what waits for a line fill the sender's buffer until it has left, and
// lets the time pass that sending takes.
func (k *Kernel) charge(s *udpSocket, way *line, left time.Duration, bytes, datagrams int) {
	if way != nil && way.link.QueueBytes == 0 && left > k.now {
		r := k.releases.get()
		r.socket, r.bytes = s, bytes
		s.sending += bytes
		k.schedule(left, r)
	}
	if c := &k.options.costs; c.Message > 0 || c.Datagram > 0 {
		k.use(c.Message + time.Duration(datagrams)*c.Datagram)
	}
}

// check finds what a link does not take.
func (l *line) check(peer netip.Addr, bytes, segment int) error {
	if segment <= 0 {
		return nil
	}
	headers := 28
	if peer.Is6() {
		headers = 48
	}
	switch {
	case l.link.MTU > 0 && min(segment, bytes)+headers > l.link.MTU:
		return unix.EMSGSIZE
	case l.link.NoSegmentation && bytes > segment:
		return unix.EIO
	}
	return nil
}

// Recvmmsg receives the datagrams that have arrived.
func (k *Kernel) Recvmmsg(fd int, messages []loop.Message) (int, error) {
	err := k.enter(Call{Name: "Recvmmsg", FD: fd})
	n := 0
	if err == nil {
		n, err = k.recvmmsg(fd, messages)
	}
	k.traceMessages("Recvmmsg", fd, messages, n, err, (*loop.Message).Received)
	return n, err
}

func (k *Kernel) recvmmsg(fd int, messages []loop.Message) (int, error) {
	s, err := fileOf[*udpSocket](k, fd)
	switch {
	case err != nil:
		return 0, err
	case len(messages) == 0:
		return 0, nil
	case s.err != nil:
		return 0, s.takeError()
	case s.received.len() == 0:
		return 0, unix.EAGAIN
	}
	count := min(len(messages), s.received.len(), maxMessages)
	for i := range messages[:count] {
		d := s.take()
		n := copy(messages[i].Payload(), d.payload)
		to := netip.Addr{}
		if s.packetInfo {
			to = d.to
		}
		messages[i].Deliver(d.from, to, n, n < len(d.payload))
		k.pool.put(d.payload)
	}
	if c := k.options.costs.Message; c > 0 {
		k.use(time.Duration(count) * c)
	}
	return count, nil
}
