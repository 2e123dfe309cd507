package srtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/srtp/v3"
)

var profiles = []Profile{AEADAES128GCM, AES128CMHMACSHA1}

const privateSSRC = 0xa1b2c3d4

// pair is a Private and pion's two contexts at the receiver.
type pair struct {
	*Private
	opens, seals *pion.Context
}

// newPair makes both ends with keys from rng. A Private's first index is below 2^15.
func newPair(t testing.TB, rng *rand.Rand, profile Profile, first uint64) pair {
	t.Helper()
	ours, theirs := make([]byte, profile.KeyBytes()), make([]byte, profile.KeyBytes())
	seeded(rng)(ours)
	seeded(rng)(theirs)
	p, err := NewPrivate(profile, ours, theirs, privateSSRC, first)
	if err != nil {
		t.Fatal(err)
	}
	opens, err := pion.CreateContext(ours[:16], ours[16:], pion.ProtectionProfile(profile))
	if err != nil {
		t.Fatal(err)
	}
	seals, err := pion.CreateContext(theirs[:16], theirs[16:], pion.ProtectionProfile(profile))
	if err != nil {
		t.Fatal(err)
	}
	return pair{p, opens, seals}
}

// plain is the packet of an origin: the same for the same one, and another one for another. Some have an
// extension.
func plain(o Origin, bytes int) []byte {
	rng := rand.New(rand.NewPCG(o.Frame, uint64(o.Layout)<<32|uint64(o.Packet)))
	p := packet(rng, bytes-rtpHeaderBytes)
	if o.Layout%2 == 1 {
		p[0] = 0x90
		copy(p[12:], []byte{0xbe, 0xde, 0, 1, 0x50, 7, 0, 0})
	}
	return p
}

// plainRun is a run of packets, the last one shorter.
func plainRun(o Origin, packets, bytes int) (run []byte) {
	for range packets - 1 {
		run = append(run, plain(o, bytes)...)
		o.Packet++
	}
	return append(run, plain(o, bytes-10)...)
}

// TestPrivatePion has pion open what a Private seals, over two rollovers, and the same again; nothing else changes.
func TestPrivatePion(t *testing.T) {
	for _, profile := range profiles {
		rng := rand.New(rand.NewPCG(21, uint64(profile)))
		p := newPair(t, rng, profile, 1<<15-1)
		for frame := uint64(0); p.Next() < 3<<16-4000; frame++ {
			if rng.IntN(2) == 0 {
				p.next += rng.Uint64N(3000) // the window does not know of these
			}
			size, n := 60+rng.IntN(100), min(1+rng.IntN(20), p.BeforeWrap())
			o, index := Origin{Frame: frame, Layout: uint32(frame / 100)}, p.Next()
			run := plainRun(o, n, size)
			kept := bytes.Clone(run)
			sealed, err := p.SealRun([]byte("before"), run, size, o)
			if err != nil || string(sealed[:6]) != "before" || len(sealed) != 6+len(run)+n*profile.TagBytes() || !bytes.Equal(run, kept) {
				t.Fatalf("%v, %d bytes of %d packets of %d", err, len(sealed), n, len(run))
			}
			for i, rest := uint64(0), sealed[6:]; len(rest) > 0; i++ {
				one := rest[:min(size+profile.TagBytes(), len(rest))]
				rest = rest[len(one):]
				want := run[i*uint64(size):][:len(one)-profile.TagBytes()]
				again, err := p.Reseal(nil, want, index+i, Origin{frame, uint32(i), o.Layout})
				if err != nil || !bytes.Equal(again, one) {
					t.Fatalf("index %d again: %v, %d bytes", index+i, err, len(again))
				}
				binary.BigEndian.PutUint16(want[2:], uint16(index+i))
				binary.BigEndian.PutUint32(want[8:], privateSSRC)
				if got, err := p.opens.DecryptRTP(nil, one, nil); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("profile %d, index %d: %v", profile, index+i, err)
				}
			}
		}
		if roc, _ := p.opens.ROC(privateSSRC); roc != 2 {
			t.Errorf("the rollover counter is %d", roc)
		}
	}
}

