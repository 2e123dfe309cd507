package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// readBytes is how much is read at a time.
const readBytes = 256 << 10

// stream is a file of JPEGs, one after the other.
type stream struct {
	path   string
	fd     int    // -1 after an error of reading: to be opened anew
	buffer []byte // what was read and not yet taken
	last   int    // length of the picture at the buffer's beginning, which was taken
	read   int64  // bytes since the beginning of the file
	size   int64  // the most that the file had since the last rewind
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
		return errors.New("the file is empty")
	}
	if bytes.HasPrefix(s.buffer, []byte{0xff, jpeg.SOI}) {
		return nil
	}
	for _, kind := range kinds {
		if bytes.HasPrefix(s.buffer, []byte(kind.begin)) {
			return fmt.Errorf("%s, not MJPEG; convert it by: ffmpeg -i FILE -c:v mjpeg -huffman default -f mjpeg OUT.mjpeg", kind.name)
		}
	}
	if !bytes.Contains(s.buffer, []byte{0xff, jpeg.SOI, 0xff}) {
		return errors.New("not an MJPEG file: no JPEG found in it")
	}
	return nil
}

// more reads on. After an error it opens the file anew and goes on where it was: the fd of
// a disk that was unplugged does not recover.
func (s *stream) more() error {
	if err := s.reopen(); err != nil {
		return err
	}
	had := len(s.buffer)
	s.buffer = slices.Grow(s.buffer, readBytes)[:had+readBytes]
	n, err := read(s.fd, s.buffer[had:])
	s.buffer = s.buffer[:had+n]
	s.read += int64(n)
	if err != nil {
		return errors.Join(err, s.close())
	}
	if n == 0 {
		return s.end()
	}
	return nil
}

func (s *stream) reopen() error {
	if s.fd >= 0 {
		return nil
	}
	fd, err := open(s.path)
	if err != nil {
		return err
	}
	if _, err := unix.Seek(fd, s.read, unix.SEEK_SET); err != nil {
		return errors.Join(os.NewSyscallError("lseek", err), closeFD(fd))
	}
	s.fd = fd
	return nil
}

// end tells the end of a file from one that was cut off: somebody is writing it anew.
func (s *stream) end() error {
	size, err := s.sizeNow()
	if err != nil {
		return err
	}
	if size < s.size {
		return errCut
	}
	s.size, s.ended = size, true
	return nil
}

func (s *stream) sizeNow() (int64, error) {
	var stat unix.Stat_t
	err := unix.Fstat(s.fd, &stat)
	return stat.Size, os.NewSyscallError("fstat", err)
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
				if errors.Is(err, errCut) && len(s.buffer) > 0 {
					// What may come later is no continuation of this.
					s.drop(len(s.buffer))
					broken++
				}
				return nil, broken, err
			}
			continue
		}
		if s.read-begin > maxSkippedBytes {
			return nil, broken, errMuch
		}
		// Broken, too large, or cut off: whatever it was, the next picture may begin
		// after it.
		if len(s.buffer) == 0 && s.ended {
			return nil, broken, errEnd
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

func (s *stream) rewind() (err error) {
	s.buffer, s.last, s.read, s.ended = s.buffer[:0], 0, 0, false
	if err := s.reopen(); err != nil {
		return err
	}
	if s.size, err = s.sizeNow(); err != nil {
		return err
	}
	_, err = unix.Seek(s.fd, 0, unix.SEEK_SET)
	return os.NewSyscallError("lseek", err)
}

func (s *stream) close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return closeFD(fd)
}
