package file

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/mjpeg"
	"github.com/camcast/camcast/proto/mpegts"
)

// readBytes is how much is read at a time.
const readBytes = 256 << 10

// maxJunkBytes is how much may be before the first picture of a file.
const maxJunkBytes = 1 << 20

// stream is a file of JPEGs, one after the other, or of one alone.
type stream struct {
	input
	scanner *mjpeg.Scanner
	from    int64  // where reading began
	counted uint64 // broken pictures that were told
}

// openStream opens a file, and refuses one that is something else.
func openStream(path string, o Options, from resume, b *budget) (*stream, error) {
	s := &stream{input: input{path: path, options: o, fd: -1}}
	if err := s.open(); err != nil {
		return nil, err
	}
	err := s.checkKind(b)
	if err == nil && from.file == s.file && from.offset > 0 {
		s.size = max(s.size, from.size)
		err = s.seekTo(from.offset)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// open opens the file of that name, from its beginning.
func (s *stream) open() error {
	err := s.reopen()
	if err == nil {
		s.restart()
	}
	return err
}

// restart has the scanner begin anew.
func (s *stream) restart() {
	if s.scanner == nil {
		s.scanner = mjpeg.New(s.options.MaxFrame, isPicture(s.path))
	}
	s.scanner.Reset(0)
	s.from = 0
}

func (s *stream) seekTo(offset int64) error {
	if err := s.seek(offset); err != nil {
		return err
	}
	s.scanner.Reset(offset)
	s.from = offset
	return nil
}

// kinds are other files that people try, by how they begin.
var kinds = []struct {
	at          int
	begin, name string
	isVideo     bool
}{
	{0, "RIFF", "an AVI or WAV file", true}, {0, "\x1a\x45\xdf\xa3", "a Matroska or WebM file", true}, {0, "FLV", "an FLV file", true},
	{0, "\x89PNG", "a PNG picture", false}, {0, "GIF8", "a GIF picture", false},
	{4, "ftyp", "an MP4 file", true}, {4, "moov", "an MP4 file", true}, {4, "mdat", "an MP4 file", true}, {4, "wide", "an MP4 file", true},
	{mpegts.PacketBytes, "G", "an MPEG-TS file", true},
}

// What makes such a file one that is read. The video is copied if it is coded so already.
const (
	convertVideo   = "take its video out by: ffmpeg -i FILE -c copy OUT.h264 (or OUT.h265 or OUT.mjpeg, as it is coded)"
	convertPicture = "convert it by: ffmpeg -i FILE -c:v mjpeg -huffman default -f mjpeg OUT.mjpeg"
)

// checkKind says what a file is that does not begin with a JPEG.
func (s *stream) checkKind(b *budget) error {
	if err := s.more(b); err != nil {
		return err
	}
	data := s.scanner.Buffered()
	if len(data) == 0 {
		return errEmptyFile
	}
	if formatOfBytes(s.path, data) != media.JPEG { // since it was looked at
		return errReplaced
	}
	for _, kind := range kinds {
		if len(data) <= kind.at || !strings.HasPrefix(string(data[kind.at:min(len(data), kind.at+4)]), kind.begin) || kind.at == mpegts.PacketBytes && data[0] != 'G' {
			continue
		}
		if kind.isVideo {
			return fmt.Errorf("%s, not MJPEG, H.264 or H.265 alone; %s", kind.name, convertVideo)
		}
		return fmt.Errorf("%s, not MJPEG; %s", kind.name, convertPicture)
	}
	return nil
}

// more reads on.
func (s *stream) more(b *budget) error {
	n, err := s.read(s.scanner.Space(max(1, min(readBytes, b.bytes))), b)
	s.scanner.Add(n)
	return err
}

func (s *stream) next(b *budget) (media.Frame, error) {
	for {
		picture := s.scanner.Next(s.isEnd)
		switch {
		case picture != nil:
			return media.Frame{Bytes: picture, Key: true}, nil
		case s.isEnd && !s.scanner.Found() && s.from == 0:
			return media.Frame{}, errNoJPEG
		case s.isEnd || s.scanner.IsOver():
			return media.Frame{}, errEnd
		case !s.scanner.Found() && s.scanner.Position()-s.from > maxJunkBytes:
			return media.Frame{}, errJunk
		case b.bytes <= 0:
			return media.Frame{}, errMuch
		}
		if err := s.more(b); err != nil {
			return media.Frame{}, err
		}
	}
}

func (s *stream) brokenSince() uint64 {
	n := s.scanner.Broken() - s.counted
	s.counted = s.scanner.Broken()
	return n
}

// rewind begins again. If the name is gone, the open file is played on.
func (s *stream) rewind() error {
	err := s.again(media.JPEG)
	if err == nil {
		s.restart()
	}
	return err
}

func (s *stream) position() resume {
	return resume{file: s.file, offset: s.scanner.Position(), size: s.size}
}

// isPicture reports whether a name is that of a single picture.
func isPicture(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(name)))
}
