package srtp

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// usage records what was sealed with each index of one key. It believes nothing that the code says of an index:
// pion opens the packet with the rollover counters around, and only that of the index authenticates it.
type usage struct {
	t          *testing.T
	p          pair
	rtp        map[uint64][32]byte
	rtcp       map[uint32][32]byte
	reused     int
	sealed     int // packets, the first time and again
	sealedRTCP int
}

func (u *usage) sawRTP(sealed []byte, near uint64) {
	u.t.Helper()
	for _, rollover := range []uint64{near >> 16, near>>16 - 1, near>>16 + 1, 0} {
		u.p.opens.SetROC(privateSSRC, uint32(rollover))
		opened, err := u.p.opens.DecryptRTP(nil, sealed, nil)
		if err != nil {
			continue
		}
		index := rollover<<16 | uint64(binary.BigEndian.Uint16(sealed[2:]))
		hash := sha256.Sum256(opened)
		if before, known := u.rtp[index]; known && before != hash {
			u.reused++
		}
		u.rtp[index] = hash
		u.sealed++
		return
	}
	u.t.Fatalf("pion does not open what was sealed near index %d", near)
}

func (u *usage) sawRTCP(sealed []byte) {
	u.t.Helper()
	opened, err := u.p.opens.DecryptRTCP(nil, sealed, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	word := sealed[len(sealed)-4:]
	if u.tag() == TagBytes {
		word = sealed[len(sealed)-rtcpIndexBytes-TagBytes:]
	}
	index, hash := binary.BigEndian.Uint32(word), sha256.Sum256(opened)
	if before, known := u.rtcp[index]; known && before != hash {
		u.reused++
	}
	u.rtcp[index] = hash
	u.sealedRTCP++
}

// step is one thing that a careless caller may do.
func (u *usage) step(rng *rand.Rand, next *Origin, size int) {
	switch rng.IntN(10) {
	case 0: // a report, each another
		report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC, Packets: rng.Uint32()}, "someone")
		if sealed, err := u.p.SealRTCP(nil, report); err == nil {
			u.sawRTCP(sealed)
		}
	case 1: // a new layout, forth, and back, or far away
		next.Layout = []uint32{next.Layout + 1, next.Layout - 1, next.Layout + 7, next.Layout - 300, rng.Uint32()}[rng.IntN(5)]
	case 2: // a frame that is skipped, an old one, or one far away
		next.Frame += []uint64{1, 1, 2, 30, 500, 1<<64 - 1, 1<<64 - 30, 1 << 16, 1 << 32, 1 << 63}[rng.IntN(10)]
		next.Packet = 0
	case 3, 4, 5: // the next packets
		n := 1 + rng.IntN(8)
		index := u.p.Next()
		if sealed, err := u.p.SealRun(nil, plainRun(*next, n, size), size, *next); err == nil {
			for i := uint64(0); len(sealed) > 0; i++ {
				one := sealed[:min(size+u.tag(), len(sealed))]
				sealed = sealed[len(one):]
				u.sawRTP(one, index+i)
			}
			next.Packet += uint32(n)
		}
		if next.Packet > 12 {
			next.Frame, next.Packet = next.Frame+1, 0
		}
	default:
		for range 8 {
			u.reseal(rng, size)
		}
	}
}

func (u *usage) tag() int { return u.p.keys.tagBytes() }

// reseal seals a packet again: the one that it was made of, or another one.
func (u *usage) reseal(rng *rand.Rand, size int) {
	index, o, ok := u.p.Origin(uint16(u.p.Next()) - 1 - uint16(rng.IntN(50+500*rng.IntN(2))))
	if !ok {
		index = rng.Uint64N(1 << 20)
	}
	switch bytesOf, length := o, size-10*rng.IntN(2); rng.IntN(9) {
	case 0:
		o.Frame += []uint64{1, 1<<64 - 1, 1 << 16, 1 << 32, 1 << 48}[rng.IntN(5)]
	case 1:
		o.Packet += []uint32{1, 1<<32 - 1, 1 << 16}[rng.IntN(3)]
	case 2:
		o.Layout += []uint32{1, 1<<32 - 1, 1 << 16}[rng.IntN(3)]
	case 3:
		index += []uint64{1, 1 << 16, 1<<64 - 1<<16, 1 << 48}[rng.IntN(4)]
	case 4: // other bytes are said to be of this origin
		bytesOf.Frame++
		fallthrough
	default:
		if sealed, err := u.p.Reseal(nil, plain(bytesOf, length), index, o); err == nil {
			u.sawRTP(sealed, index)
		}
		return
	}
	if sealed, err := u.p.Reseal(nil, plain(o, size-10*rng.IntN(2)), index, o); err == nil {
		u.sawRTP(sealed, index)
	}
}

// TestPrivateNeverReuses has a key never seal two different packets with one index, nor two of RTCP, whatever
// is asked for: runs over wraps, packets again, by other origins, with other bytes, of other layouts.
func TestPrivateNeverReuses(t *testing.T) {
	sealed, indexes, reports := 0, 0, 0
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		u := &usage{t: t, p: newPair(t, rng, profiles[seed%2], rng.Uint64N(1<<15)), rtp: map[uint64][32]byte{}, rtcp: map[uint32][32]byte{}}
		switch rng.IntN(4) {
		case 0: // it wraps soon
			u.p.next = rng.Uint64N(8)<<16 + 1<<16 - 1 - rng.Uint64N(500)
		case 1:
			u.p.next = maxIndex - rng.Uint64N(500)
			u.p.nextRTCP = maxRTCPIndex - rng.Uint32N(10)
		}
		next, size := Origin{Frame: rng.Uint64N(1000)}, 40+rng.IntN(60)
		for range 150 {
			u.step(rng, &next, size)
		}
		if u.reused > 0 {
			t.Errorf("seed %d: %d of %d packets were sealed with an index of another", seed, u.reused, u.sealed)
		}
		sealed, indexes, reports = sealed+u.sealed, indexes+len(u.rtp), reports+u.sealedRTCP
	}
	t.Logf("%d packets sealed, %d of them again; %d reports", sealed, sealed-indexes, reports)
	if indexes < 10_000 || sealed-indexes < 1000 || reports < 1000 {
		t.Errorf("%d packets were sealed, %d again, and %d reports: too few to tell", indexes, sealed-indexes, reports)
	}
}

// TestUsageSeesReuse has the record see what must not be: two Privates of one key.
func TestUsageSeesReuse(t *testing.T) {
	for _, profile := range profiles {
		u := &usage{t: t, rtp: map[uint64][32]byte{}, rtcp: map[uint32][32]byte{}}
		for i := range uint32(2) {
			u.p = newPair(t, rand.New(rand.NewPCG(7, 7)), profile, 100)
			sealed, err := u.p.SealRun(nil, plain(Origin{Layout: i}, 50), 50, Origin{Layout: i})
			if err != nil {
				t.Fatal(err)
			}
			u.sawRTP(sealed, 100)
			sealed, err = u.p.SealRTCP(nil, rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC, Packets: i}, "x"))
			if err != nil {
				t.Fatal(err)
			}
			u.sawRTCP(sealed)
		}
		if u.reused != 2 {
			t.Errorf("profile %d: %d packets were seen to share an index, want 2", profile, u.reused)
		}
	}
}
