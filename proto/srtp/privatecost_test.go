package srtp

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// TestPrivateAllocations has a packet be sealed, sealed again and reported of without an allocation.
func TestPrivateAllocations(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(24, 1)), profile, 0)
		run, report := plainRun(Origin{}, 7, 1200), rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC}, "x")
		dst, frame := make([]byte, 0, 10_000), uint64(0)
		if n := testing.AllocsPerRun(1000, func() {
			index := p.Next()
			if _, err := p.SealRun(dst, run, 1200, Origin{Frame: frame}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Reseal(dst, run[1200:2400], index+1, Origin{Frame: frame, Packet: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.SealRTCP(dst, report); err != nil {
				t.Fatal(err)
			}
			if _, err := p.OpenRTCP(dst, report); err == nil {
				t.Fatal("plain RTCP was opened")
			}
			frame++
		}); n > 0 {
			t.Errorf("profile %d: %v allocations", profile, n)
		}
	}
}

// TestPrivateMemory says what a receiver takes when it has been sent something and has reported.
func TestPrivateMemory(t *testing.T) {
	const count = 1000
	for profile, most := range map[Profile]uint64{AEADAES128GCM: 4 << 10, AES128CMHMACSHA1: 7 << 10} {
		all := make([]*Private, count)
		run := plainRun(Origin{}, 7, 100)
		report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9}, "c")
		dst := make([]byte, 0, 2000)
		before := heapBytes()
		for i := range all {
			var key [KeyBytes]byte
			ours := key[:profile.KeyBytes()]
			p, err := NewPrivate(profile, ours, ours, 9, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = p.SealRun(dst, run, 100, Origin{}); err != nil {
				t.Fatal(err)
			}
			if sealed, err := p.SealRTCP(dst, report); err != nil {
				t.Fatal(err)
			} else if _, err = p.OpenRTCP(nil, sealed); err != nil {
				t.Fatal(err)
			}
			all[i] = p
		}
		each := (heapBytes() - before) / count
		t.Logf("profile %d: %d bytes a receiver", profile, each)
		if each > most {
			t.Errorf("profile %d: a receiver has %d bytes, want at most %d", profile, each, most)
		}
		runtime.KeepAlive(all)
	}
}

func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSealRun seals a frame of 7 packets of 1200 bytes for one receiver.
func BenchmarkSealRun(b *testing.B) {
	for _, profile := range profiles {
		b.Run(fmt.Sprintf("profile=%d", profile), func(b *testing.B) {
			p := newPair(b, rand.New(rand.NewPCG(25, 1)), profile, 0)
			run, dst := plainRun(Origin{}, 7, 1200), make([]byte, 0, 10_000)
			b.SetBytes(int64(len(run)))
			b.ReportAllocs()
			for frame := uint64(0); b.Loop(); frame++ {
				if _, err := p.SealRun(dst, run[:1200*min(7, p.BeforeWrap())-10], 1200, Origin{Frame: frame}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
