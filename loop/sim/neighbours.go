package sim

import (
	"net/netip"
	"os"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

const (
	// neighbourTime is how long Linux asks for a neighbour's link address before it gives
	// up (three times, net.ipv4.neigh.*.retrans_time_ms apart).
	neighbourTime = 3 * time.Second
	// neighbourBytes is what may wait for it meanwhile (unres_qlen_bytes); more drives out
	// what has waited longest.
	neighbourBytes = 212992
	// newsLimit is how much news an fd holds.
	newsLimit = 256
)

// neighbours are machines that do not answer, and the fds that news of them goes to.
type neighbours struct {
	silent    map[netip.Addr]*silentMachine
	listeners []*neighbourNews
}

// silentMachine is one that does not answer, and what waits for it.
type silentMachine struct {
	addr    netip.Addr
	waiting []unsent
	bytes   int
	asked   bool // and the answer is awaited
}

// unsent is a message that waits for a machine to answer.
type unsent struct {
	release
	peer netip.AddrPort
}

// neighbourNews is an fd that has news of neighbours.
type neighbourNews struct {
	k          *Kernel
	descriptor *descriptor
	news       queue[loop.Neighbour]
	lost       bool
}

func (n *neighbourNews) conditions() loop.Interest {
	if n.news.len() > 0 || n.lost {
		return loop.Readable
	}
	return 0
}

func (n *neighbourNews) close() {
	for i, other := range n.k.neighbours.listeners {
		if other == n {
			n.k.neighbours.listeners = append(n.k.neighbours.listeners[:i], n.k.neighbours.listeners[i+1:]...)
			return
		}
	}
}

// SetSilent has the machine of an address, one of the local network, answer no more: what
// is sent to it from then on waits for three seconds, charged to its sender's buffer, and
// is lost. Or it has it answer again. Either is news for who listens by OpenNeighbours.
func (k *Kernel) SetSilent(machine netip.Addr, silent bool) {
	machine = machine.Unmap()
	m := k.neighbours.silent[machine]
	if (m != nil) == silent {
		return
	}
	if silent {
		if k.neighbours.silent == nil {
			k.neighbours.silent = map[netip.Addr]*silentMachine{}
		}
		k.neighbours.silent[machine] = &silentMachine{addr: machine}
	} else {
		k.forget(m, 0)
		delete(k.neighbours.silent, machine)
	}
	k.tellOfNeighbour(loop.Neighbour{Addr: machine, Answers: !silent})
}

func (k *Kernel) tellOfNeighbour(news loop.Neighbour) {
	for _, l := range k.neighbours.listeners {
		if l.news.len() == newsLimit {
			l.lost = true
		} else {
			l.news.push(news)
		}
		k.touch(l.descriptor)
	}
}

// await has a message wait for a machine that does not answer.
func (k *Kernel) await(m *silentMachine, s *udpSocket, peer netip.AddrPort, bytes int) {
	if s == nil || bytes > neighbourBytes {
		return
	}
	k.forget(m, neighbourBytes-bytes)
	m.waiting = append(m.waiting, unsent{release{s, bytes}, peer})
	m.bytes += bytes
	s.sending += bytes
	if !m.asked {
		m.asked = true
		k.schedule(k.now+neighbourTime, m)
	}
}

// happen gives the machine up until somebody sends to it again. Each message that has waited is
// rejected.
func (m *silentMachine) happen(k *Kernel) {
	m.asked = false
	if k.neighbours.silent[m.addr] == m {
		for _, u := range m.waiting {
			k.rejected(u.socket, loop.Rejection{Peer: u.peer, Errno: unix.EHOSTUNREACH})
		}
		k.forget(m, 0)
		k.tellOfNeighbour(loop.Neighbour{Addr: m.addr})
	}
}

// forget drops what has waited longest until most bytes are left.
func (k *Kernel) forget(m *silentMachine, most int) {
	for m.bytes > most {
		oldest := m.waiting[0]
		m.waiting = m.waiting[1:]
		m.bytes -= oldest.bytes
		oldest.socket.sending -= oldest.bytes
		k.touch(oldest.socket.descriptor)
	}
}

// OpenNeighbours opens an fd that has news of machines that SetSilent is called for, and
// again whenever one of them was asked in vain.
func (k *Kernel) OpenNeighbours() (int, error) {
	fd, err := -1, k.enter(Call{Name: "OpenNeighbours", FD: -1})
	if err == nil {
		fd, err = k.openNeighbours()
	}
	k.trace("OpenNeighbours", -1, "", fd, err)
	return fd, err
}

func (k *Kernel) openNeighbours() (int, error) {
	l := &neighbourNews{k: k}
	var err error
	if l.descriptor, err = k.open(l); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	k.neighbours.listeners = append(k.neighbours.listeners, l)
	return l.descriptor.fd, nil
}

// ReadNeighbours reads news.
func (k *Kernel) ReadNeighbours(fd int, news []loop.Neighbour) (int, error) {
	n, err := 0, k.enter(Call{Name: "ReadNeighbours", FD: fd})
	if err == nil {
		n, err = k.readNeighbours(fd, news)
	}
	k.trace("ReadNeighbours", fd, "", n, err)
	return n, err
}

func (k *Kernel) readNeighbours(fd int, news []loop.Neighbour) (int, error) {
	l, err := fileOf[*neighbourNews](k, fd)
	switch {
	case err != nil:
		return 0, err
	case l.lost:
		l.lost = false
		return 0, unix.ENOBUFS
	case l.news.len() == 0:
		return 0, unix.EAGAIN
	}
	n := copy(news, l.news.waiting())
	l.news.drop(n)
	return n, nil
}
