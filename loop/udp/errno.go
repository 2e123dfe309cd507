package udp

import "golang.org/x/sys/unix"

// verdict is what a failed send means for the peer it was for.
type verdict uint8

const (
	// full: the socket, or the queue behind it, takes no more now.
	full verdict = iota
	// again: nothing happened, the same call may be made at once.
	again
	// unsegmented: this peer's link does not take a segmented message; packet by
	// packet it may.
	unsegmented
	// peerFailed: the message cannot reach this peer; others are not concerned.
	peerFailed
	// broken: the socket itself is of no more use.
	broken
)

// sort tells what an error of a send means. segmented says whether the message was
// to be cut by the kernel. A flood of errors, as behind a full queue, must cost no memory:
// errors are bare errnos (loop.Kernel), which need no errors.As.
func sort(err error, segmented bool) verdict {
	errno, bare := err.(unix.Errno)
	if !bare {
		return broken
	}
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		// ENOBUFS is the device's queue or the kernel's memory rather than the
		// socket's buffer: epoll knows nothing of it, so it needs a timer.
		return full
	case unix.EINTR:
		return again
	case unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.EOPNOTSUPP:
		// EIO: the link cannot checksum, so it cannot segment. EINVAL and EMSGSIZE:
		// the packet is larger than the link's MTU, or there are too many of them.
		// EOPNOTSUPP: seen from tunnels.
		if segmented {
			return unsegmented
		}
		return peerFailed
	case unix.EBADF, unix.ENOTSOCK, unix.EFAULT:
		return broken
	}
	// No route, refused, forbidden by a firewall, address family, source address gone.
	return peerFailed
}

// rejected reports whether an errno may be that of an ICMP message, which answers a datagram to any
// peer: the kernel fails the next send with it (icmp_err_convert, tab_unreach in Linux).
func rejected(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.ENOPROTOOPT, // a closed port, no UDP
		unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET, unix.EACCES, // no way there
		unix.EMSGSIZE, unix.EOPNOTSUPP, unix.EPROTO: // a narrow link, a source route, a bad header
		return true
	}
	return false
}

// IsFull reports whether the error of SendTo or SendEach says that the socket is full (EAGAIN:
// WhenWritable tells when it is not), or a queue behind it (ENOBUFS, ENOMEM: nothing tells).
func IsFull(err error) bool { return err != nil && sort(err, false) == full }

// passing reports whether the error says nothing of whom was being sent to.
func passing(v verdict) bool { return v == full || v == again }

// blocked counts a full socket and tells what to wait for.
func (s *Socket) blocked(err error) Outcome {
	s.counters.Blocked++
	if err == unix.EAGAIN {
		return Full
	}
	return Congested
}

// reportError reports a shortcoming that a send has shown.
func (s *Socket) reportError(err error, what string) {
	errno, _ := err.(unix.Errno)
	s.report(errno, what+" ("+unix.ErrnoName(errno)+")")
}
