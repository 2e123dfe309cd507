package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Files are opened and read by system calls of their own: package os would have the runtime
// start a poller, whose calls a loop's thread has nothing to do with. All of them run in jobs.

// open opens a file or folder for reading, and does not wait for the other end of a
// pipe.
func open(path string) (fd int, err error) {
	for {
		// Signals, which the runtime sends to itself, interrupt slow file systems.
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// read reads on.
func read(fd int, p []byte) (n int, err error) {
	for {
		n, err = unix.Read(fd, p)
		if err != unix.EINTR {
			return max(n, 0), os.NewSyscallError("read", err)
		}
	}
}

func closeFD(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

// identity tells a file from another one that has got its name.
type identity struct{ device, inode uint64 }

// status is what the file system says of a file.
type status struct {
	identity
	kind uint32 // S_IFREG, S_IFDIR...
	size int64
}

func statusOf(stat *unix.Stat_t) status {
	return status{identity: identity{uint64(stat.Dev), stat.Ino}, kind: stat.Mode & unix.S_IFMT, size: stat.Size}
}

// statusOfFD is that of an open file.
func statusOfFD(fd int) (status, error) {
	var stat unix.Stat_t
	err := unix.Fstat(fd, &stat)
	return statusOf(&stat), os.NewSyscallError("fstat", err)
}

// statusOfPath is that of a file by its name. It follows symbolic links.
func statusOfPath(path string) (s status, err error) {
	var stat unix.Stat_t
	for {
		if err = unix.Stat(path, &stat); err != unix.EINTR {
			return statusOf(&stat), err
		}
	}
}

// openRegular opens a file that is one. A folder, a pipe or a device is not even opened: that can
// have effects.
func openRegular(path string) (fd int, s status, err error) {
	if s, err = statusOfPath(path); err == nil && s.kind != unix.S_IFREG {
		err = errKind
	}
	if err != nil {
		return -1, s, err
	}
	if fd, err = open(path); err != nil {
		return -1, s, err
	}
	if s, err = statusOfFD(fd); err == nil && s.kind != unix.S_IFREG {
		err = errKind
	}
	if err != nil {
		return -1, s, errors.Join(err, closeFD(fd))
	}
	return fd, s, nil
}
