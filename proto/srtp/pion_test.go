package srtp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/srtp/v3"
)

// packet is an RTP packet with a payload of n random bytes.
func packet(rng *rand.Rand, n int) []byte {
	p := make([]byte, rtpHeaderBytes+n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	p[0] = 0x80
	return p
}

func seeded(rng *rand.Rand) func([]byte) {
	return func(p []byte) {
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
	}
}

// context is pion's other end of a key.
func context(t testing.TB, k Key, options ...pion.ContextOption) *pion.Context {
	t.Helper()
	c, err := pion.CreateContext(k[:masterKeyBytes], k[masterKeyBytes:], pion.ProtectionProfileAes128CmHmacSha1_80, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPionOpens has pion open what was sealed: over two rollovers, with headers of all kinds, and from the
// middle on with the rollover counter of that moment.
func TestPionOpens(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := NewSealer(seeded(rng), 0x01020304)
	first := context(t, s.Offer(0).Key)
	first.SetROC(s.SSRC(), 0)
	var late *pion.Context
	for index := uint64(65000); index < 3<<16; index += 1 + rng.Uint64N(100) {
		p := packet(rng, rng.IntN(1500))
		if rng.IntN(4) == 0 { // two contributing sources, and an extension of one word
			p[0] = 0x92
			p = append(append(bytes.Clone(p[:12]), 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 9, 9, 9, 9), p[12:]...)
		}
		plain := bytes.Clone(p)
		sealed, err := s.Seal([]byte("before"), p, index)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, plain) {
			t.Fatal("the packet has changed")
		}
		if sealed = sealed[len("before"):]; len(sealed) != len(p)+TagBytes {
			t.Fatalf("a packet of %d bytes is sealed in %d", len(p), len(sealed))
		}
		if late == nil && index > 100_000 {
			late = context(t, s.Offer(0).Key)
			late.SetROC(s.SSRC(), uint32(index>>16))
		}
		binary.BigEndian.PutUint16(plain[2:], uint16(index))
		binary.BigEndian.PutUint32(plain[8:], s.SSRC())
		for _, c := range []*pion.Context{first, late} {
			if c == nil {
				continue
			}
			if got, err := c.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("index %d: %v, %d bytes", index, err, len(got))
			}
		}
	}
}

// TestPionRTCP has pion open our RTCP, and ours open pion's, with a name of the key and without one.
func TestPionRTCP(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := NewSealer(seeded(rng), 7)
	theirs := context(t, s.Offer(0).Key)
	for i := range 300 {
		p := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 7, Packets: uint32(i)}, "a@b")
		sealed, err := s.SealRTCP(nil, p)
		if err != nil || len(sealed) != len(p)+rtcpIndexBytes+TagBytes {
			t.Fatal(len(sealed), err)
		}
		if got, err := theirs.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, p) {
			t.Fatal(got, err)
		}
	}
	for _, mki := range [][]byte{nil, {1, 2, 3, 4}} {
		peer := Peer{MKI: mki}
		seeded(rng)(peer.Key[:])
		var options []pion.ContextOption
		if mki != nil {
			options = append(options, pion.MasterKeyIndicator(mki))
		}
		reader, opener := context(t, peer.Key, options...), newOpener(peer)
		for i := range 300 {
			p := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: 7, HighestSequence: uint32(i)}, "c")
			sealed, err := reader.EncryptRTCP(nil, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := opener.OpenRTCP([]byte("x"), sealed); err != nil || !bytes.Equal(got[1:], p) {
				t.Fatal(got, err)
			}
		}
	}
}
