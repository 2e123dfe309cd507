package stun_test

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	own "github.com/camcast/camcast/proto/stun"
	"github.com/pion/stun/v3"
)

var password = []byte("rDkN1kqzlKmWcqjFdS8bqQxN")

// request is a binding request as another implementation makes it.
func request(t testing.TB, password []byte, setters ...stun.Setter) []byte {
	t.Helper()
	all := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs")}
	all = append(all, setters...)
	all = append(all, stun.NewShortTermIntegrity(string(password)), stun.Fingerprint)
	m, err := stun.Build(all...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// raw is an attribute.
type raw struct {
	kind  stun.AttrType
	value []byte
}

func (r raw) AddTo(m *stun.Message) error {
	m.Add(r.kind, r.value)
	return nil
}

var useCandidate, controlled = raw{stun.AttrUseCandidate, nil}, raw{stun.AttrICEControlled, make([]byte, 8)}

// TestAnswers has requests be answered, and reads the answers by another implementation.
func TestAnswers(t *testing.T) {
	var r own.Responder
	for _, from := range []string{"192.0.2.7:50000", "[2001:db8::7]:50000", "[::ffff:192.0.2.7]:50000"} {
		from := netip.MustParseAddrPort(from)
		p := request(t, password, raw{stun.AttrPriority, make([]byte, 4)}, raw{stun.AttrICEControlling, make([]byte, 8)}, useCandidate, raw{0xc057, make([]byte, 4)})
		if ours, ok := own.Fragment(p); !ok || string(ours) != "ours" {
			t.Fatalf("fragment %q, %v", ours, ok)
		}
		if conflict, err := r.Check(p, password); err != nil || conflict {
			t.Fatalf("%v, %v", conflict, err)
		}
		m := &stun.Message{Raw: r.AppendSuccess([]byte("before"), from, password)[len("before"):]}
		var mapped stun.XORMappedAddress
		if err := m.Decode(); err != nil || m.Type != stun.BindingSuccess || !bytes.Equal(m.TransactionID[:], p[8:20]) {
			t.Fatalf("%v, %v", m, err)
		}
		if err := stun.NewShortTermIntegrity(string(password)).Check(m); err != nil {
			t.Error(err)
		}
		if err := stun.Fingerprint.Check(m); err != nil {
			t.Error(err)
		}
		if err := mapped.GetFrom(m); err != nil || !mapped.IP.Equal(net.IP(from.Addr().AsSlice())) || mapped.Port != int(from.Port()) {
			t.Errorf("%v says %v, %v", from, mapped, err)
		}
		if ip := from.Addr().Unmap(); (len(mapped.IP) == net.IPv4len) != ip.Is4() {
			t.Errorf("%v is not unmapped", from)
		}
	}
}

// TestConflict has a peer believe that the server chooses.
func TestConflict(t *testing.T) {
	var r own.Responder
	if conflict, err := r.Check(request(t, password, controlled), password); err != nil || !conflict {
		t.Fatalf("%v, %v", conflict, err)
	}
	m := &stun.Message{Raw: r.AppendConflict(nil, password)}
	var code stun.ErrorCodeAttribute
	if err := m.Decode(); err != nil || m.Type != stun.BindingError || code.GetFrom(m) != nil || code.Code != stun.CodeRoleConflict ||
		stun.NewShortTermIntegrity(string(password)).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
		t.Errorf("%v: %v, %v", m, code, err)
	}
}

// TestUnknown has attributes come that must be understood and are not known: the answer names them (RFC 8489, section 6.3.1).
func TestUnknown(t *testing.T) {
	var r own.Responder
	if _, err := r.Check(request(t, password, raw{0x7f00, nil}, useCandidate, raw{0xff00, nil}, raw{0x7f01, []byte{1}}), password); err != own.ErrUnknown {
		t.Fatal(err)
	}
	m := &stun.Message{Raw: r.AppendUnknown(nil, password)}
	var code stun.ErrorCodeAttribute
	var unknown stun.UnknownAttributes
	if err := m.Decode(); err != nil || m.Type != stun.BindingError || code.GetFrom(m) != nil || code.Code != stun.CodeUnknownAttribute ||
		unknown.GetFrom(m) != nil || !slices.Equal(unknown, stun.UnknownAttributes{0x7f00, 0x7f01}) ||
		stun.NewShortTermIntegrity(string(password)).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
		t.Errorf("%v: %v, %v", m, code, unknown)
	}
	if _, err := r.Check(request(t, []byte("another"), raw{0x7f00, nil}), password); err != own.ErrIntegrity {
		t.Errorf("another password: %v", err)
	}
}

// TestForged has each byte of a request be another one, and parts be missing.
func TestForged(t *testing.T) {
	var r own.Responder
	whole := request(t, password, useCandidate)
	if _, err := r.Check(whole, []byte("another")); err == nil || !strings.Contains(err.Error(), "another password") {
		t.Errorf("another password: %v", err)
	}
	for i := range whole {
		p := bytes.Clone(whole)
		p[i] ^= 1
		if _, err := r.Check(p, password); err == nil {
			t.Errorf("byte %d is another one, and it is taken", i)
		}
	}
	for i := range whole {
		if _, err := r.Check(whole[:i], password); err == nil {
			t.Errorf("the first %d bytes are taken", i)
		}
	}
	for name, setters := range map[string][]stun.Setter{
		"no fingerprint": {stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(string(password))},
		"no integrity":   {stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.Fingerprint},
		"an answer":      {stun.TransactionID, stun.BindingSuccess, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(string(password)), stun.Fingerprint},
		"unknown":        {stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), raw{0x7f00, nil}, stun.NewShortTermIntegrity(string(password)), stun.Fingerprint},
	} {
		m, err := stun.Build(setters...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Check(m.Raw, password); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// TestBehindTheSeal has somebody on the way add to a request what changes its meaning.
func TestBehindTheSeal(t *testing.T) {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(string(password)), useCandidate, controlled, stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	var r own.Responder
	if conflict, err := r.Check(m.Raw, password); err != nil || conflict {
		t.Errorf("%v, %v", conflict, err)
	}
}

// FuzzCheck has any bytes come. What is taken proves the password.
func FuzzCheck(f *testing.F) {
	f.Add(request(f, password, useCandidate, controlled))
	f.Add(request(f, password))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	f.Fuzz(func(t *testing.T, p []byte) {
		var r own.Responder
		before := bytes.Clone(p)
		_, _ = own.Fragment(p)
		_, err := r.Check(p, password)
		if err == nil {
			if m := (&stun.Message{Raw: bytes.Clone(p)}); m.Decode() != nil || stun.NewShortTermIntegrity(string(password)).Check(m) != nil {
				t.Error("it is taken, and proves nothing")
			}
			_ = r.AppendSuccess(nil, netip.AddrPort{}, password)
		}
		if !bytes.Equal(p, before) {
			t.Error("the datagram has changed")
		}
	})
}
