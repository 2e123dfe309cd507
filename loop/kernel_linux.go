package loop

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linux is the Kernel of a real machine: epoll(7), and socket calls that are just
// that.
type linux struct {
	linuxSockets
	linuxNeighbours
	linuxRejections
	epoll  int
	wakeup int // eventfd
	// wakeups is room to read the eventfd into; nobody wants to know the number.
	wakeups [8]byte
	events  [maxEvents]unix.EpollEvent
	// nanosecondWait is false once epoll_pwait2 (Linux 5.11) was found missing.
	nanosecondWait bool
}

// maxEvents is how many ready fds one turn collects; the rest come with the next.
const maxEvents = 256

// wakeToken marks the wake-up fd, which no registration can have: slots are counted
// from 0 and generations from 1.
const wakeToken = 0

// NewKernel opens the Linux kernel's side of a loop: an epoll instance and an
// eventfd for Wake.
func NewKernel() (Kernel, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	k := &linux{epoll: epoll, wakeup: wakeup, nanosecondWait: true}
	if err := k.Watch(wakeup, Readable, wakeToken); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// FD is the epoll instance, for Loop.FD.
func (k *linux) FD() int { return k.epoll }

func (k *linux) Close() error {
	return errors.Join(os.NewSyscallError("close", unix.Close(k.wakeup)), os.NewSyscallError("close", unix.Close(k.epoll)))
}

// Watch adds fd with all signals blocked. A camera driver's poll takes an
// interruptible lock; a signal at that moment, and Go sends itself SIGURG to
// preempt, makes it report an error without ever having registered the waiter: one
// event, then silence.
func (k *linux) Watch(fd int, want Interest, token uint64) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &before); err != nil {
		return os.NewSyscallError("rt_sigprocmask", err)
	}
	err := k.epollCtl(unix.EPOLL_CTL_ADD, fd, want, token)
	if restoreErr := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); restoreErr != nil {
		return os.NewSyscallError("rt_sigprocmask", restoreErr)
	}
	return err
}

func (k *linux) Rewatch(fd int, want Interest, token uint64) error {
	return k.epollCtl(unix.EPOLL_CTL_MOD, fd, want, token)
}

func (k *linux) Unwatch(fd int) error {
	return k.epollCtl(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (k *linux) epollCtl(operation, fd int, want Interest, token uint64) error {
	event := unix.EpollEvent{Events: epollEvents(want), Fd: int32(token), Pad: int32(token >> 32)}
	if err := unix.EpollCtl(k.epoll, operation, fd, &event); err != nil {
		return fmt.Errorf("fd %d: %w", fd, os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

func epollEvents(want Interest) (events uint32) {
	if want&Readable != 0 {
		events |= unix.EPOLLIN
	}
	if want&Writable != 0 {
		events |= unix.EPOLLOUT
	}
	if want&Urgent != 0 {
		events |= unix.EPOLLPRI
	}
	return events
}

func interest(events uint32) (conditions Interest) {
	if events&unix.EPOLLIN != 0 {
		conditions |= Readable
	}
	if events&unix.EPOLLOUT != 0 {
		conditions |= Writable
	}
	if events&unix.EPOLLPRI != 0 {
		conditions |= Urgent
	}
	if events&unix.EPOLLHUP != 0 {
		conditions |= HungUp
	}
	if events&unix.EPOLLERR != 0 {
		conditions |= Failed
	}
	return conditions
}

func (k *linux) Wait(ready []Ready, timeout time.Duration) (int, error) {
	events := k.events[:min(len(ready), len(k.events))]
	n, err := k.epollWait(events, timeout)
	if err != nil {
		return 0, err
	}
	count := 0
	for i := range events[:n] {
		e := &events[i]
		token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
		if token == wakeToken {
			k.drainWakeup()
			continue
		}
		ready[count] = Ready{Token: token, Conditions: interest(e.Events)}
		count++
	}
	return count, nil
}

// epollWait waits with the finest clock the kernel has. Milliseconds are rounded
// up: to wake early would be to spin until the timer is due.
func (k *linux) epollWait(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	if k.nanosecondWait {
		n, errno := epollPwait2(k.epoll, events, timeout)
		switch errno {
		case 0:
			return n, nil
		case unix.EINTR:
			return 0, nil
		case unix.ENOSYS, unix.EPERM: // EPERM: a seccomp filter older than the call
			k.nanosecondWait = false
		default:
			return 0, os.NewSyscallError("epoll_pwait2", errno)
		}
	}
	n, err := unix.EpollWait(k.epoll, events, milliseconds(timeout))
	if err == unix.EINTR {
		return 0, nil
	}
	return n, os.NewSyscallError("epoll_wait", err)
}

// milliseconds is a timeout as epoll_wait takes it: rounded up, -1 for forever.
func milliseconds(timeout time.Duration) int {
	if timeout < 0 {
		return -1
	}
	whole := timeout / time.Millisecond
	if timeout%time.Millisecond > 0 {
		whole++
	}
	return int(min(whole, 1<<31-1))
}

// kernelTimespec is struct __kernel_timespec, which newer system calls take: unlike
// unix.Timespec it is the same on 32-bit machines.
type kernelTimespec struct {
	seconds, nanoseconds int64
}

func epollPwait2(epoll int, events []unix.EpollEvent, timeout time.Duration) (int, unix.Errno) {
	var limit *kernelTimespec
	if timeout >= 0 {
		limit = &kernelTimespec{int64(timeout / time.Second), int64(timeout % time.Second)}
	}
	// Two calls rather than one through a variable: only a direct call keeps what its
	// arguments point at in place.
	if timeout == 0 { // it cannot block: the scheduler need not know
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(unsafe.Pointer(limit)), 0, 0)
		return int(n), errno
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(limit)), 0, 0)
	return int(n), errno
}

// wakeOnce is what Wake adds: any number but 0, on either byte order.
var wakeOnce = [8]byte{1}

func (k *linux) Wake() error {
	_, err := unix.Write(k.wakeup, wakeOnce[:])
	if err == unix.EAGAIN { // the counter is full: it is as awake as can be
		return nil
	}
	return os.NewSyscallError("write", err)
}

func (k *linux) drainWakeup() {
	// A failure leaves the fd readable: the next turn tries again.
	_, _ = unix.Read(k.wakeup, k.wakeups[:])
}

func (k *linux) Monotonic() time.Duration { return clock(unix.CLOCK_MONOTONIC) }

func (k *linux) ThreadCPU() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func (k *linux) Wall() time.Time { return time.Unix(0, int64(clock(unix.CLOCK_REALTIME))) }

// clock reads one of the clocks that every Linux has. It cannot block: the scheduler need not
// know.
func clock(id uintptr) time.Duration {
	var t unix.Timespec
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		panic(fmt.Sprintf("loop: clock_gettime(%d): %v", id, errno))
	}
	return time.Duration(t.Nano())
}
