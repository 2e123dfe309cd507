package srtp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/mikey"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestOffer has gortsplib's parser find in an offer what is in it.
func TestOffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	o := NewSealer(seeded(rng), 0xa1b2c3d4).Offer(77)
	text, err := o.MIKEY(noon, seeded(rng))
	if err != nil {
		t.Fatal(err)
	}
	var m mikey.Message
	if err := m.Unmarshal(text); err != nil {
		t.Fatal(err)
	}
	if e := m.Header.CSIDMapInfo; len(e) != 1 || e[0].SSRC != 0xa1b2c3d4 || e[0].ROC != 77 || e[0].PolicyNo != 0 {
		t.Errorf("the map is %v", e)
	}
	if key := m.Payloads[3].(*mikey.PayloadKEMAC).SubPayloads[0].KeyData; !bytes.Equal(key, o.Key[:]) {
		t.Error("the key is another")
	}
	if seconds := m.Payloads[0].(*mikey.PayloadT).TSValue >> 32; seconds-2208988800 != uint64(noon.Unix()) {
		t.Errorf("the time is %d", seconds)
	}
	if p, err := ParseMIKEY(text); err != nil || p.Key != o.Key || p.MKI != nil {
		t.Errorf("%v, %v", p.MKI, err)
	}
}

// peerMessage is a message as GStreamer's rtspsrc sends it, with further policy parameters and keys.
func peerMessage(t testing.TB, params []mikey.PayloadSPPolicyParam, keys ...*mikey.SubPayloadKeyData) []byte {
	t.Helper()
	if params == nil {
		params = []mikey.PayloadSPPolicyParam{
			{Type: 0, Value: []byte{1}}, {Type: 1, Value: []byte{16}}, {Type: 2, Value: []byte{1}}, {Type: 3, Value: []byte{10}},
			{Type: 7, Value: []byte{1}}, {Type: 8, Value: []byte{1}}, {Type: 10, Value: []byte{1}},
		}
	}
	text, err := mikey.Message{
		Header: mikey.Header{Version: 1, CSIDMapInfo: []mikey.SRTPIDEntry{{SSRC: 5}}},
		Payloads: []mikey.Payload{
			&mikey.PayloadT{TSValue: 1}, &mikey.PayloadRAND{Data: make([]byte, 16)},
			&mikey.PayloadSP{PolicyParams: params}, &mikey.PayloadKEMAC{SubPayloads: keys},
		},
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func keyData(n int, mki []byte) *mikey.SubPayloadKeyData {
	k := &mikey.SubPayloadKeyData{Type: mikey.SubPayloadKeyDataTypeTEK, KeyData: bytes.Repeat([]byte{0xcd}, n), SPI: mki}
	if mki != nil {
		k.KV = mikey.SubPayloadKeyDataKVSPI
	}
	return k
}

// TestPeers says which messages of readers are taken. No error tells of the key.
func TestPeers(t *testing.T) {
	policy := func(kind, value byte) []mikey.PayloadSPPolicyParam {
		return []mikey.PayloadSPPolicyParam{{Type: mikey.PayloadSPPolicyParamType(kind), Value: []byte{value}}}
	}
	good := keyData(KeyBytes, nil)
	for name, c := range map[string]struct {
		message []byte
		ok      bool
	}{
		"as GStreamer":          {peerMessage(t, nil, good), true},
		"a named key":           {peerMessage(t, nil, keyData(KeyBytes, []byte{1, 2, 3, 4})), true},
		"the longest name":      {peerMessage(t, nil, keyData(KeyBytes, make([]byte, maxMKIBytes))), true},
		"a longer name":         {peerMessage(t, nil, keyData(KeyBytes, make([]byte, maxMKIBytes+1))), false},
		"no policy parameter":   {peerMessage(t, []mikey.PayloadSPPolicyParam{}, good), true},
		"RTCP not enciphered":   {peerMessage(t, policy(8, 0), good), true},
		"empty":                 {nil, false},
		"very long":             {append(peerMessage(t, nil, good), make([]byte, maxMessageBytes)...), false},
		"no key":                {peerMessage(t, nil), false},
		"two keys":              {peerMessage(t, nil, good, good), false},
		"no salt":               {peerMessage(t, nil, keyData(16, nil)), false},
		"a key of AES-256":      {peerMessage(t, nil, keyData(46, nil)), false},
		"a long name":           {peerMessage(t, nil, keyData(KeyBytes, make([]byte, 33))), false},
		"AES-GCM":               {peerMessage(t, policy(0, 6), good), false},
		"AES-256":               {peerMessage(t, policy(1, 32), good), false},
		"no authentication":     {peerMessage(t, policy(10, 0), good), false},
		"no code":               {peerMessage(t, policy(2, 0), good), false},
		"GStreamer's short tag": {peerMessage(t, policy(3, 4), good), false},
		"a short tag":           {peerMessage(t, policy(11, 4), good), false},
		"keys that change":      {peerMessage(t, policy(6, 1), good), false},
		"an empty parameter":    {peerMessage(t, []mikey.PayloadSPPolicyParam{{Type: 0}}, good), false},
		"cut":                   {peerMessage(t, nil, good)[:60], false},
	} {
		p, err := ParseMIKEY(c.message)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if c.ok && p.Key != Key(good.KeyData) || !c.ok && p.Key != (Key{}) {
			t.Errorf("%s: another key", name)
		}
		if err != nil && bytes.Contains([]byte(err.Error()), []byte("205 205")) {
			t.Errorf("%s: the error has the key: %v", name, err)
		}
	}
}

// FuzzMIKEY has no message do harm, and what is taken have a key of the message.
func FuzzMIKEY(f *testing.F) {
	good := keyData(KeyBytes, []byte{1, 2, 3, 4})
	f.Add(peerMessage(f, nil, good))
	f.Add(peerMessage(f, nil, good, good))
	f.Add(peerMessage(f, []mikey.PayloadSPPolicyParam{}, keyData(0, nil)))
	f.Fuzz(func(t *testing.T, message []byte) {
		p, err := ParseMIKEY(message)
		if err == nil && (!bytes.Contains(message, p.Key[:]) || !bytes.Contains(message, p.MKI) || len(p.MKI) > maxMKIBytes) {
			t.Errorf("the key is not of the message")
		}
	})
}

// FuzzOpenRTCP has nothing be opened but what was sealed with the key, and that only once.
func FuzzOpenRTCP(f *testing.F) {
	var k Key
	sealed, err := newSealer(k, 1).SealRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, []byte(nil))
	f.Add(sealed[:20], []byte{1})
	f.Add([]byte{}, []byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, p, mki []byte) {
		for _, key := range []Key{k, {1}} {
			o := newOpener(Peer{Key: key, MKI: mki})
			dst, err := o.OpenRTCP(nil, p)
			if err != nil && dst != nil {
				t.Error("something was appended")
			}
			if err == nil && key != k {
				t.Error("a packet is sealed with two keys")
			}
			if err == nil {
				if _, err := o.OpenRTCP(nil, p); err == nil {
					t.Error("a packet was opened twice")
				}
			}
		}
	})
}
