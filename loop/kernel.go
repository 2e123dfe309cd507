package loop

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Interest is a set of conditions of an fd: those a handler waits for, and those
// it is told of.
type Interest uint8

// The conditions, as epoll_ctl(2) describes them. Failed and HungUp are always
// reported, whether asked for or not: a handler that ignores them would be called
// again at once, forever.
const (
	// Readable: a read would not block (EPOLLIN).
	Readable Interest = 1 << iota
	// Writable: a write would not block (EPOLLOUT).
	Writable
	// Urgent: out-of-band data or a device event is pending (EPOLLPRI).
	Urgent
	// HungUp: the other side is gone (EPOLLHUP, EPOLLRDHUP is not used).
	HungUp
	// Failed: the fd has an error pending (EPOLLERR). It can be spurious with
	// camera drivers: let the read or the ioctl decide.
	Failed
)

// Has reports whether all of conditions are in i.
func (i Interest) Has(conditions Interest) bool { return i&conditions == conditions }

// Ready is one fd that became ready: the token it was watched with and why.
type Ready struct {
	Token      uint64
	Conditions Interest
}

// Kernel is everything the loop and its sockets ask of the operating system. New
// uses Linux; package sim is a deterministic stand-in. Its methods are called from
// the goroutine that runs the loop, but for Wake.
//
// An implementation must not allocate in Wait, Monotonic, ThreadCPU, Sendmmsg, Sendmsg,
// Recvmmsg, ReadRejections, Read and Writev. The errors of the last six, of Accept and of
// ReadNeighbours are bare unix.Errno values, so that sorting them costs nothing.
type Kernel interface {
	Poller
	Clock
	Sockets
	Neighbours
	// Close frees what the kernel side of the loop holds. Open fds stay open.
	Close() error
}

// Poller waits for fds, as epoll(7) does, level-triggered.
type Poller interface {
	// Watch begins to report fd's readiness with token. An fd can be watched once.
	Watch(fd int, want Interest, token uint64) error
	// Rewatch changes what a watched fd is waited for, and its token.
	Rewatch(fd int, want Interest, token uint64) error
	// Unwatch stops reporting fd. Events already returned by Wait are unaffected.
	Unwatch(fd int) error
	// Wait fills ready with fds that are ready now, waiting up to timeout for the
	// first (negative: forever, 0: not at all), and returns how many there are.
	// 0 means that the time has passed, Wake was called, or a signal came: the loop
	// waits on then, for the rest of the time. The wait never ends before timeout for
	// any other reason.
	Wait(ready []Ready, timeout time.Duration) (int, error)
	// Wake makes the present or next Wait return at once. Any goroutine may call it.
	Wake() error
}

// Clock is the time.
type Clock interface {
	// Monotonic is the time since the start of CLOCK_MONOTONIC, on which V4L2
	// drivers stamp their frames.
	Monotonic() time.Duration
	// Wall is the time of day (CLOCK_REALTIME).
	Wall() time.Time
	// ThreadCPU is the CPU time that the calling thread has used, in system calls too
	// (CLOCK_THREAD_CPUTIME_ID). Two readings can be compared if the goroutine was locked to
	// its thread meanwhile.
	ThreadCPU() time.Duration
}

