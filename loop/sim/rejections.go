package sim

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// rejecter is a network whose hosts answer what comes to a closed port with ICMP.
type rejecter struct {
	prefix netip.Prefix
	every  time.Duration
	next   map[netip.Addr]time.Duration // when a host may answer again
}

// SetRejects has the hosts of a prefix answer datagrams for a port where no peer is with ICMP
// "port unreachable", each host once in every, as a rule that is a second; 0: every datagram. The
// answer takes as long as the datagram. Without it such datagrams are only counted (Unheard).
func (k *Kernel) SetRejects(hosts netip.Prefix, every time.Duration) {
	k.network.rejecters = append(k.network.rejecters, &rejecter{hosts.Masked(), every, map[netip.Addr]time.Duration{}})
}

// rejection is an ICMP message on its way to the host that sent the datagram.
type rejection struct {
	from netip.AddrPort // who sent the datagram
	loop.Rejection
}

// reject answers a datagram that has come to a closed port, if its host does so.
func (k *Kernel) reject(from, to netip.AddrPort, payload []byte) {
	for _, r := range k.network.rejecters {
		if !r.prefix.Contains(to.Addr()) {
			continue
		}
		if k.now < r.next[to.Addr()] {
			return
		}
		r.next[to.Addr()] = k.now + r.every
		answer := &rejection{from, loop.Rejection{
			Peer: to, Errno: unix.ECONNREFUSED, PortClosed: true,
			Quoted: append([]byte(nil), payload[:min(len(payload), loop.QuotedBytes)]...),
		}}
		if way := k.lineTo(to.Addr()); way != nil && way.link.Delay > 0 {
			k.schedule(k.now+2*way.link.Delay, answer)
		} else {
			answer.happen(k)
		}
		return
	}
}

// happen has the answer arrive at the socket that sent the datagram.
func (r *rejection) happen(k *Kernel) {
	s := k.network.udp[r.from]
	if s == nil {
		s = k.network.udp[wildcard(r.from)]
	}
	k.rejected(s, r.Rejection)
}

// Reject has a socket receive an ICMP message, which may be forged.
func (k *Kernel) Reject(fd int, r loop.Rejection) error {
	s, err := fileOf[*udpSocket](k, fd)
	if err != nil {
		return err
	}
	k.rejected(s, r)
	return nil
}

// rejected queues an ICMP message at a socket, unless its receive buffer is full. The next call
// fails by it in any case.
func (k *Kernel) rejected(s *udpSocket, r loop.Rejection) {
	if s == nil || !s.rejections {
		return
	}
	s.err = r.Errno
	if bytes := len(r.Quoted) + datagramOverheadBytes; s.receiving+bytes <= s.receiveLimit {
		s.rejected.push(r)
		s.receiving += bytes
	}
	k.touch(s.descriptor)
}

// ReadRejections takes what is in a socket's error queue.
func (k *Kernel) ReadRejections(fd int, rejections []loop.Rejection) (int, error) {
	n, err := 0, k.enter(Call{Name: "ReadRejections", FD: fd})
	if err == nil {
		n, err = k.readRejections(fd, rejections)
	}
	if k.tracer.w != nil {
		k.trace("ReadRejections", fd, "", n, err)
	}
	return n, err
}

func (k *Kernel) readRejections(fd int, rejections []loop.Rejection) (int, error) {
	s, err := fileOf[*udpSocket](k, fd)
	switch {
	case err != nil:
		return 0, err
	case s.rejected.len() == 0:
		return 0, unix.EAGAIN
	}
	n := copy(rejections, s.rejected.waiting())
	for _, r := range rejections[:n] {
		s.receiving -= len(r.Quoted) + datagramOverheadBytes
	}
	s.rejected.drop(n)
	s.err = nil
	if s.rejected.len() > 0 {
		s.err = s.rejected.waiting()[0].Errno
	}
	return n, nil
}
