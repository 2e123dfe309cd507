// Package flv reads Flash Video as encoders write it to a pipe (Adobe's FLV specification 10.1, and
// Enhanced RTMP 2 for H.265). Each tag has its length before it, so a frame is known when its last
// byte has come.
package flv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The types of tags (E.4.1). Others are skipped.
const (
	typeAudio  = 8
	typeVideo  = 9
	typeScript = 18
)

const (
	signature = "FLV"
	// headerBytes are those of the file's header, and tagBytes those before a tag's data.
	headerBytes, tagBytes = 9, 11
	// behindBytes repeat a tag's length behind it.
	behindBytes = 4
	// maxHeaderBytes bounds what a header may say of its own length.
	maxHeaderBytes = 1024
)

var (
	// ErrMalformed is matched by errors about bytes that are no FLV, or a broken one: reading
	// cannot go on.
	ErrMalformed = errors.New("malformed FLV")
	// ErrTooLarge is matched by errors about a tag over the limit, which is skipped.
	ErrTooLarge = errors.New("FLV tag is too large")
)

// Tag is a tag of video.
type Tag struct {
	// Time is when the tag is to be decoded, since some beginning. It goes on growing when the stream's
	// own number, which counts milliseconds, begins anew after 49 days.
	Time time.Duration
	// Data is the tag's content, for ParseVideo.
	Data []byte
}

// Reader finds the tags of video in a stream, which comes in parts of any size. It keeps no more
// than one tag. A stream may be followed by another one with a header of its own.
type Reader struct {
	most   int
	buffer []byte
	at     int    // index of what was not read yet
	skip   int64  // bytes to skip, from there on
	begun  bool   // the header was read
	last   uint32 // the last tag's own time, in milliseconds, and what it stands for
	time   time.Duration
}

// NewReader makes a reader of tags of at most most bytes.
func NewReader(most int) *Reader { return &Reader{most: most} }

// Push adds the next bytes, which it copies. What Next has returned is no longer valid.
func (r *Reader) Push(data []byte) {
	if r.at > 0 {
		r.buffer, r.at = r.buffer[:copy(r.buffer, r.buffer[r.at:])], 0
	}
	if n := min(r.skip, int64(len(data))); len(r.buffer) == 0 && n > 0 {
		data, r.skip = data[n:], r.skip-n
	}
	r.buffer = append(r.buffer, data...)
}

// Next returns the next tag of video, valid until Push is called; false: it needs more bytes. After
// an error that matches ErrTooLarge it can be called again. One that matches ErrMalformed is final.
func (r *Reader) Next() (Tag, bool, error) {
	for {
		n := min(r.skip, int64(len(r.buffer)-r.at))
		r.at, r.skip = r.at+int(n), r.skip-n
		rest := r.buffer[r.at:]
		switch {
		case r.skip > 0:
			return Tag{}, false, nil
		case !r.begun || bytes.HasPrefix(rest, []byte(signature)):
			if isWhole, err := r.header(rest); !isWhole {
				return Tag{}, false, err
			}
			continue
		case len(rest) < tagBytes:
			return Tag{}, false, nil
		}
		kind, size := rest[0], int(number(rest[1:4]))
		milliseconds := number(rest[4:7]) | uint32(rest[7])<<24
		switch {
		case kind != typeAudio && kind != typeVideo && kind != typeScript || number(rest[8:11]) != 0:
			return Tag{}, false, fmt.Errorf("%w: no tag where one should begin", ErrMalformed)
		case kind != typeVideo:
			r.skip = int64(tagBytes + size + behindBytes)
		case size > r.most:
			r.skip = int64(tagBytes + size + behindBytes)
			return Tag{}, false, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, size, r.most)
		case len(rest) < tagBytes+size:
			r.buffer = slices.Grow(r.buffer, tagBytes+size-len(rest))
			return Tag{}, false, nil
		default:
			r.skip = int64(tagBytes + size + behindBytes)
			r.time += time.Duration(int32(milliseconds-r.last)) * time.Millisecond
			r.last = milliseconds
			return Tag{r.time, rest[tagBytes : tagBytes+size]}, true, nil
		}
	}
}

// header reads a stream's header. isWhole is false if it needs more bytes.
func (r *Reader) header(rest []byte) (isWhole bool, err error) {
	if n := min(len(rest), len(signature)); string(rest[:n]) != signature[:n] {
		return false, fmt.Errorf("%w: it does not begin with %s", ErrMalformed, signature)
	}
	if len(rest) < headerBytes {
		return false, nil
	}
	length := number(rest[6:9]) | uint32(rest[5])<<24
	if length < headerBytes || length > maxHeaderBytes {
		return false, fmt.Errorf("%w: a header of %d bytes", ErrMalformed, length)
	}
	r.begun, r.skip = true, int64(length)+behindBytes
	return true, nil
}

// number is the number in three bytes.
func number(p []byte) uint32 { return uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2]) }