// TestPrivatePionRTCP has pion open our RTCP, and ours open pion's, and no packet twice.
func TestPrivatePionRTCP(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(22, 1)), profile, 0)
		for i := range uint32(300) {
			report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC, Packets: i}, "a@b")
			sealed, err := p.SealRTCP([]byte("x"), report)
			if err != nil || len(sealed) != 1+len(report)+rtcpIndexBytes+p.keys.tagBytes() {
				t.Fatal(len(sealed), err)
			}
			if got, err := p.opens.DecryptRTCP(nil, sealed[1:], nil); err != nil || !bytes.Equal(got, report) {
				t.Fatal(got, err)
			}
			report = rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: privateSSRC, HighestSequence: i}, "c")
			if sealed, err = p.seals.EncryptRTCP(nil, report, nil); err != nil {
				t.Fatal(err)
			}
			if got, err := p.OpenRTCP([]byte("x"), sealed); err != nil || !bytes.Equal(got[1:], report) {
				t.Fatal(got, err)
			}
			if got, err := p.OpenRTCP([]byte("x"), sealed); err == nil || len(got) != 1 {
				t.Fatal("a packet was opened twice")
			}
		}
	}
}

// TestPrivateForged has each changed bit of RTCP refused, and what is cut; then the packet itself still counts.
func TestPrivateForged(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(23, 1)), profile, 0)
		report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: privateSSRC}, "c")
		sealed, err := p.seals.EncryptRTCP(nil, report, nil)
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(sealed) {
			forged := bytes.Clone(sealed)
			forged[bit/8] ^= 1 << (bit % 8)
			if got, err := p.OpenRTCP([]byte{1}, forged); err == nil || len(got) != 1 {
				t.Fatalf("bit %d was changed, and %d bytes opened", bit, len(got))
			}
		}
		for n := range sealed {
			if _, err := p.OpenRTCP(nil, sealed[:n]); err == nil {
				t.Fatalf("the first %d bytes were opened", n)
			}
		}
		if _, err := p.OpenRTCP(nil, sealed); err != nil {
			t.Error(err)
		}
	}
}

// TestGCMVectors is RFC 7714, sections 16.1.1 and 17.1: a packet of each kind under a session key and salt.
func TestGCMVectors(t *testing.T) {
	g, err := newGCM(&Key{}, &Key{})
	if err != nil {
		t.Fatal(err)
	}
	k := &gcmKey{salt: [gcmSaltBytes]byte(unhex(t, "517569642070726f2071756f"))}
	if k.aead, err = gcmOf(unhex(t, "000102030405060708090a0b0c0d0e0f")); err != nil {
		t.Fatal(err)
	}
	g.rtp, g.rtcp, g.theirs = *k, *k, *k
	packet := unhex(t, "8040f17b8041f8d35501a0b2"+"47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573")
	want := unhex(t, "8040f17b8041f8d35501a0b2"+
		"f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce")
	if got := g.sealRTP(nil, packet, 12, 0x5501a0b2, 0xf17b); !bytes.Equal(got, want) {
		t.Errorf("RTP is sealed as %x", got)
	}
	report := unhex(t, "81c8000d4d617273"+"4e5450314e545032525450200000042a0000e9304c756e61"+strings.Repeat("deadbeef", 5))
	want = unhex(t, "81c8000d4d617273"+"63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"+
		"c84aa45896cf4d2fc5abf87245d9eade800005d4")
	if got := g.sealRTCP(nil, report, 0x5d4); !bytes.Equal(got, want) {
		t.Errorf("RTCP is sealed as %x", got)
	}
	if got, err := g.openRTCP(nil, want, &senders{}); err != nil || !bytes.Equal(got, report) {
		t.Errorf("RTCP is opened as %x, %v", got, err)
	}
}

// TestPrivateArguments says which keys and indexes are refused, by an error that has nothing of the keys.
func TestPrivateArguments(t *testing.T) {
	key := bytes.Repeat([]byte{0xcd}, 31)
	for _, c := range []struct {
		profile      Profile
		ours, theirs int
		first        uint64
		ok           bool
	}{
		{AEADAES128GCM, 28, 28, 1<<15 - 1, true}, {AES128CMHMACSHA1, 30, 30, 0, true}, {AEADAES128GCM, 28, 28, 1 << 15, false},
		{AEADAES128GCM, 30, 28, 0, false}, {AEADAES128GCM, 28, 27, 0, false}, {AES128CMHMACSHA1, 28, 30, 0, false},
		{AES128CMHMACSHA1, 30, 31, 0, false}, {0, 0, 0, 0, false}, {2, 30, 30, 0, false}, {8, 28, 28, 0, false},
	} {
		p, err := NewPrivate(c.profile, key[:c.ours], key[:c.theirs], 1, c.first)
		if (err == nil) != c.ok || (p == nil) == c.ok || c.ok && p.Next() != c.first {
			t.Errorf("%v: %v", c, err)
		}
		if err != nil && (strings.Contains(err.Error(), "205") || strings.Contains(err.Error(), "cd")) {
			t.Errorf("the error has the key: %v", err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			if shown := fmt.Sprintf(verb, p); c.ok && shown != "(secret)" {
				t.Errorf("shown as %s", shown)
			}
		}
	}
}