// Sockets are the few socket calls that a broadcaster needs. All fds they return
// are non-blocking; a call that would block returns unix.EAGAIN.
type Sockets interface {
	// OpenUDP opens a socket bound to local; port 0 picks a free one.
	OpenUDP(local netip.AddrPort, o UDPOptions) (fd int, err error)
	// Sendmmsg sends messages in order and returns how many the kernel took. It
	// returns an error only when it took none: the error is then the first
	// message's. See sendmmsg(2). What a full queue of the network card drops counts as taken.
	Sendmmsg(fd int, messages []Message) (int, error)
	// Sendmsg sends one message, for kernels that do not know Sendmmsg (unix.ENOSYS); see
	// sendmsg(2).
	Sendmsg(fd int, message *Message) error
	// Recvmmsg receives up to len(messages) datagrams; see recvmmsg(2). Where the kernel
	// does not know that it is one.
	Recvmmsg(fd int, messages []Message) (int, error)
	// ReadRejections takes what waits in the error queue of a socket that was opened with
	// Rejections, as much as fits, and returns how many entries it has filled in;
	// unix.EAGAIN: there is none. As long as there is one the fd is Failed, and its next send
	// or receive fails with the first one's Errno, whichever peer that is for.
	ReadRejections(fd int, rejections []Rejection) (int, error)
	// CanSegment reports whether fd takes UDP_SEGMENT (udp(7), Linux 4.18).
	CanSegment(fd int) bool

	// ListenTCP opens a listening socket bound to local; port 0 picks a free one.
	ListenTCP(local netip.AddrPort) (fd int, err error)
	// Accept takes the next connection of a listening fd.
	Accept(fd int) (conn int, peer netip.AddrPort, err error)
	// ConnectTCP begins to connect. The fd becomes writable when it is decided;
	// SocketError then tells how.
	ConnectTCP(peer netip.AddrPort) (fd int, err error)
	// SocketError returns and clears the socket's pending error (SO_ERROR), nil if
	// there is none.
	SocketError(fd int) error
	// LocalAddr is the address fd is bound to.
	LocalAddr(fd int) (netip.AddrPort, error)

	// Read reads from a connection; 0 and no error is the end of the stream.
	Read(fd int, p []byte) (int, error)
	// Writev writes the vectors in order, as much as the kernel takes.
	Writev(fd int, vectors []Vector) (int, error)
	// LimitSendBuffer has the kernel hold at most about so many bytes of a connection that its
	// peer has not acknowledged (SO_SNDBUF). Where it needs more rights to be given as many, its
	// own limit stays, which is not an error. It may be less than what is held already.
	LimitSendBuffer(fd, bytes int) error
	// Unacknowledged is how many bytes of a connection the kernel holds that its peer has not
	// acknowledged (SIOCOUTQ).
	Unacknowledged(fd int) (int, error)
	// ResetOnClose has CloseFD drop what a connection's peer has not acknowledged, and reset it
	// (SO_LINGER). Otherwise the kernel holds that for a while after CloseFD.
	ResetOnClose(fd int) error
	// CloseFD closes an fd that one of these methods returned. It must not be
	// watched any more.
	CloseFD(fd int) error
}

// Rejection is an ICMP message that answers a datagram: a host or a router says why the datagram
// did not arrive. It may be forged.
type Rejection struct {
	// Peer is where the datagram was sent.
	Peer netip.AddrPort
	// Errno is what the message means to the kernel (icmp(7)).
	Errno unix.Errno
	// PortClosed: the host says that no program listens at the port, or that it does not have
	// UDP. It is false of hosts and networks that cannot be reached.
	PortClosed bool
	// Quoted is how the payload of the datagram begins, as far as the message quotes it: at
	// most QuotedBytes, and none at all from a router that quotes only headers. It may be read
	// until the next ReadRejections.
	Quoted []byte
}

// QuotedBytes is how much of a rejected datagram is kept: enough for the headers of RTP and RTCP.
const QuotedBytes = 64

// Neighbours are the machines on the local networks, as far as the kernel has asked for
// their link addresses (arp(7)).
type Neighbours interface {
	// OpenNeighbours opens an fd that is readable when there is news of them
	// (rtnetlink(7)).
	OpenNeighbours() (fd int, err error)
	// ReadNeighbours fills in news and returns how many entries it has filled in, which may be
	// 0; the fd stays readable while there is more. The kernel gives one message at a time;
	// entries of a message beyond len(news) are dropped.
	// unix.EAGAIN: there is none. unix.ENOBUFS: some was lost, as too much came.
	ReadNeighbours(fd int, news []Neighbour) (int, error)
}

// Neighbour is news of a machine on a local network.
type Neighbour struct {
	// Addr is its address; a link-local one has the interface's number as its zone.
	Addr netip.Addr
	// Answers: its link address is known. If not, the lookup (ARP) has failed: what is sent to
	// it from now on waits in the kernel, charged to the socket's buffer, until the next lookup
	// fails too, some three seconds later.
	Answers bool
}

// UDPOptions are the settings of a UDP socket.
type UDPOptions struct {
	// SendBufferBytes and ReceiveBufferBytes ask for socket buffers, beyond the
	// system's limit where the process may (SO_SNDBUFFORCE). 0 leaves the default.
	SendBufferBytes, ReceiveBufferBytes int
	// PacketInfo has each received message carry the address it was sent to
	// (IP_PKTINFO), so that the answer can leave from it.
	PacketInfo bool
	// Rejections has the kernel queue the ICMP messages that answer what was sent (IP_RECVERR),
	// for ReadRejections. Without it the kernel drops them.
	Rejections bool
	// Multicast settings of what is sent: TTL (0: the default, 1) and the name of
	// the interface ("": the routing table decides). Sent groups are looped back
	// to members on this machine.
	MulticastTTL       int
	MulticastInterface string
	// ReuseAddress lets several sockets be bound to one address (SO_REUSEADDR).
	ReuseAddress bool
	// Beside is a socket whose port this one may share, and no other; 0: none. What comes
	// to the address of the more specific of the two goes to that.
	Beside int
}
