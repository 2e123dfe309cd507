package loop

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file has the calls that send and receive datagrams.

// A full queue of a network interface drops a message. Linux reports that as ENOBUFS to sockets
// with IP_RECVERR, and to no others (udp_send_skb). All are treated alike here: the message counts
// as sent and is lost, as anywhere on a UDP path, and readers report the loss.

func (linuxSockets) Sendmmsg(fd int, messages []Message) (int, error) {
	n, err := mmsg(unix.SYS_SENDMMSG, fd, messages, 0)
	if err == unix.ENOBUFS {
		return 1, nil // the first one is dropped
	}
	return n, err
}

func (linuxSockets) Sendmsg(fd int, message *Message) error {
	if _, err := msg(unix.SYS_SENDMSG, fd, message, 0); err != unix.ENOBUFS {
		return err
	}
	return nil // it is dropped
}

func (linuxSockets) Recvmmsg(fd int, messages []Message) (int, error) {
	return recvmmsg(fd, messages, 0)
}

func recvmmsg(fd int, messages []Message, flags uintptr) (int, error) {
	n, err := mmsg(unix.SYS_RECVMMSG, fd, messages, flags)
	if err == unix.ENOSYS { // sandboxes may forbid what their authors did not know
		return recvmsg(fd, messages, flags)
	}
	return n, err
}

// recvmsg receives one datagram, as recvmmsg would.
func recvmsg(fd int, messages []Message, flags uintptr) (int, error) {
	bytes, err := msg(unix.SYS_RECVMSG, fd, &messages[0], flags)
	if err != nil {
		return 0, err
	}
	messages[0].transferred = uint32(bytes)
	return 1, nil
}

// msg makes a call for one message, of which the kernel is shown the msghdr.
func msg(call uintptr, fd int, message *Message, flags uintptr) (bytes int, err error) {
	n, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&message.header)), unix.MSG_DONTWAIT|flags)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// mmsg makes the call on the scheduler's books (Syscall6, not Raw): a batch of 64
// segmented messages can take a millisecond of kernel time.
func mmsg(call uintptr, fd int, messages []Message, flags uintptr) (int, error) {
	if len(messages) == 0 {
		return 0, nil
	}
	n, _, errno := unix.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])),
		uintptr(len(messages)), unix.MSG_DONTWAIT|flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
