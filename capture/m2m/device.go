package m2m

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// driver is an open device. Tests have one of their own.
type driver interface {
	// ioctl makes a call with the structure that the request is for.
	ioctl(request uintptr, argument unsafe.Pointer) error
	mmap(offset int64, size int) ([]byte, error)
	munmap(memory []byte) error
	// poll waits for a coded frame, or with output for a picture that the device has read. It returns false
	// when the time is over. The error says that nothing will come.
	poll(output bool, timeout time.Duration) (bool, error)
	close() error
}

// The directions of a request's structure.
const (
	writeOnly = 1
	readOnly  = 2
	readWrite = 3
)

// request is the number of a call with a structure.
func request[T any](direction, number uintptr) uintptr {
	var argument T
	return direction<<30 | unsafe.Sizeof(argument)<<16 | 'V'<<8 | number
}

// call makes a call. name is that of the ioctl. EAGAIN, which comes with each picture, is returned as it is: it
// needs no memory.
func call[T any](d driver, name string, number uintptr, argument *T) error {
	err := d.ioctl(number, unsafe.Pointer(argument))
	if err == nil || err == unix.EAGAIN {
		return err
	}
	return os.NewSyscallError(name, err)
}

// device is the file descriptor of an open device.
type device int

func openDevice(path string) (device, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR { // signals, which the runtime sends to itself
			return device(fd), os.NewSyscallError("open", err)
		}
	}
}

func (d device) ioctl(request uintptr, argument unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d), request, uintptr(argument))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}

func (d device) mmap(offset int64, size int) ([]byte, error) {
	memory, err := unix.Mmap(int(d), offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return memory, os.NewSyscallError("mmap", err)
}

func (d device) munmap(memory []byte) error { return os.NewSyscallError("munmap", unix.Munmap(memory)) }

func (d device) poll(output bool, timeout time.Duration) (bool, error) {
	fds := [1]unix.PollFd{{Fd: int32(d), Events: unix.POLLIN}}
	if output {
		fds[0].Events = unix.POLLOUT
	}
	for {
		n, err := unix.Poll(fds[:], int(timeout.Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false, os.NewSyscallError("poll", err)
		case n > 0 && fds[0].Revents&fds[0].Events == 0:
			return false, errGone
		}
		return n > 0, nil
	}
}

func (d device) close() error { return os.NewSyscallError("close", unix.Close(int(d))) }

// offset is where mmap finds a plane's memory.
func (p *plane) mapOffset() int64 { return int64(*(*uint32)(unsafe.Pointer(&p.memory))) }
