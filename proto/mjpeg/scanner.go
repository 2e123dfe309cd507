// Package mjpeg finds pictures in a stream of JPEGs that follow each other without lengths.
package mjpeg

import (
	"bytes"
	"slices"

	"github.com/camcast/camcast/proto/jpeg"
)

// Scanner finds the pictures in the bytes of a file or a pipe, in whatever parts these come.
//
// It walks from marker to marker and never goes back behind the last segment's header, so that
// its work is linear in the bytes, whatever they are. It keeps no more bytes than the picture
// that it is in the middle of has, and that is at most maxFrame.
//
// These rules say what a picture of the stream is:
//   - A picture that lies wholly within an application segment is a thumbnail, and is skipped.
//   - So are the pictures that the index of the one before them names (MPF: previews, gain maps),
//     and an MP4 behind a picture (a motion photo).
//   - One that has no EOI is a picture if all of its blocks are there (jpeg.WholeLength): EOI is
//     then added. Otherwise it is broken.
type Scanner struct {
	maxFrame int
	// onlyFirst: the file is one picture; all behind it is skipped.
	onlyFirst bool

	buffer []byte
	base   int64 // bytes of the file before the buffer
	at     int   // index of the next byte to look at
	skip   int64 // bytes to skip, from there on
	// shadow is where a region of the file ends whose pictures are skipped.
	shadow int64

	begin  int // of the picture that is walked through; -1: none
	resume int // where to search if it is given up
	inScan bool
	// hasFrame: it has a frame header. hasAny: it has a scan.
	hasFrame, hasAny bool
	// within is where the last application segment of the picture ends, if resume is in it.
	within int64

	afterPicture bool // an MP4 may follow
	inMP4        bool
	isOver       bool   // onlyFirst: it was found, or is broken
	completed    []byte // a picture without EOI, and EOI

	broken uint64 // pictures that were given up
	found  bool   // a picture has begun
	visits uint64 // bytes that were looked at
}

// New makes a scanner of pictures of at most maxFrame bytes. With onlyFirst the stream is one
// picture, and all that follows it is skipped.
func New(maxFrame int, onlyFirst bool) *Scanner {
	return &Scanner{maxFrame: maxFrame, onlyFirst: onlyFirst, begin: -1}
}

// Reset begins a new stream, of which the next byte is the one at an offset. The memory is kept, and
// Broken and Visits go on counting.
func (s *Scanner) Reset(offset int64) {
	*s = Scanner{maxFrame: s.maxFrame, onlyFirst: s.onlyFirst, buffer: s.buffer[:0], completed: s.completed,
		base: offset, begin: -1, broken: s.broken, visits: s.visits}
}

// Found reports whether a picture has begun since the stream's beginning.
func (s *Scanner) Found() bool { return s.found }

// IsOver reports whether the one picture of the stream was found, or is broken.
func (s *Scanner) IsOver() bool { return s.isOver }

// Broken is how many pictures were given up.
func (s *Scanner) Broken() uint64 { return s.broken }

// Visits is how many bytes were looked at, those that were looked at twice counted twice.
func (s *Scanner) Visits() uint64 { return s.visits }

// Buffered are the bytes that are kept, valid until Space is called.
func (s *Scanner) Buffered() []byte { return s.buffer }

// Space returns room for n more bytes of the stream; Add says how many there are. The picture that
// Next has returned last is no longer valid.
func (s *Scanner) Space(n int) []byte {
	s.drop()
	s.buffer = slices.Grow(s.buffer, n)
	return s.buffer[len(s.buffer) : len(s.buffer)+n]
}

// Add says that n bytes were written into what Space has returned.
func (s *Scanner) Add(n int) { s.buffer = s.buffer[:len(s.buffer)+n] }

// drop forgets what is before the picture that is walked through.
func (s *Scanner) drop() {
	n := s.begin
	if n < 0 {
		n = s.at
	}
	if n == 0 {
		return
	}
	s.buffer = s.buffer[:copy(s.buffer, s.buffer[n:])]
	s.base += int64(n)
	s.at -= n
	s.resume -= n
	if s.begin >= 0 {
		s.begin = 0
	}
}

// Position is where in the stream the next picture is looked for.
func (s *Scanner) Position() int64 {
	if s.begin >= 0 {
		return s.base + int64(s.begin)
	}
	return s.base + int64(s.at)
}

