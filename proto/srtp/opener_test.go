package srtp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// TestForgedAndReplayed has an Opener refuse each changed bit, what came before and what is too old, and
// what it has refused change nothing.
func TestForgedAndReplayed(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	s := NewSealer(seeded(rng), 3)
	o := newOpener(Peer{Key: s.key})
	report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 3}, "x")
	var all [][]byte
	for range 200 {
		sealed, err := s.SealRTCP(nil, report)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sealed)
	}
	open := func(p []byte) bool {
		dst, err := o.OpenRTCP([]byte{1}, p)
		if err != nil && len(dst) != 1 {
			t.Fatalf("%v, and %d bytes", err, len(dst))
		}
		return err == nil && bytes.Equal(dst[1:], report)
	}
	for bit := range 8 * len(all[199]) {
		forged := slices.Clone(all[199])
		forged[bit/8] ^= 1 << (bit % 8)
		if open(forged) {
			t.Fatalf("bit %d", bit)
		}
	}
	for n := range all[0] {
		if open(all[0][:n]) {
			t.Fatalf("the first %d bytes were opened", n)
		}
	}
	seen := map[int]bool{}
	newest := -1
	for range 5000 {
		i := min(rng.IntN(200), newest+3, 199)
		want := !seen[i] && i > newest-windowPackets
		if got := open(all[i]); got != want {
			t.Fatalf("packet %d after %d: %v, want %v", i, newest, got, want)
		}
		seen[i], newest = true, max(newest, i)
	}
}

// TestSSRCsOfAReader has a reader change its SSRC some times, and what it sent by an earlier one not count again.
func TestSSRCsOfAReader(t *testing.T) {
	var k Key
	o := newOpener(Peer{Key: k})
	var first []byte
	for ssrc := range uint32(maxSenders + 1) {
		sealed, err := newSealer(k, ssrc).SealRTCP(nil, rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: ssrc}, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = sealed
		}
		if _, err := o.OpenRTCP(nil, sealed); (err == nil) != (ssrc < maxSenders) {
			t.Errorf("SSRC %d: %v", ssrc, err)
		}
		if ssrc > 0 {
			if _, err := o.OpenRTCP(nil, first); err == nil {
				t.Error("the first packet was taken again")
			}
		}
	}
}

// TestAllocations has sealing and opening allocate nothing for each packet.
func TestAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	s := NewSealer(seeded(rng), 3)
	o := newOpener(Peer{Key: s.key})
	p, report := packet(rng, 1400), rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 3}, "x")
	dst, opened := make([]byte, 0, 2000), make([]byte, 0, 2000)
	index := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		index++
		if _, err := s.Seal(dst, p, index); err != nil {
			t.Fatal(err)
		}
		sealed, err := s.SealRTCP(dst, report)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.OpenRTCP(opened, sealed); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestKeysAreNotShown has no verb and no encoder show a key, nor what holds one.
func TestKeysAreNotShown(t *testing.T) {
	k := Key{0xab, 0xcd}
	for _, secret := range []any{k, &k, newSealer(k, 1), newOpener(Peer{Key: k})} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			if shown := fmt.Sprintf(verb, secret); shown != "(secret)" {
				t.Errorf("%s of %T is %s", verb, secret, shown)
			}
		}
	}
	for _, holder := range []any{Peer{Key: k}, &Offer{Key: k}} {
		inJSON, err := json.Marshal(holder)
		if shown := fmt.Sprintf("%v %+v %#v", holder, holder, holder); err != nil || strings.Count(shown+string(inJSON), "(secret)") != 4 {
			t.Errorf("shown as %s %s, %v", shown, inJSON, err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	rng := rand.New(rand.NewPCG(13, 14))
	s := NewSealer(seeded(rng), 3)
	p, dst := packet(rng, 1430), make([]byte, 0, 2000)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	index := uint64(0)
	for b.Loop() {
		if _, err := s.Seal(dst, p, index); err != nil {
			b.Fatal(err)
		}
		index++
	}
}
