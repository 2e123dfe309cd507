package multipart

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const (
	// mostBetween bounds what may be between two parts, and before the first one: the head of an HTTP
	// response, empty lines.
	mostBetween = 8192
	// mostHead bounds the head of a part that is read.
	mostHead = 8192
	// mostBoundary bounds a boundary (RFC 2046, 5.1.1, allows 70 characters).
	mostBoundary = 256
)

var (
	// ErrMalformed is matched by errors about bytes that are no multipart stream: reading cannot go on.
	ErrMalformed = errors.New("malformed multipart stream")
	// ErrTooLarge is matched by errors about a part over the limit, which is skipped.
	ErrTooLarge = errors.New("part of the multipart stream is too large")
)

// Reader finds the parts of a stream, which comes in pieces of any size. A part that says its length is
// known when its last byte has come, another one when the next boundary has. The boundary is that of
// the first line that begins with two dashes. The reader keeps no more than one part.
type Reader struct {
	most     int
	buffer   []byte
	at       int   // index of what was not read yet
	searched int   // from there on, bytes in which a boundary was looked for
	skip     int64 // bytes to skip, from there on

	boundary []byte // with its dashes
	state    state
	length   int // of the part in hand, -1 if it is not known
	between  int // bytes since the last part
	tooLarge bool
}

// state is what a Reader reads next.
type state uint8

const (
	seeking state = iota // a boundary
	inHead
	inBody
)

// NewReader makes a reader of parts of at most most bytes.
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

// Next returns the content of the next part, valid until Push is called; false: it needs more bytes.
// After an error that matches ErrTooLarge it can be called again. One that matches ErrMalformed is
// final.
func (r *Reader) Next() (part []byte, ok bool, err error) {
	for {
		if n := min(r.skip, int64(len(r.buffer)-r.at)); n > 0 {
			r.at, r.skip = r.at+int(n), r.skip-n
		}
		var goesOn bool
		switch {
		case r.skip > 0:
			return nil, false, nil
		case r.state == seeking:
			goesOn, err = r.seek()
		case r.state == inHead:
			goesOn, err = r.head()
		case r.length >= 0:
			part, goesOn, err = r.measured()
		default:
			part, goesOn, err = r.unmeasured()
		}
		if len(part) > 0 || err != nil || !goesOn {
			return part, len(part) > 0, err
		}
	}
}

// line returns the next line without its end, and reads it; false: it has not come wholly.
func (r *Reader) line() ([]byte, bool) {
	rest := r.buffer[r.at:]
	n := bytes.IndexByte(rest[r.searched:], '\n')
	if n < 0 {
		r.searched = len(rest)
		return nil, false
	}
	n += r.searched
	r.at, r.searched = r.at+n+1, 0
	return bytes.TrimRight(rest[:n], "\r \t"), true
}

// seek looks for a boundary.
func (r *Reader) seek() (goesOn bool, err error) {
	line, ok := r.line()
	if r.between += len(line) + 2; r.between > mostBetween || !ok && r.searched > mostBetween {
		return false, fmt.Errorf("%w: no boundary in %d bytes", ErrMalformed, mostBetween)
	}
	switch {
	case !ok:
		r.between -= 2 // it is counted when it is there
		return false, nil
	case r.boundary == nil && bytes.HasPrefix(line, []byte("--")) && len(line) > 2:
		if len(line) > mostBoundary {
			return false, fmt.Errorf("%w: a boundary of %d bytes", ErrMalformed, len(line))
		}
		r.boundary = bytes.Clone(line)
	case r.boundary == nil || !bytes.Equal(line, r.boundary):
		return true, nil
	}
	r.state, r.length, r.between = inHead, -1, 0
	return true, nil
}

// head reads a line of a part's head.
func (r *Reader) head() (goesOn bool, err error) {
	line, ok := r.line()
	if r.between += len(line); r.between > mostHead || !ok && r.searched > mostHead {
		return false, fmt.Errorf("%w: the head of a part has more than %d bytes", ErrMalformed, mostHead)
	}
	if !ok {
		return false, nil
	}
	if len(line) == 0 {
		r.state, r.between = inBody, 0
		return true, nil
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	if !bytes.EqualFold(bytes.TrimSpace(name), []byte("Content-Length")) {
		return true, nil
	}
	length, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
	if err != nil {
		return false, fmt.Errorf("%w: Content-Length %.20q", ErrMalformed, value)
	}
	r.length = int(length)
	return true, nil
}

// measured returns a part of a known length.
func (r *Reader) measured() (part []byte, goesOn bool, err error) {
	rest := r.buffer[r.at:]
	switch {
	case r.length > r.most:
		err = fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, r.length, r.most)
	case len(rest) < r.length:
		r.buffer = slices.Grow(r.buffer, r.length-len(rest))
		return nil, false, nil
	default:
		part = rest[:r.length]
	}
	r.state, r.skip = seeking, int64(r.length)
	return part, true, err
}

// unmeasured returns a part that ends before the next boundary, without the end of line before that.
func (r *Reader) unmeasured() (part []byte, goesOn bool, err error) {
	rest := r.buffer[r.at:]
	from := max(r.searched-len(r.boundary), 0)
	n := bytes.Index(rest[from:], append([]byte{'\n'}, r.boundary...))
	if n >= 0 {
		n += from
		part = bytes.TrimSuffix(rest[:n], []byte("\r"))
		r.state, r.skip, r.searched = seeking, int64(n)+1, 0
		switch {
		case r.tooLarge: // it was said
			r.tooLarge = false
			return nil, true, nil
		case len(part) > r.most:
			return nil, true, r.large()
		}
		return part, true, nil
	}
	r.searched = len(rest)
	if len(rest) <= r.most+len(r.boundary)+2 {
		return nil, false, nil
	}
	// What the boundary may be a part of is kept.
	keep := len(r.boundary) + 1
	r.skip, r.searched = int64(len(rest)-keep), 0
	if r.tooLarge {
		return nil, true, nil
	}
	r.tooLarge = true
	return nil, false, r.large()
}

func (r *Reader) large() error { return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, r.most) }
