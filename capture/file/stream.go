package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// readBytes is how much is read at a time.
const readBytes = 256 << 10

// maxJunkBytes is how much may be before the first picture of a file.
const maxJunkBytes = 1 << 20

// stream is a file of JPEGs, one after the other, or of one alone.
type stream struct {
	path    string
	options Options
	fd      int // -1: not open
	file    identity
	scanner *scanner
	from    int64  // where reading began
	counted uint64 // broken pictures that were told
	size    int64  // the most that the file had since the last rewind
	isEnd   bool   // all was read
}

// openStream opens a file, and refuses one that is something else.
func openStream(path string, o Options, from resume, b *budget) (*stream, error) {
	s := &stream{path: path, options: o, fd: -1}
	if err := s.open(); err != nil {
		return nil, err
	}
	err := s.checkKind(b)
	if err == nil && from.file == s.file && from.offset > 0 {
		s.size = max(s.size, from.size)
		err = s.seek(from.offset)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// open opens the file of that name, from its beginning.
func (s *stream) open() error {
	fd, status, err := openRegular(s.path)
	if err != nil {
		return err
	}
	if err := s.close(); err != nil {
		return errors.Join(err, closeFD(fd))
	}
	s.fd, s.file, s.size = fd, status.identity, status.size
	s.restart()
	return nil
}

// restart has the scanner begin anew.
func (s *stream) restart() {
	var buffer []byte
	broken := uint64(0)
	if s.scanner != nil {
		buffer, broken = s.scanner.buffer[:0], s.scanner.broken
	}
	s.scanner = newScanner(s.options.MaxFrame, isPicture(s.path))
	s.scanner.buffer, s.scanner.broken = buffer, broken
	s.isEnd, s.from = false, 0
}

func (s *stream) seek(offset int64) error {
	if _, err := unix.Seek(s.fd, offset, unix.SEEK_SET); err != nil {
		return os.NewSyscallError("lseek", err)
	}
	s.restart()
	s.scanner.base, s.from = offset, offset
	return nil
}

// kinds are other files that people try, by how they begin.
var kinds = []struct {
	at          int
	begin, name string
}{
	{0, "RIFF", "an AVI or WAV file"}, {0, "\x1a\x45\xdf\xa3", "a Matroska or WebM file"}, {0, "\x89PNG", "a PNG picture"},
	{0, "\x00\x00\x00\x01", "an H.264 stream"}, {0, "GIF8", "a GIF picture"},
	{4, "ftyp", "an MP4 file"}, {4, "moov", "an MP4 file"}, {4, "mdat", "an MP4 file"}, {4, "wide", "an MP4 file"},
}

// checkKind says what a file is that does not begin with a JPEG.
func (s *stream) checkKind(b *budget) error {
	if err := s.more(b); err != nil {
		return err
	}
	data := s.scanner.buffer
	if len(data) == 0 {
		return errEmptyFile
	}
	for _, kind := range kinds {
		if len(data) > kind.at && strings.HasPrefix(string(data[kind.at:min(len(data), kind.at+4)]), kind.begin) {
			return fmt.Errorf("%s, not MJPEG; convert it by: ffmpeg -i FILE -c:v mjpeg -huffman default -f mjpeg OUT.mjpeg", kind.name)
		}
	}
	return nil
}

// more reads on.
func (s *stream) more(b *budget) error {
	n, err := read(s.fd, s.scanner.space(max(1, min(readBytes, b.bytes))))
	s.scanner.add(n)
	b.bytes -= n
	if err != nil {
		return err
	}
	if n == 0 {
		return s.end()
	}
	return nil
}

// end tells the end of a file from one that was cut off: somebody is writing it anew.
func (s *stream) end() error {
	status, err := statusOfFD(s.fd)
	if err != nil {
		return err
	}
	if status.size < s.size {
		return errCut
	}
	s.size, s.isEnd = status.size, true
	return nil
}

func (s *stream) next(b *budget) ([]byte, error) {
	for {
		picture := s.scanner.next(s.isEnd)
		switch {
		case picture != nil:
			return picture, nil
		case s.isEnd && s.scanner.found < 0 && s.from == 0:
			return nil, errNoJPEG
		case s.isEnd || s.scanner.isOver:
			return nil, errEnd
		case s.scanner.found < 0 && s.scanner.position()-s.from > maxJunkBytes:
			return nil, errJunk
		case b.bytes <= 0:
			return nil, errMuch
		}
		if err := s.more(b); err != nil {
			return nil, err
		}
	}
}

func (s *stream) brokenSince() uint64 {
	n := s.scanner.broken - s.counted
	s.counted = s.scanner.broken
	return n
}

// rewind begins again, with the file that has the name now. If there is none, the open one is
// played on.
func (s *stream) rewind() error {
	if isOther, err := s.isOther(); err != nil {
		return err
	} else if isOther {
		return s.open()
	}
	status, err := statusOfFD(s.fd)
	if err != nil {
		return err
	}
	s.size = status.size
	return s.seek(0)
}

// isOther reports whether another file has got the name.
func (s *stream) isOther() (bool, error) {
	status, err := statusOfPath(s.path)
	switch {
	case err != nil:
		return false, nil
	case status.kind != unix.S_IFREG:
		return false, errKind
	}
	return status.identity != s.file, nil
}

// apply has another file that has got the name be played from its beginning.
func (s *stream) apply(c changes, b *budget) error {
	if !s.options.Loop || !c.rescan && len(c.names) == 0 {
		return nil
	}
	isOther, err := s.isOther()
	if err != nil || !isOther {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	return s.checkKind(b)
}

func (s *stream) position() resume {
	return resume{file: s.file, offset: s.scanner.position(), size: s.size}
}

func (s *stream) close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return closeFD(fd)
}

// isPicture reports whether a name is that of a single picture.
func isPicture(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(name)))
}
