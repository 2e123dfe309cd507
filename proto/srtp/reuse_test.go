package srtp

import (
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// recorder notes which key stream each packet was enciphered with. It looks at the bytes alone, not at what
// is said of the index: a key stream is what was sealed, XOR what came out.
type recorder struct {
	t       *testing.T
	packets map[[16]byte][32]byte
	reused  int
}

// saw takes a packet as it was and as it came out, both from where it is enciphered on, 16 bytes or more.
func (r *recorder) saw(plain, sealed []byte) {
	var stream [16]byte
	for i := range stream {
		stream[i] = plain[i] ^ sealed[i]
	}
	hash := sha256.Sum256(sealed)
	if before, known := r.packets[stream]; known && before != hash {
		r.reused++
	}
	r.packets[stream] = hash
}

// history seals at random: in order, over rollovers, again with the last index or an old one, with what a
// counter that was read wrongly would give, at the end of all indexes; and RTCP between.
func history(rng *rand.Rand, s *Sealer, r *recorder) {
	index := rng.Uint64N(1 << 17) // of the next packet
	if rng.IntN(4) == 0 {
		index = maxIndex - rng.Uint64N(300)
	}
	if rng.IntN(4) == 0 {
		s.nextRTCP = maxRTCPIndex - rng.Uint64N(30)
	}
	for range 500 {
		at := index
		switch rng.IntN(8) {
		case 0:
			report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: s.ssrc, Packets: rng.Uint32()}, "someone")
			if sealed, err := s.SealRTCP(nil, report); err == nil {
				r.saw(report[rtcpHeaderBytes:], sealed[rtcpHeaderBytes:])
			}
			continue
		case 1:
			at -= min(at, rng.Uint64N(5))
		case 2:
			at -= min(at, 1<<16)
		case 3:
			if rng.IntN(50) > 0 {
				continue
			}
			at = rng.Uint64N(1 << 50)
		case 4:
			at += rng.Uint64N(1 << 15)
		}
		if r.seal(rng, s, at) && rng.IntN(4) > 0 { // else it is tried again
			index = at + 1
		}
	}
}

func (r *recorder) seal(rng *rand.Rand, s *Sealer, index uint64) (ok bool) {
	p := packet(rng, 16+rng.IntN(50))
	sealed, err := s.Seal(nil, p, index)
	if err == nil {
		r.saw(p[rtpHeaderBytes:], sealed[rtpHeaderBytes:])
	}
	return err == nil
}

// TestNoKeyStreamTwice has a key never seal two packets with one index, whatever the history.
func TestNoKeyStreamTwice(t *testing.T) {
	packets := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := &recorder{t: t, packets: map[[16]byte][32]byte{}}
		history(rng, NewSealer(seeded(rng), rng.Uint32()), r)
		if packets += len(r.packets); r.reused > 0 {
			t.Errorf("seed %d: %d of %d packets share a key stream", seed, r.reused, len(r.packets))
		}
	}
	if packets < 20_000 {
		t.Errorf("only %d packets were sealed", packets)
	}
}

// TestRecorderSeesReuse has the recorder see what must not be: two Sealers of one key.
func TestRecorderSeesReuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var k Key
	seeded(rng)(k[:])
	r := &recorder{t: t, packets: map[[16]byte][32]byte{}}
	for range 2 {
		s := newSealer(k, 1)
		r.seal(rng, s, 5)
		report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 1, Packets: rng.Uint32()}, "someone")
		sealed, err := s.SealRTCP(nil, report)
		if err != nil {
			t.Fatal(err)
		}
		r.saw(report[rtcpHeaderBytes:], sealed[rtcpHeaderBytes:])
	}
	if r.reused != 2 {
		t.Errorf("%d packets were seen to share a key stream, want 2", r.reused)
	}
}

// TestSealedOnceOnly says what is refused, by index.
func TestSealedOnceOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	s := NewSealer(seeded(rng), 1)
	for _, c := range []struct {
		index uint64
		ok    bool
	}{{0, true}, {0, false}, {2, true}, {1, false}, {2, false}, {65535, true}, {65536, true}, {65535, false},
		{maxIndex + 1, false}, {maxIndex, true}, {maxIndex, false}, {0, false}} {
		dst, err := s.Seal([]byte{1}, packet(rng, 20), c.index)
		if (err == nil) != c.ok || !c.ok && len(dst) != 1 {
			t.Errorf("index %d: %v, %d bytes", c.index, err, len(dst))
		}
	}
	report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 1}, "x")
	s.nextRTCP = maxRTCPIndex
	if _, err := s.SealRTCP(nil, report); err != nil {
		t.Error(err)
	}
	if dst, err := s.SealRTCP(nil, report); err == nil || len(dst) > 0 {
		t.Error("RTCP was sealed with index 2^31")
	}
	if _, err := NewSealer(seeded(rng), 2).SealRTCP(nil, report); err == nil {
		t.Error("RTCP of another SSRC was sealed")
	}
	for _, p := range [][]byte{nil, make([]byte, 12), packet(rng, 0)[:11], {0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, append([]byte{0x90}, make([]byte, 13)...)} {
		if dst, err := NewSealer(seeded(rng), 2).Seal(nil, p, 0); err == nil || len(dst) > 0 {
			t.Errorf("%x was sealed", p)
		}
	}
}
