// Package stun reads and answers the STUN binding requests by which browsers find a way to a server, and say that they still
// want what it sends (RFC 8489; ICE: RFC 8445, consent: RFC 7675). The server is an ICE lite agent: it answers, and
// sends no requests of its own. Messages are read and written by github.com/pion/stun.
package stun

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/pion/stun/v3"
)

// FirstByte and LastByte are how a datagram begins that is STUN, where protocols share a port (RFC 7983).
const FirstByte, LastByte = 0, 3

const (
	headerBytes    = 20
	bindingRequest = 1
	magicCookie    = 0x2112a442
	username       = 6
	// codeBytes is the room behind a message in which its code is computed, and answerBytes that of an answer and its code.
	codeBytes   = 20
	answerBytes = 160
)

// Fragment is the server's part of the user name in a binding request (RFC 8445, section 7.2.2), by which the server finds
// the password. It is a part of the datagram. ok is false if the datagram is no binding request, or names nobody. Nothing is
// proved by that. It costs little, and allocates nothing.
func Fragment(datagram []byte) (ours []byte, ok bool) {
	if len(datagram) < headerBytes || binary.BigEndian.Uint16(datagram) != bindingRequest ||
		int(binary.BigEndian.Uint16(datagram[2:])) != len(datagram)-headerBytes || binary.BigEndian.Uint32(datagram[4:]) != magicCookie {
		return nil, false
	}
	for p := datagram[headerBytes:]; len(p) >= 4; {
		kind, size := binary.BigEndian.Uint16(p), int(binary.BigEndian.Uint16(p[2:]))
		if p = p[4:]; size > len(p) {
			return nil, false
		}
		if kind == username {
			for i, c := range p[:size] {
				if c == ':' {
					return p[:i], i > 0
				}
			}
			return nil, false
		}
		p = p[min((size+3)&^3, len(p)):]
	}
	return nil, false
}

// Responder checks requests and answers them. It keeps the last request. Its zero value is ready; it belongs to one goroutine,
// and allocates nothing once it has been used.
type Responder struct {
	request, answer stun.Message
	unknown         stun.UnknownAttributes // of the request
}

// The errors of requests. ErrUnknown is to be answered by AppendUnknown; those with the others get no answer.
var (
	ErrFingerprint = errors.New("stun: wrong fingerprint, or none")
	ErrIntegrity   = errors.New("stun: not sealed by the password")
	ErrUnknown     = errors.New("stun: has an attribute that must be understood and is not known")
	errNoRequest   = errors.New("stun: no binding request")
)

// maxUnknown is how many attributes that are not known an answer names.
const maxUnknown = 8

// Check reads a binding request, and checks that it is whole and proves the server's password; what sent one that does not is
// to be sent nothing. conflict: the peer believes that the server chooses the pair of addresses, which is to be answered by
// AppendConflict. Which pair the peer has chosen (USE-CANDIDATE) is not said: the server sees it by what comes over it.
func (r *Responder) Check(datagram, password []byte) (conflict bool, err error) {
	r.request.Raw = slices.Grow(r.request.Raw[:0], len(datagram)+codeBytes)
	if err := stun.Decode(datagram, &r.request); err != nil {
		return false, err
	}
	if r.request.Type != stun.BindingRequest {
		return false, errNoRequest
	}
	if n := len(r.request.Attributes); n == 0 || r.request.Attributes[n-1].Type != stun.AttrFingerprint || stun.Fingerprint.Check(&r.request) != nil {
		return false, ErrFingerprint
	}
	if stun.MessageIntegrity(password).Check(&r.request) != nil {
		return false, ErrIntegrity
	}
	r.unknown = r.unknown[:0]
	for _, a := range r.request.Attributes {
		switch a.Type {
		case stun.AttrMessageIntegrity: // what follows is not sealed
			if len(r.unknown) > 0 {
				return false, ErrUnknown
			}
			return conflict, nil
		case stun.AttrICEControlled:
			conflict = true
		case stun.AttrUsername, stun.AttrPriority, stun.AttrUseCandidate, stun.AttrICEControlling:
		default:
			if a.Type.Required() && len(r.unknown) < maxUnknown {
				r.unknown = append(r.unknown, a.Type)
			}
		}
	}
	return false, ErrIntegrity
}

// AppendSuccess appends the answer to the request that was checked last, with the address that it came from.
func (r *Responder) AppendSuccess(dst []byte, from netip.AddrPort, password []byte) []byte {
	r.begin(stun.BindingSuccess)
	r.addMapped(from)
	return r.seal(dst, password)
}

// AppendConflict answers the request that was checked last that the peer is the one who chooses (487).
func (r *Responder) AppendConflict(dst []byte, password []byte) []byte {
	r.begin(stun.BindingError)
	_ = stun.CodeRoleConflict.AddTo(&r.answer) // knows the code's reason
	return r.seal(dst, password)
}

// AppendUnknown answers the request that was checked last that it has attributes which must be understood and are not known (420).
func (r *Responder) AppendUnknown(dst, password []byte) []byte {
	r.begin(stun.BindingError)
	_ = stun.CodeUnknownAttribute.AddTo(&r.answer) // knows the code's reason
	_ = r.unknown.AddTo(&r.answer)                 // always nil
	return r.seal(dst, password)
}

func (r *Responder) begin(t stun.MessageType) {
	r.answer.Reset()
	r.answer.Raw = slices.Grow(r.answer.Raw, answerBytes)
	r.answer.TransactionID = r.request.TransactionID
	r.answer.Type = t
	r.answer.WriteHeader()
}

// addMapped adds XOR-MAPPED-ADDRESS (RFC 8489, section 14.2).
func (r *Responder) addMapped(from netip.AddrPort) {
	var value [4 + 16]byte
	const v4, v6 = 1, 2
	var mask [16]byte
	binary.BigEndian.PutUint32(mask[:], magicCookie)
	copy(mask[4:], r.request.TransactionID[:])
	binary.BigEndian.PutUint16(value[2:], from.Port()^magicCookie>>16)
	size := 4
	if ip := from.Addr().Unmap(); ip.Is4() {
		value[1] = v4
		four := ip.As4()
		size += copy(value[4:], four[:])
	} else {
		value[1] = v6
		sixteen := ip.As16()
		size += copy(value[4:], sixteen[:])
	}
	for i := range value[4:size] {
		value[4+i] ^= mask[i]
	}
	r.answer.Add(stun.AttrXORMappedAddress, value[:size])
}

func (r *Responder) seal(dst, password []byte) []byte {
	_ = stun.MessageIntegrity(password).AddTo(&r.answer) // fails only behind a fingerprint
	_ = stun.Fingerprint.AddTo(&r.answer)                // always nil
	return append(dst, r.answer.Raw...)
}
