package join

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Request is what a reader asks: to join a stream, or for a list of the streams.
type Request struct {
	// List: the list is asked for, from the stream of this number on, and no stream.
	List  bool
	First uint8
	// SSRC is the reader's, and Nonce what is returned with the answer.
	SSRC   uint32
	Nonce  Nonce
	Cookie Cookie
	// Stream is the name of the stream, empty for the only one. After ParseRequest it
	// is part of the packet.
	Stream []byte
	// User is who asks, empty if nobody says so, and Proof shows that it is true
	// (Request.Prove). After ParseRequest User is part of the packet.
	User  []byte
	Proof Proof
}

// ParseRequest reads a request, and keeps its names of the packet, no more. It allocates
// nothing unless it fails; errors match ErrNotJoin.
func ParseRequest(packet []byte) (r Request, err error) {
	subtype, ssrc, nonce, rest, err := body(packet)
	if err != nil {
		return r, err
	}
	if subtype != subtypeJoin && subtype != subtypeList {
		return r, ErrNotJoin // not from a reader
	}
	if len(rest) < CookieBytes+1 {
		return r, ErrNotJoin
	}
	r = Request{List: subtype == subtypeList, SSRC: ssrc, Nonce: nonce, Cookie: Cookie(rest)}
	rest = rest[CookieBytes:]
	if r.List {
		r.First, rest = rest[0], rest[min(len(rest), listBytes):]
	} else if r.Stream, rest, err = name(rest); err != nil {
		return r, err
	}
	return r, r.parseUser(rest)
}

// listBytes is the length of the part of a LIST behind its cookie: first, and zeros.
const listBytes = 4

// parseUser reads who asks. Where the request ends, or a zero stands instead, nobody says so.
func (r *Request) parseUser(rest []byte) error {
	if len(rest) == 0 || rest[0] == 0 {
		return nil
	}
	user, rest, err := name(rest)
	if err != nil || len(rest) < ProofBytes {
		return fmt.Errorf("%w: it ends in a user", ErrNotJoin)
	}
	r.User, r.Proof = user, Proof(rest)
	return nil
}

// AppendRequest appends a request, 44 bytes or more. Names are cut to MaxNameBytes and
// MaxUserBytes.
func AppendRequest(dst []byte, r Request) []byte {
	at := len(dst)
	subtype := byte(subtypeJoin)
	if r.List {
		subtype = subtypeList
	}
	dst = begin(dst, subtype, r.SSRC, r.Nonce)
	dst = append(dst, r.Cookie[:]...)
	if r.List {
		dst = append(dst, r.First, 0, 0, 0)
	} else {
		dst = appendName(dst, r.Stream)
	}
	if len(r.User) > 0 {
		dst = append(appendName(dst, r.User), r.Proof[:]...)
	}
	return finish(dst, at)
}

// AppendChallenge appends the answer to a request without a valid cookie: it has one. With
// 40 bytes it is shorter than any request that ParseRequest takes.
func AppendChallenge(dst []byte, r *Request, cookie Cookie) []byte {
	at := len(dst)
	dst = begin(dst, subtypeChallenge, 0, r.Nonce)
	return finish(append(dst, cookie[:]...), at)
}

// AppendAcceptance appends the answer to a reader that has joined.
func AppendAcceptance(dst []byte, r *Request, a *Acceptance) []byte {
	at := len(dst)
	dst = begin(dst, subtypeAccept, a.SSRC, r.Nonce)
	seconds := uint16(min(a.Timeout.Seconds(), 65535))
	dst = append(binary.BigEndian.AppendUint16(dst, seconds), 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, a.Readers)
	dst = appendStream(dst, &a.Stream)
	if a.Stream.Encoding == "" {
		return finish(dst, at)
	}
	withAll := appendFormat(dst, a.Stream.Encoding, a.FormatParameters)
	if len(withAll)-at > MaxMessageBytes {
		withAll = appendFormat(dst, a.Stream.Encoding, "")
	}
	return finish(withAll, at)
}

// AppendRefusal appends why a request with a valid cookie is refused. Readers take 0 for 1.
func AppendRefusal(dst []byte, r *Request, reason Reason) []byte {
	at := len(dst)
	dst = begin(dst, subtypeRefuse, 0, r.Nonce)
	return finish(binary.BigEndian.AppendUint16(dst, uint16(reason)), at)
}

