package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Options are the settings of a Socket; the zero value is useful.
type Options struct {
	loop.UDPOptions
	// NoSegmentation has packets sent one by one, though many per system call.
	NoSegmentation bool
	// NoBatches has each message sent by a system call of its own.
	NoBatches bool
	// Budget is that of receiving: what does not fit waits in the kernel for another turn, or
	// is dropped there, where it costs least. nil: at most 128 datagrams are received in a turn.
	Budget *loop.Budget
	// Room is what datagrams are received into, for a program with many sockets; nil: a
	// Room of the socket's own.
	Room *Room
	// Clones has runs copied to many peers by a program in the kernel; nil: none. It is for
	// peers whose source is given (Fan.Add).
	Clones *Clones
	// Rejected is called with each ICMP message that answers what the socket has sent, from a turn
	// of the loop and never within a send. What the message quotes may be read until Rejected
	// returns. With nil the kernel drops them. With it a message fails the next send, whichever peer
	// that is for; such a send is tried again.
	Rejected func(loop.Rejection)
	// Report is told, once each, what the kernel or a link turned out not to do. It
	// may be nil.
	Report func(what string)
}

// Datagram is what was received. Payload may be read until the receiving function
// returns.
type Datagram struct {
	Payload []byte
	From    netip.AddrPort
	// To is the address it was sent to, if the socket was opened with PacketInfo.
	To netip.Addr
	// Late: it may have arrived long ago, as the socket was put off (Options.Budget) and has
	// not caught up since.
	Late bool
}

// Counters are a socket's figures since it was opened.
type Counters struct {
	// Calls is how many sends were asked of the kernel, Messages how many messages
	// it took (each a run of packets, or one), Bytes what they held.
	Calls, Messages, Bytes uint64
	// Cloned is how many of the messages a program has addressed (Options.Clones): copies,
	// and the one of each lot that they were made of.
	Cloned uint64
	// Blocked is how often the socket was full.
	Blocked uint64
	// Received is how many datagrams came in, ReceivedBytes what they held, and Truncated
	// how many were longer than MaxDatagramBytes, which are dropped.
	Received, ReceivedBytes, Truncated uint64
	// Rejections is how many ICMP messages came in (Options.Rejected).
	Rejections uint64
}

// Plus is the sum of two sockets' figures.
func (c Counters) Plus(other Counters) Counters {
	return Counters{
		Calls: c.Calls + other.Calls, Messages: c.Messages + other.Messages, Bytes: c.Bytes + other.Bytes,
		Cloned: c.Cloned + other.Cloned, Blocked: c.Blocked + other.Blocked, Received: c.Received + other.Received,
		ReceivedBytes: c.ReceivedBytes + other.ReceivedBytes, Truncated: c.Truncated + other.Truncated,
		Rejections: c.Rejections + other.Rejections,
	}
}

// MaxDatagramBytes is the longest datagram that is received. Reports and requests, which
// are all that a broadcaster receives, are far shorter.
const MaxDatagramBytes = 2048

// Socket is a bound UDP socket. Its methods belong to the loop's goroutine.
type Socket struct {
	loop         *loop.Loop
	kernel       loop.Kernel
	registration *loop.Registration
	fd           int
	local        netip.AddrPort
	options      Options
	segment      bool // the kernel segments
	reported     map[unix.Errno]bool
	waiting      []func() // called once when the socket is writable
	woken        []func() // the list that was called last, to be filled next
	room         *Room
	deliver      func(Datagram)   // nil if nothing is received
	rejections   []loop.Rejection // room for those that are read; empty: none are
	outgoing     outgoing
	clones       *Clones
	fans         []*Fan // those whose peers have entries in it
	// receiving and rejecting are the tasks of reading datagrams and ICMP; nil without a budget.
	receiving, rejecting *loop.Task
	// late: what is received may have waited since lateAt.
	late, everLate bool
	lateAt         time.Duration
	counters       Counters
	closed         bool
}

