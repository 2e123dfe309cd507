package file

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// Files are opened and read by system calls of their own: package os would have the
// runtime start a poller, whose calls a loop's thread has nothing to do with.

// maxPictureBytes is the largest picture; what goes on longer is no JPEG.
const maxPictureBytes = 16 << 20

// readBytes is how much is read at a time.
const readBytes = 256 << 10

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

func openPictures(path string) (pictures, error) {
	fd, err := open(path)
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		p, err := openFolder(path, fd)
		return p, errors.Join(err, unix.Close(fd))
	case unix.S_IFREG:
	default:
		return nil, errors.Join(errors.New("is neither a file nor a folder"), unix.Close(fd))
	}
	stream := &stream{fd: fd}
	if err := stream.checkKind(); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return stream, nil
}

// stream is a file of JPEGs, one after the other.
type stream struct {
	fd     int
	buffer []byte // what was read and not yet taken
	last   int    // length of the picture at the buffer's beginning, which was taken
	read   int64  // bytes since the file was opened
	ended  bool
}

// kinds are other files that people try, by how they begin.
var kinds = []struct{ begin, name string }{
	{"RIFF", "an AVI or WAV file"}, {"\x1a\x45\xdf\xa3", "a Matroska or WebM file"}, {"\x89PNG", "a PNG picture"},
	{"\x00\x00\x00\x01", "an H.264 stream"}, {"GIF8", "a GIF picture"}, {"\x00\x00\x00", "an MP4 file"},
}

// checkKind says what a file is that does not begin with a JPEG.
func (s *stream) checkKind() error {
	if err := s.more(); err != nil {
		return err
	}
	if len(s.buffer) == 0 {
		return errors.New("is empty")
	}
	if bytes.HasPrefix(s.buffer, []byte{0xff, jpeg.SOI}) {
		return nil
	}
	for _, kind := range kinds {
		if bytes.HasPrefix(s.buffer, []byte(kind.begin)) {
			return fmt.Errorf("is %s; wanted is MJPEG, as by: ffmpeg -i FILE -c:v mjpeg -huffman default -f mjpeg OUT.mjpeg", kind.name)
		}
	}
	if !bytes.Contains(s.buffer, []byte{0xff, jpeg.SOI, 0xff}) {
		return errors.New("is no MJPEG: no JPEG picture begins in it")
	}
	return nil
}

// more reads on.
func (s *stream) more() error {
	had := len(s.buffer)
	s.buffer = slices.Grow(s.buffer, readBytes)[:had+readBytes]
	for {
		n, err := unix.Read(s.fd, s.buffer[had:])
		if err == unix.EINTR {
			continue
		}
		s.buffer = s.buffer[:had+max(n, 0)]
		s.read += int64(max(n, 0))
		s.ended = n == 0
		return os.NewSyscallError("read", err)
	}
}

// drop forgets the first n bytes.
func (s *stream) drop(n int) { s.buffer = s.buffer[:copy(s.buffer, s.buffer[n:])] }

func (s *stream) next() (picture []byte, broken uint64, err error) {
	s.drop(s.last)
	s.last = 0
	for begin := s.read; ; {
		n, err := jpeg.Length(s.buffer)
		switch {
		case err == nil:
			s.last = n
			return s.buffer[:n], broken, nil
		case errors.Is(err, jpeg.ErrMore) && !s.ended && len(s.buffer) < maxPictureBytes:
			if err := s.more(); err != nil {
				return nil, broken, err
			}
			continue
		}
		if s.read-begin > maxSkippedBytes {
			return nil, broken, capture.ErrNotReady
		}
		// Broken, too large, or cut off: whatever it was, the next picture may begin
		// after it.
		if len(s.buffer) == 0 && s.ended {
			return nil, broken, capture.ErrEnd
		}
		if bytes.HasPrefix(s.buffer, []byte{0xff, jpeg.SOI}) {
			broken++
		}
		s.skip()
	}
}

// skip drops what is before the next place where a picture may begin.
func (s *stream) skip() {
	next := bytes.Index(s.buffer[min(1, len(s.buffer)):], []byte{0xff, jpeg.SOI})
	switch {
	case next >= 0:
		s.drop(next + 1)
	case s.ended || len(s.buffer) < 2:
		s.drop(len(s.buffer))
	default:
		s.drop(len(s.buffer) - 1) // its last byte may be an SOI's first
	}
}

func (s *stream) rewind() error {
	s.buffer, s.last, s.ended = s.buffer[:0], 0, false
	_, err := unix.Seek(s.fd, 0, unix.SEEK_SET)
	return os.NewSyscallError("lseek", err)
}

func (s *stream) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }

// folder is a folder of JPEGs.
type folder struct {
	names  []string
	at     int
	buffer []byte
}

// openFolder lists the JPEGs of the folder that fd is.
func openFolder(path string, fd int) (*folder, error) {
	f := &folder{}
	buffer := make([]byte, 64<<10)
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if err != nil {
			return nil, os.NewSyscallError("getdents", err)
		}
		if n == 0 {
			break
		}
		_, _, f.names = unix.ParseDirent(buffer[:n], -1, f.names)
	}
	f.names = slices.DeleteFunc(f.names, func(name string) bool {
		extension := strings.ToLower(filepath.Ext(name))
		return extension != ".jpg" && extension != ".jpeg"
	})
	if len(f.names) == 0 {
		return nil, errors.New("there is no .jpg or .jpeg in the folder")
	}
	slices.SortFunc(f.names, compareNatural)
	for i, name := range f.names {
		f.names[i] = filepath.Join(path, name)
	}
	return f, nil
}

// compareNatural orders names as people do: numbers in them by their value.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		if digitsA > 0 && digitsB > 0 {
			numberA, numberB := strings.TrimLeft(a[:digitsA], "0"), strings.TrimLeft(b[:digitsB], "0")
			if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
				return c
			}
			a, b = a[digitsA:], b[digitsB:]
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

func (f *folder) next() (picture []byte, broken uint64, err error) {
	for f.at < len(f.names) {
		if broken == maxSkippedFiles {
			return nil, broken, capture.ErrNotReady
		}
		name := f.names[f.at]
		f.at++
		if f.buffer, err = readFile(f.buffer[:0], name); err != nil {
			broken++
			continue
		}
		if n, err := jpeg.Length(f.buffer); err == nil {
			return f.buffer[:n], broken, nil
		}
		broken++
	}
	return nil, broken, capture.ErrEnd
}

// readFile appends a file of at most maxPictureBytes to dst.
func readFile(dst []byte, name string) ([]byte, error) {
	fd, err := open(name)
	if err != nil {
		return dst, err
	}
	s := stream{fd: fd, buffer: dst}
	for err == nil && !s.ended && len(s.buffer) <= maxPictureBytes {
		err = s.more()
	}
	return s.buffer, errors.Join(err, s.close())
}

func (f *folder) rewind() error { f.at = 0; return nil }

func (f *folder) close() error { return nil }