// AppendStreams appends the answer to a request for the list with a valid cookie: as many
// streams as fit into a message, from the one of number r.First on. total is how many there
// are, of which 255 can be told, and stream returns the one of a number.
func AppendStreams(dst []byte, r *Request, total int, stream func(int) Stream) []byte {
	at := len(dst)
	dst = begin(dst, subtypeStreams, 0, r.Nonce)
	total = min(total, 255)
	dst = append(dst, byte(total), r.First, 0, 0)
	count := len(dst) - 2
	end := MaxMessageBytes + at
	hasFormats := false
	for i := int(r.First); i < total; i++ {
		hasFormats = hasFormats || stream(i).Encoding != ""
	}
	for i := int(r.First); i < total; i++ {
		before := len(dst)
		s := stream(i)
		if hasFormats {
			end -= formatBytes + min(len(s.Encoding), MaxNameBytes)
		}
		if dst = appendStream(dst, &s); len(dst) > end {
			dst = dst[:before]
			break
		}
		dst[count]++
	}
	for i := range int(dst[count]) {
		if hasFormats {
			dst = appendFormat(dst, stream(int(r.First)+i).Encoding, "")
		}
	}
	return finish(dst, at)
}

// Answer is what a broadcaster says: its nonce, and one of the other fields.
type Answer struct {
	Nonce     Nonce
	Challenge *Cookie
	Accepted  *Acceptance
	Refused   Reason
	Streams   *Streams
}

// Streams is a part of the list of streams.
type Streams struct {
	// Total is how many there are, and First the number of the first one here.
	Total, First int
	Streams      []Stream
}

// ParseAnswer reads what a broadcaster says, and keeps nothing of the packet. Errors match
// ErrNotJoin.
func ParseAnswer(packet []byte) (a Answer, err error) {
	subtype, ssrc, nonce, rest, err := body(packet)
	if err != nil {
		return a, err
	}
	a.Nonce = nonce
	switch subtype {
	case subtypeChallenge:
		if len(rest) < CookieBytes {
			return a, fmt.Errorf("%w: no cookie", ErrNotJoin)
		}
		cookie := Cookie(rest)
		a.Challenge = &cookie
	case subtypeAccept:
		a.Accepted, err = parseAcceptance(ssrc, rest)
	case subtypeRefuse:
		if len(rest) < 2 {
			return a, fmt.Errorf("%w: no reason", ErrNotJoin)
		}
		a.Refused = max(Reason(binary.BigEndian.Uint16(rest)), 1) // 0 is a refusal, too
	case subtypeStreams:
		a.Streams, err = parseStreams(rest)
	default:
		return a, ErrNotJoin // not from a broadcaster
	}
	return a, err
}

func parseAcceptance(ssrc uint32, p []byte) (*Acceptance, error) {
	const fixed = 8
	if len(p) < fixed {
		return nil, fmt.Errorf("%w: it ends in an acceptance", ErrNotJoin)
	}
	stream, rest, err := parseStream(p[fixed:])
	if err != nil {
		return nil, err
	}
	var parameters string
	if stream.Encoding, parameters, _ = parseFormat(rest); stream.Encoding == "" {
		parameters = "" // of no encoding that could be told
	}
	return &Acceptance{
		SSRC: ssrc, Stream: stream, FormatParameters: parameters,
		Timeout: time.Duration(binary.BigEndian.Uint16(p)) * time.Second,
		Readers: binary.BigEndian.Uint32(p[4:]),
	}, nil
}

func parseStreams(p []byte) (*Streams, error) {
	const fixed = 4
	if len(p) < fixed {
		return nil, fmt.Errorf("%w: it ends in a list", ErrNotJoin)
	}
	list := &Streams{Total: int(p[0]), First: int(p[1])}
	count, rest := int(p[2]), p[fixed:]
	for range count {
		s, after, err := parseStream(rest)
		if err != nil {
			return nil, err
		}
		list.Streams, rest = append(list.Streams, s), after
	}
	for i := range list.Streams {
		list.Streams[i].Encoding, _, rest = parseFormat(rest)
	}
	return list, nil
}