// Open opens a socket bound to local (port 0: a free one) and registers it. receive
// is called with each datagram; with nil, incoming datagrams are left to the kernel
// to drop.
func Open(l *loop.Loop, local netip.AddrPort, o Options, receive func(Datagram)) (*Socket, error) {
	k := l.Kernel()
	o.Rejections = o.Rejected != nil
	fd, err := k.OpenUDP(local, o.UDPOptions)
	if err != nil {
		return nil, fmt.Errorf("udp %v: %w", local, err)
	}
	s := &Socket{loop: l, kernel: k, fd: fd, options: o, reported: map[unix.Errno]bool{}, room: o.Room, clones: o.Clones, deliver: receive}
	if receive != nil && s.room == nil {
		s.room = NewRoom()
	}
	if o.Rejected != nil {
		s.rejections = make([]loop.Rejection, rejectionRoom)
	}
	if s.local, err = k.LocalAddr(fd); err == nil {
		want := loop.Interest(0)
		if receive != nil {
			want = loop.Readable
		}
		s.registration, err = l.Register(fd, want, s.ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("udp %v: %w", local, err), k.CloseFD(fd))
	}
	if o.Budget != nil {
		s.receiving, s.rejecting = o.Budget.NewTask(s.receive), o.Budget.NewTask(s.readRejections)
	}
	s.segment = !o.NoSegmentation && k.CanSegment(fd)
	if !s.segment && !o.NoSegmentation {
		s.report(unix.ENOPROTOOPT, "the kernel does not segment UDP: sending packet by packet")
	}
	return s, nil
}

// OpenBeside opens another socket on the same port, with the same options, bound to one of the
// addresses of a socket that is bound to all. It has buffers of its own, so what waits in the
// one does not hold up the other; what comes to that address goes to it.
func (s *Socket) OpenBeside(address netip.Addr, receive func(Datagram)) (*Socket, error) {
	o := s.options
	o.Beside = s.fd
	return Open(s.loop, netip.AddrPortFrom(address, s.local.Port()), o, receive)
}

// Local is the address the socket is bound to.
func (s *Socket) Local() netip.AddrPort { return s.local }

// Counters are the figures so far.
func (s *Socket) Counters() Counters { return s.counters }

// Segments reports whether runs are left to the kernel to cut.
func (s *Socket) Segments() bool { return s.segment }

// Close takes the socket off the loop and closes it. Functions that wait for it to
// be writable are dropped, and nothing more is received. Closing twice does nothing.
func (s *Socket) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.waiting, s.deliver = nil, nil
	if s.receiving != nil {
		s.receiving.Stop()
		s.rejecting.Stop()
	}
	s.releaseClones()
	return errors.Join(s.registration.Unregister(), s.kernel.CloseFD(s.fd))
}

// WhenWritable has f called once, in a later turn, when the socket takes more. If the kernel
// refuses to wait for that, it returns an error and f is not called: try again later.
func (s *Socket) WhenWritable(f func()) error {
	s.waiting = append(s.waiting, f)
	err := s.registration.Want(s.want())
	if err != nil {
		s.waiting = s.waiting[:len(s.waiting)-1]
	}
	return err
}

// FirstWhenWritable is WhenWritable, but f is called before the functions that wait already: what it
// sends is not kept back by senders that fill the socket again and again.
func (s *Socket) FirstWhenWritable(f func()) error {
	err := s.WhenWritable(f)
	if last := len(s.waiting) - 1; err == nil && last > 0 {
		s.waiting = slices.Insert(s.waiting[:last], 0, f)
	}
	return err
}

func (s *Socket) want() (want loop.Interest) {
	if s.deliver != nil {
		want |= loop.Readable
	}
	if len(s.waiting) > 0 {
		want |= loop.Writable
	}
	return want
}

func (s *Socket) ready(conditions loop.Interest) {
	if conditions&loop.Failed != 0 {
		s.failed()
	}
	if conditions&loop.Writable != 0 && !s.closed {
		s.callWaiting()
	}
	switch {
	case conditions&loop.Readable == 0 || s.deliver == nil:
	case s.receiving == nil:
		s.receive()
	case !s.receiving.Do() && !s.closed:
		s.putOff()
	}
}

// callWaiting calls the functions that wait for the socket to be writable.
func (s *Socket) callWaiting() {
	s.waiting, s.woken = s.woken[:0], s.waiting
	for i, f := range s.woken {
		if !s.closed {
			f()
		}
		s.woken[i] = nil
	}
	if !s.closed {
		// When it fails the socket is reported as writable once more, and this is
		// tried again.
		_ = s.registration.Want(s.want())
	}
}

// report tells of a shortcoming once.
func (s *Socket) report(errno unix.Errno, what string) {
	if !s.reported[errno] && s.options.Report != nil {
		s.options.Report(what)
	}
	s.reported[errno] = true
}
