package sim

import (
	"net/netip"
	"time"
)

// flight is a datagram on its way.
type flight struct {
	socket *udpSocket
	bytes  int
	datagram
}

func (f *flight) happen(k *Kernel) {
	k.deliver(f.socket, f.payload, f.bytes, f.from, f.to)
	if f.payload != nil {
		k.pool.put(f.payload)
	}
	k.flights.put(f)
}

// release gives room back to a send buffer.
type release struct {
	socket *udpSocket
	bytes  int
}

func (r *release) happen(k *Kernel) {
	r.socket.sending -= r.bytes
	k.touch(r.socket.descriptor)
	k.releases.put(r)
}

// deliver puts a datagram of so many bytes into a socket's buffer. Payload may be nil
// for a peer that only counts.
func (k *Kernel) deliver(s *udpSocket, payload []byte, bytes int, from netip.AddrPort, to netip.Addr) {
	switch {
	case s.closed:
		k.counters.Unheard++
		k.reject(from, netip.AddrPortFrom(to, s.local.Port()), payload)
		return
	case s.receiving+bytes+datagramOverheadBytes > s.receiveLimit && s.receiveLimit > 0 && !s.counts():
		k.counters.Overflowed++
		return
	}
	k.counters.Delivered++
	if s.peer != nil && s.peer.arrive(payload, bytes, from, to, k.now) {
		return
	}
	room := k.pool.get(bytes)
	copy(room, payload)
	s.received.push(datagram{room, from, to})
	s.receiving += bytes + datagramOverheadBytes
	k.touch(s.descriptor)
}

// counts reports whether the socket keeps no payload.
func (s *udpSocket) counts() bool {
	return s.peer != nil && (s.peer.countOnly || s.peer.receive != nil)
}

// take removes the first datagram of the buffer; its payload goes back to the pool
// with put.
func (s *udpSocket) take() datagram {
	d := s.received.waiting()[0]
	s.received.drop(1)
	s.receiving -= len(d.payload) + datagramOverheadBytes
	return d
}

// currentLine is the way to the socket.
func (s *udpSocket) currentLine() *line {
	if n := &s.k.network; s.lineEpoch != n.linkEpoch {
		s.line, s.lineEpoch = s.k.lineTo(s.local.Addr()), n.linkEpoch
	}
	return s.line
}

// transfer brings a message, cut into datagrams, to a socket. It returns when the last
// of it has left the sender's buffer.
func (k *Kernel) transfer(s *udpSocket, way *line, payload []byte, segment int, from netip.AddrPort, to netip.Addr) (left time.Duration) {
	left = k.now
	if segment <= 0 || segment > len(payload) {
		segment = len(payload)
	}
	if way == nil && s.peer != nil && s.peer.countOnly && len(payload) > 0 {
		n := uint64((len(payload) + segment - 1) / segment)
		k.counters.Delivered += n
		s.peer.count(n, uint64(len(payload)), k.now)
		return left
	}
	for first := true; first || len(payload) > 0; first = false {
		n := min(segment, len(payload))
		if way == nil {
			k.deliver(s, payload[:n], n, from, to)
		} else {
			left = k.depart(s, way, payload[:n], from, to)
		}
		payload = payload[n:]
	}
	return left
}

// depart sends one datagram over a line that is not perfect.
func (k *Kernel) depart(s *udpSocket, way *line, payload []byte, from netip.AddrPort, to netip.Addr) (left time.Duration) {
	l := way.link
	switch {
	case l.Down:
		k.counters.Lost++
		return k.now
	case way.full(k.now, len(payload)):
		k.counters.Throttled++
		return k.now
	}
	left = way.transmit(k.now, len(payload))
	if k.chance(l.Loss) {
		k.counters.Lost++
		return left
	}
	copies := 1
	if k.chance(l.Duplicate) {
		k.counters.Duplicated++
		copies = 2
	}
	at := left + k.travel(way)
	if k.chance(l.Reorder) {
		at += l.HoldBack
		if l.HoldBack <= 0 {
			at += time.Millisecond
		}
	} else {
		at = max(at, way.last)
		way.last = at
	}
	for range copies {
		k.fly(s, payload, from, to, at)
	}
	return left
}

func (k *Kernel) fly(s *udpSocket, payload []byte, from netip.AddrPort, to netip.Addr, at time.Duration) {
	if at <= k.now {
		k.deliver(s, payload, len(payload), from, to)
		return
	}
	f := k.flights.get()
	f.socket, f.bytes, f.from, f.to = s, len(payload), from, to
	if s.peer == nil || !s.peer.countOnly {
		f.payload = k.pool.get(len(payload))
		copy(f.payload, payload)
	}
	k.schedule(at, f)
}
