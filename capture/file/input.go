package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// input is an open file that is read from its beginning to its end, again and again.
type input struct {
	path    string
	options Options
	fd      int // -1: not open
	file    identity
	size    int64 // the most that the file had since the last rewind
	isEnd   bool  // all was read
}

// reopen opens the file of that name, from its beginning. What was open is closed.
func (i *input) reopen() error {
	fd, status, err := openRegular(i.path)
	if err != nil {
		return err
	}
	if err := i.close(); err != nil {
		return errors.Join(err, closeFD(fd))
	}
	i.fd, i.file, i.size, i.isEnd = fd, status.identity, status.size, false
	return nil
}

func (i *input) seek(offset int64) error {
	_, err := unix.Seek(i.fd, offset, unix.SEEK_SET)
	i.isEnd = false
	return os.NewSyscallError("lseek", err)
}

// read reads on. It returns 0 at the end. The error is errCut if the file is shorter than it was:
// somebody is writing it anew.
func (i *input) read(p []byte, b *budget) (n int, err error) {
	if n, err = read(i.fd, p); err != nil || n > 0 {
		b.bytes -= n
		return n, err
	}
	status, err := statusOfFD(i.fd)
	switch {
	case err != nil:
		return 0, err
	case status.size < i.size:
		return 0, errCut
	}
	i.size, i.isEnd = status.size, true
	return 0, nil
}

// again goes back to the beginning. The error is errReplaced if the file has become another one of
// the name, or one of another kind, than it was.
func (i *input) again(format media.Format) error {
	if isOther, err := i.isOther(); err != nil {
		return err
	} else if isOther {
		return errReplaced
	}
	status, err := statusOfFD(i.fd)
	if err != nil {
		return err
	}
	is, err := formatOf(i.path, i.fd)
	if err != nil {
		return err
	}
	if is != format && status.size > 0 {
		return errReplaced
	}
	i.size = status.size
	return i.seek(0)
}

// isOther reports whether another file has got the name.
func (i *input) isOther() (bool, error) {
	status, err := statusOfPath(i.path)
	switch {
	case err != nil:
		return false, nil // the open one is played on
	case status.kind != unix.S_IFREG:
		return false, errKind
	}
	return status.identity != i.file, nil
}

// apply has another file that has got the name be played: the error is errReplaced then.
func (i *input) apply(c changes, _ *budget) error {
	if !i.options.Loop || !c.rescan && len(c.names) == 0 {
		return nil
	}
	isOther, err := i.isOther()
	if err == nil && isOther {
		err = errReplaced
	}
	return err
}

func (i *input) close() error {
	if i.fd < 0 {
		return nil
	}
	fd := i.fd
	i.fd = -1
	return closeFD(fd)
}

// errReplaced says that the file is to be opened anew.
var errReplaced = errors.New("the file was replaced")

// unitNames are the ends of names of files of H.264 and H.265.
var unitNames = map[string]media.Format{
	".h264": media.H264, ".264": media.H264, ".h265": media.H265, ".265": media.H265, ".hevc": media.H265,
}

// formatOf finds out what is in an open file: H.264 or H.265, by its first bytes or its name, else
// JPEG.
func formatOf(path string, fd int) (media.Format, error) {
	var begin [64]byte
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR {
		n, err = unix.Pread(fd, begin[:], 0)
	}
	if err != nil {
		return 0, os.NewSyscallError("pread", err)
	}
	return formatOfBytes(path, begin[:n]), nil
}

// formatOfBytes is formatOf, by a file's first bytes.
func formatOfBytes(path string, begin []byte) media.Format {
	named := unitNames[strings.ToLower(filepath.Ext(path))]
	switch format := coded.FormatOf(begin); {
	case format != 0:
		return format
	case named == 0:
		return media.JPEG
	}
	return named
}
