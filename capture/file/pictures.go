package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Files are opened and read by system calls of their own: package os would have the
// runtime start a poller, whose calls a loop's thread has nothing to do with.

// maxPictureBytes is the largest picture; what goes on longer is no JPEG.
const maxPictureBytes = 16 << 20

// What one call of next reads of broken pictures at most, lest a loop wait for it.
const (
	maxSkippedBytes = 2 * maxPictureBytes
	maxSkippedFiles = 100
)

// open opens a file or folder for reading, and does not wait for the other end of a
// pipe.
func open(path string) (fd int, err error) {
	for {
		// Signals, which the runtime sends to itself, interrupt slow file systems.
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
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

func openPictures(path string) (pictures, error) {
	fd, err := open(path)
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, errors.Join(err, closeFD(fd))
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		p, err := openFolder(path)
		return p, errors.Join(err, closeFD(fd))
	case unix.S_IFREG:
	default:
		return nil, errors.Join(errors.New("neither a file nor a folder"), closeFD(fd))
	}
	s := &stream{path: path, fd: fd, size: stat.Size}
	if err := s.checkKind(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}
