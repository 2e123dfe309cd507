package join

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Subtypes of the APP packets (RFC 3550, section 6.7).
const (
	subtypeJoin = iota
	subtypeChallenge
	subtypeAccept
	subtypeList
	subtypeStreams
	subtypeRefuse
)

const (
	version2    = 2 << 6
	typeAPP     = 204
	headerBytes = 12
	// packetName is the APP packet's name: camcast join, first version.
	packetName = "CCJ1"
	// CookieBytes is the length of a cookie, and of the zeros in place of one.
	CookieBytes = 20
	// MaxNameBytes is how long a stream's name may be.
	MaxNameBytes = 255
	// MaxUserBytes is how long a user's name may be.
	MaxUserBytes = 255
	// MaxMessageBytes is how long a message may be: it is never fragmented.
	MaxMessageBytes = 1200
)

// Cookie proves that a reader receives at an address.
type Cookie [CookieBytes]byte

// Nonce is made up by a reader, and returned with all answers: a third party that does not
// see its requests cannot answer them.
type Nonce [8]byte

// ErrNotJoin is matched by errors about packets that are no messages of this protocol.
var ErrNotJoin = errors.New("no join message")

// Is reports whether a packet is meant to be a message of this protocol.
func Is(packet []byte) bool {
	return len(packet) >= headerBytes && packet[0]>>6 == 2 && packet[1] == typeAPP && string(packet[8:12]) == packetName
}

// begin appends a header, whose length finish sets.
func begin(dst []byte, subtype byte, ssrc uint32, nonce Nonce) []byte {
	dst = append(dst, version2|subtype, typeAPP, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, packetName...)
	return append(dst, nonce[:]...)
}

// finish pads the message that begins at to words, and sets its length.
func finish(dst []byte, at int) []byte {
	for (len(dst)-at)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[at+2:], uint16((len(dst)-at)/4-1))
	return dst
}

// body checks a message's header and returns its subtype, SSRC, nonce and what follows.
func body(packet []byte) (subtype byte, ssrc uint32, nonce Nonce, rest []byte, err error) {
	const least = headerBytes + len(nonce)
	switch {
	case !Is(packet) || len(packet) < least:
		return 0, 0, nonce, nil, ErrNotJoin
	case packet[0]&0x20 != 0:
		return 0, 0, nonce, nil, fmt.Errorf("%w: RTCP padding", ErrNotJoin)
	case 4*(int(binary.BigEndian.Uint16(packet[2:]))+1) != len(packet):
		return 0, 0, nonce, nil, fmt.Errorf("%w: %d bytes, and its length says otherwise", ErrNotJoin, len(packet))
	}
	return packet[0] & 31, binary.BigEndian.Uint32(packet[4:]), Nonce(packet[headerBytes:]), packet[least:], nil
}

// name splits a length and so many bytes off.
func name(p []byte) (text, rest []byte, err error) {
	if len(p) < 1 || len(p) < 1+int(p[0]) {
		return nil, nil, fmt.Errorf("%w: it ends in a name", ErrNotJoin)
	}
	end := 1 + int(p[0])
	return p[1:end], p[end:], nil
}

// appendName appends a name, cut to what its length can say.
func appendName[T ~string | ~[]byte](dst []byte, text T) []byte {
	text = text[:min(len(text), MaxNameBytes)]
	return append(append(dst, byte(len(text))), text...)
}

// Stream is what a stream is.
type Stream struct {
	Name          string
	Width, Height uint16
	// MilliFPS is the frame rate in frames per 1000 seconds, 0 if it is not known.
	MilliFPS    uint32
	PayloadType uint8
	ClockHz     uint32
	// Encoding is the name of the payload format, as in an SDP: "H264". It is empty if the
	// payload type says it, as 26 does, and in what older broadcasters say.
	Encoding string
}

// streamBytes is the length of a stream's fields before its name.
const streamBytes = 2 + 2 + 4 + 4 + 1

// formatBytes is the length of a format without its name and parameters.
const formatBytes = 1 + 2

// appendFormat appends a stream's format, with its parameters: section 4.8 of PROTOCOL.md.
func appendFormat(dst []byte, encoding, parameters string) []byte {
	dst = appendName(dst, encoding)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(parameters)))
	return append(dst, parameters...)
}

// parseFormat reads a format. What an older broadcaster says has none, and a broken one counts as
// none, too.
func parseFormat(p []byte) (encoding, parameters string, rest []byte) {
	text, p, err := name(p)
	if err != nil || len(p) < 2 || len(p)-2 < int(binary.BigEndian.Uint16(p)) {
		return "", "", nil
	}
	end := 2 + int(binary.BigEndian.Uint16(p))
	return string(text), string(p[2:end]), p[end:]
}

func appendStream(dst []byte, s *Stream) []byte {
	dst = binary.BigEndian.AppendUint16(dst, s.Width)
	dst = binary.BigEndian.AppendUint16(dst, s.Height)
	dst = binary.BigEndian.AppendUint32(dst, s.MilliFPS)
	dst = binary.BigEndian.AppendUint32(dst, s.ClockHz)
	dst = append(dst, s.PayloadType)
	return appendName(dst, s.Name)
}

func parseStream(p []byte) (s Stream, rest []byte, err error) {
	if len(p) < streamBytes {
		return s, nil, fmt.Errorf("%w: it ends in a stream", ErrNotJoin)
	}
	s = Stream{
		Width: binary.BigEndian.Uint16(p), Height: binary.BigEndian.Uint16(p[2:]),
		MilliFPS: binary.BigEndian.Uint32(p[4:]), ClockHz: binary.BigEndian.Uint32(p[8:]), PayloadType: p[12],
	}
	text, rest, err := name(p[streamBytes:])
	s.Name = string(text)
	return s, rest, err
}

// Reason says why a request is refused. Readers take any number for a refusal, so a reason may be added: one that does not
// know it shows the number.
type Reason uint16

// The reasons of PROTOCOL.md, section 4.4.
const (
	// Unauthorized: a user and a password are wanted, or those given are wrong.
	Unauthorized Reason = 401
	// Forbidden: the reader may not watch the stream.
	Forbidden Reason = 403
	// NoSuchStream: no stream has that name.
	NoSuchStream Reason = 404
	// AddressFull: the reader's IP address has reached its limit of readers.
	AddressFull Reason = 429
	// Full: the broadcaster or the stream has reached its limit of readers.
	Full Reason = 453
	// Unavailable: the stream has ended or has no pictures, or cannot be sent to this address.
	Unavailable Reason = 503
)

// String is the reason in words, or its number where this package has no words for it.
func (r Reason) String() string {
	switch r {
	case Unauthorized:
		return "a user and a password are needed"
	case Forbidden:
		return "access denied"
	case NoSuchStream:
		return "no stream has that name"
	case AddressFull:
		return "reader limit for one address reached"
	case Full:
		return "reader limit reached"
	case Unavailable:
		return "the stream is not available now"
	}
	return fmt.Sprintf("reason %d", uint16(r))
}

// Acceptance is what a reader is told that has joined.
type Acceptance struct {
	// SSRC is that of the stream's packets.
	SSRC   uint32
	Stream Stream
	// Timeout is how long the reader may be silent, in whole seconds.
	Timeout time.Duration
	// Readers is how many there are, for the interval of reports (RFC 3550, section
	// 6.2).
	Readers uint32
	// FormatParameters are those of the payload format, as in an SDP after "a=fmtp:96 ". They
	// are empty if there are none, or if they do not fit into a message.
	FormatParameters string
}
