package udp

import (
	"errors"

	"golang.org/x/sys/unix"
)

// verdict is what a failed send means for whoever was being sent to.
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
// to be cut by the kernel.
func sort(err error, segmented bool) verdict {
	var errno unix.Errno
	if !errors.As(err, &errno) {
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

// passing reports whether the error says nothing of whom was being sent to.
func passing(v verdict) bool { return v == full || v == again }

// blocked counts a full socket and tells what to wait for.
func (s *Socket) blocked(err error) Outcome {
	s.counters.Blocked++
	if errors.Is(err, unix.EAGAIN) {
		return Full
	}
	return Congested
}

// reportError reports a shortcoming that a send has shown.
func (s *Socket) reportError(err error, what string) {
	var errno unix.Errno
	errors.As(err, &errno)
	s.report(errno, what+" ("+unix.ErrnoName(errno)+")")
}
