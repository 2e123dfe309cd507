package stun_test

import (
	"encoding/binary"
	"testing"

	own "github.com/camcast/camcast/proto/stun"
	"github.com/pion/stun/v3"
)

// datagram is a binding request of these attributes, each padded but for the last one.
func datagram(attributes ...raw) []byte {
	p := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}
	p = append(p, make([]byte, 12)...)
	for i, a := range attributes {
		p = binary.BigEndian.AppendUint16(p, uint16(a.kind))
		p = binary.BigEndian.AppendUint16(p, uint16(len(a.value)))
		p = append(p, a.value...)
		for i < len(attributes)-1 && len(p)%4 != 0 {
			p = append(p, 0)
		}
	}
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)-20))
	return p
}

// TestFragment says whom a datagram names. It may come from anybody, and is not checked yet.
func TestFragment(t *testing.T) {
	name := func(text string) raw { return raw{stun.AttrUsername, []byte(text)} }
	change := func(at int, to byte) []byte {
		p := datagram(name("ours:theirs"))
		p[at] = to
		return p
	}
	long := datagram(name("ours:theirs"))
	cut := datagram(raw{0x8022, make([]byte, 4)})[:24]
	cut[3] = 4
	for what, c := range map[string]struct {
		datagram []byte
		want     string
		ok       bool
	}{
		"a name, at the end":                {datagram(name("ours:theirs")), "ours", true},
		"a name that needs no padding":      {datagram(name("abcd:efg")), "abcd", true},
		"behind three bytes":                {datagram(raw{0x8022, []byte("xyz")}, name("ours:theirs")), "ours", true},
		"behind four bytes":                 {datagram(raw{0x8022, []byte("wxyz")}, name("ours:theirs")), "ours", true},
		"behind nothing":                    {datagram(raw{stun.AttrUseCandidate, nil}, name("ours:theirs")), "ours", true},
		"before others":                     {datagram(name("ours:theirs"), useCandidate, controlled), "ours", true},
		"the first of two":                  {datagram(name("one:x"), name("two:x")), "one", true},
		"one letter":                        {datagram(name("o:")), "o", true},
		"more colons":                       {datagram(name("o:u:r")), "o", true},
		"nothing before the colon":          {datagram(name(":theirs")), "", false},
		"no colon":                          {datagram(name("ours")), "", false},
		"empty":                             {datagram(name("")), "", false},
		"no colon, and then another":        {datagram(name("ours"), name("ours:theirs")), "", false},
		"nobody":                            {datagram(useCandidate, controlled), "", false},
		"no attribute":                      {datagram(), "", false},
		"a last one without padding":        {datagram(raw{0x8022, []byte("xyz")}), "", false},
		"a name longer than the rest":       {change(23, 12), "", false},
		"an answer":                         {change(0, 1), "", false},
		"another method":                    {change(1, 2), "", false},
		"another length":                    {change(3, 16), "", false},
		"more behind it":                    {append(long, 0), "", false},
		"another cookie":                    {change(7, 0x43), "", false},
		"half a header":                     {long[:19], "", false},
		"half an attribute's header":        {append(datagram()[:3], append([]byte{2}, append(datagram()[4:], 0, 6)...)...), "", false},
		"an attribute longer than the rest": {cut, "", false},
		"nothing":                           {nil, "", false},
	} {
		if got, ok := own.Fragment(c.datagram); string(got) != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v", what, got, ok)
		}
	}
}

// TestNoAttributes has a request come without any attribute, and one whose fingerprint is not the last one.
func TestNoAttributes(t *testing.T) {
	var r own.Responder
	if _, err := r.Check(datagram(), password); err != own.ErrFingerprint {
		t.Errorf("no attribute: %v", err)
	}
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(string(password)), stun.Fingerprint, controlled)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Check(m.Raw, password); err != own.ErrFingerprint {
		t.Errorf("something behind the fingerprint: %v", err)
	}
}
