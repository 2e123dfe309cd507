// Package stun reads and answers the STUN binding requests by which browsers find a way to a server, and say that they still
// want what it sends (RFC 8489; ICE: RFC 8445; consent: RFC 7675). The server is an ICE lite agent: it answers, and
// sends no requests of its own. Messages are read and written by github.com/pion/stun.
//
// Fragment says whose session a datagram may belong to. Responder.Check then says whether it proves that session's password, and
// Responder.AppendSuccess answers it.
package stun

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/pion/stun/v3"
)

// Where protocols share a port, the first byte of a datagram of STUN is FirstByte to LastByte (RFC 7983).
const FirstByte, LastByte = 0, 3

const (
	headerBytes    = 20
	bindingRequest = 1 // the type of message
	magicCookie    = 0x2112a442
	username       = 6 // the type of attribute
	// codeBytes is the room behind a message in which its HMAC is computed, and answerBytes that of an answer and its HMAC.
	codeBytes   = 20
	answerBytes = 160
)

// Fragment returns the server's user name fragment in a binding request: what stands before the colon in USERNAME (RFC 8445,
// section 7.2.2). The server finds the session and its password by it. ours is a part of the datagram. ok is false if the
// datagram is no binding request, or has no such fragment. Nothing is proved yet. Fragment allocates nothing.
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

// Responder checks requests and answers them. It keeps the newest request. Its zero value is ready. It belongs to one goroutine,
// and allocates nothing once it has answered a request.
type Responder struct {
	request, answer stun.Message
	unknown         stun.UnknownAttributes // of the request
}

// The errors of requests. AppendUnknown answers ErrUnknown; requests with the others get no answer.
var (
	ErrFingerprint = errors.New("stun: FINGERPRINT is wrong, or not the last attribute")
	ErrIntegrity   = errors.New("stun: MESSAGE-INTEGRITY is wrong, or there is none: another password is needed")
	ErrUnknown     = errors.New("stun: an attribute is not known, and must be understood")
	errNoRequest   = errors.New("stun: no binding request")
)

// maxUnknown is how many attributes that are not known an answer names.
const maxUnknown = 8

// Check checks that a binding request is whole and proves the server's password. The error says what is wrong with it: unless it is
// ErrUnknown, nothing must be sent then to where it came from. conflict reports that the peer takes itself for the controlled
// agent, as which an ICE lite agent acts. AppendConflict answers such a request, and AppendSuccess any other. Which addresses the
// peer has nominated (USE-CANDIDATE) is not reported: the server sees it by what comes from there. The datagram is copied.
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
		case stun.AttrMessageIntegrity: // the attributes behind it are not proved, so they do not count
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

// AppendSuccess appends the success response to the request that was checked last to dst, with the address that it came from,
// sealed with the password.
func (r *Responder) AppendSuccess(dst []byte, from netip.AddrPort, password []byte) []byte {
	r.begin(stun.BindingSuccess)
	r.addMapped(from)
	return r.seal(dst, password)
}

// AppendConflict appends the error response 487 (Role Conflict) to the request that was checked last to dst, sealed with the
// password: the peer must be the controlling agent.
func (r *Responder) AppendConflict(dst []byte, password []byte) []byte {
	r.begin(stun.BindingError)
	_ = stun.CodeRoleConflict.AddTo(&r.answer) // the error would say that the code has no reason phrase
	return r.seal(dst, password)
}

// AppendUnknown appends the error response 420 (Unknown Attribute) to the request that was checked last to dst, sealed with the
// password. It names the attributes.
func (r *Responder) AppendUnknown(dst, password []byte) []byte {
	r.begin(stun.BindingError)
	_ = stun.CodeUnknownAttribute.AddTo(&r.answer) // the error would say that the code has no reason phrase
	_ = r.unknown.AddTo(&r.answer)                 // always nil
	return r.seal(dst, password)
}

// begin begins an answer to the request.
func (r *Responder) begin(t stun.MessageType) {
	r.answer.Reset()
	r.answer.Raw = slices.Grow(r.answer.Raw, answerBytes)
	r.answer.TransactionID = r.request.TransactionID
	r.answer.Type = t
	r.answer.WriteHeader()
}

// addMapped adds XOR-MAPPED-ADDRESS (RFC 8489, section 14.2).
func (r *Responder) addMapped(from netip.AddrPort) {
	const v4, v6 = 1, 2 // the address families
	var value [4 + 16]byte
	head, address := value[:4], value[4:]
	if ip := from.Addr().Unmap(); ip.Is4() {
		head[1] = v4
		p := ip.As4()
		address = address[:copy(address, p[:])]
	} else {
		head[1] = v6
		p := ip.As16()
		copy(address, p[:])
	}
	binary.BigEndian.PutUint16(head[2:], from.Port()^magicCookie>>16)
	var mask [16]byte
	binary.BigEndian.PutUint32(mask[:], magicCookie)
	copy(mask[4:], r.request.TransactionID[:])
	subtle.XORBytes(address, address, mask[:])
	r.answer.Add(stun.AttrXORMappedAddress, value[:len(head)+len(address)])
}

// seal appends the answer to dst, with MESSAGE-INTEGRITY by the password, and FINGERPRINT.
func (r *Responder) seal(dst, password []byte) []byte {
	_ = stun.MessageIntegrity(password).AddTo(&r.answer) // fails only behind a fingerprint
	_ = stun.Fingerprint.AddTo(&r.answer)                // always nil
	return append(dst, r.answer.Raw...)
}