// Next returns the next picture, valid until Space is called, or nil if it needs more bytes. With
// isEnd there are no more; nil then means that there is no further picture.
func (s *Scanner) Next(isEnd bool) []byte {
	for !s.isOver {
		if s.skip > 0 {
			s.skipBytes()
		}
		var goesOn bool
		var picture []byte
		switch {
		case s.skip > 0:
			return nil
		case s.inMP4:
			goesOn = s.box(isEnd)
		case s.begin < 0:
			goesOn = s.search(isEnd)
		case s.inScan:
			picture, goesOn = s.scan(isEnd)
		default:
			picture, goesOn = s.segment(isEnd)
		}
		if picture != nil {
			return picture
		}
		if !goesOn {
			return nil
		}
	}
	s.at, s.begin = len(s.buffer), -1
	return nil
}

func (s *Scanner) skipBytes() {
	n := min(s.skip, int64(len(s.buffer)-s.at))
	s.at += int(n)
	s.skip -= n
}

// begin is how a picture begins: with SOI, and another marker.
var begin, exif = []byte{0xff, jpeg.SOI, 0xff}, []byte("Exif\x00\x00")

// exifBytes are the marker, the length and the identifier of an Exif segment.
const exifBytes = 10

// search looks for a picture's beginning. It returns false if it needs more bytes.
func (s *Scanner) search(isEnd bool) bool {
	if s.afterPicture {
		if rest := s.buffer[s.at:]; len(rest) >= 8 {
			s.inMP4, s.afterPicture = string(rest[4:8]) == "ftyp", false
			return true
		} else if !isEnd {
			return false
		}
		s.afterPicture = false
	}
	i := bytes.IndexByte(s.buffer[s.at:], 0xff)
	if i < 0 {
		i = len(s.buffer) - s.at
	}
	s.visits += uint64(i) + 2
	s.at += i
	rest := s.buffer[s.at:]
	switch {
	case !isEnd && (len(rest) < len(begin) || len(rest) < exifBytes && rest[1] == 0xe1):
		return false
	case len(rest) < len(begin):
		s.at = len(s.buffer)
		return false
	case bytes.HasPrefix(rest, begin):
		s.beginPicture()
	case rest[1] == 0xe1 && len(rest) >= exifBytes && bytes.Equal(rest[4:exifBytes], exif):
		// The picture's SOI is gone. A thumbnail may be in the segment.
		s.shade(s.base + int64(s.at) + 2 + int64(rest[2])<<8 + int64(rest[3]))
		s.at += exifBytes
	default:
		s.at++
	}
	return true
}

func (s *Scanner) shade(end int64) { s.shadow = max(s.shadow, end) }

func (s *Scanner) beginPicture() {
	s.begin, s.within, s.inScan, s.hasFrame, s.hasAny = s.at, 0, false, false, false
	s.at += 2
	s.resume = s.at
	s.found = true
}

// endWithoutEOI ends a picture before buffer[end], where the next one begins or the file ends.
// It returns nil if the picture is broken.
func (s *Scanner) endWithoutEOI(end int) []byte {
	s.visits += uint64(end - s.begin)
	length, isWhole := jpeg.WholeLength(s.buffer[s.begin:end])
	s.at, s.resume = end, end
	if !isWhole {
		s.giveUp()
		return nil
	}
	s.completed = append(append(s.completed[:0], s.buffer[s.begin:s.begin+length]...), 0xff, jpeg.EOI)
	return s.take(s.completed)
}

// take ends the search with a picture, which ends before buffer[at]. It returns nil if the picture
// is not one of the file's.
func (s *Scanner) take(picture []byte) []byte {
	begin := s.base + int64(s.begin)
	s.begin, s.inScan, s.afterPicture = -1, false, true
	if s.base+int64(s.at) <= s.shadow {
		return nil
	}
	if further := jpeg.MultiPictureLength(picture); further <= 2*int64(s.maxFrame) {
		s.shade(begin + further)
	}
	s.isOver = s.onlyFirst
	return picture
}

// giveUp goes on searching behind what has shown that the picture is broken.
func (s *Scanner) giveUp() {
	if s.base+int64(s.at) > s.shadow {
		s.broken++
		s.isOver = s.onlyFirst
	}
	s.shade(s.within)
	s.at, s.begin, s.inScan = s.resume, -1, false
}
