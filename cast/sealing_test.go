package cast_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// TestSealedOnce has a stream's key never seal two packets with one key stream, whatever the history: readers
// who come and go, so that the form begins again and again, a frame that is laid out twice, numbers that were
// set back, rollovers. Key streams are seen in the bytes: what was sealed XOR what came out.
func TestSealedOnce(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, seed, withSRTP)
		w.watch("10.0.9.1", false)
		keys := newKeyStreams()
		r := w.sealedAt("10.0.1.1", keys)
		w.run(100 * time.Millisecond)
		cast.SkipSealed(w.s, 1<<16-rng.Uint64N(100))
		refused := 0
		for range 60 {
			switch rng.IntN(5) {
			case 0:
				w.must(r.play())
			case 1:
				r.session.Pause()
			case 2:
				w.run(time.Second / framesPerSecond)
			case 3:
				at := cast.SealedIndex(w.s)
				cast.SkipSealed(w.s, at-min(at, rng.Uint64N(40)))
			}
			plain, sealed, err := cast.LaySealed(w.s, nil)
			if err != nil {
				refused++
				cast.SkipSealed(w.s, cast.SealedIndex(w.s)+50)
				continue
			}
			for i := range plain.Count {
				keys.saw(sealed.Packet(i), plain.Packet(i), rtp.HeaderBytes)
			}
		}
		if keys.reused > 0 || refused == 0 || len(keys.packets) < 300 {
			t.Errorf("seed %d: %d of %d packets share a key stream; %d frames were refused", seed, keys.reused, len(keys.packets), refused)
		}
	}
}

// TestSealedLayout has sealed frames be cut where plain ones are, and laying one out allocate nothing.
func TestSealedLayout(t *testing.T) {
	w := newWorld(t, 1, withSRTP)
	w.watch("10.0.9.1", false)
	w.sealedAt("10.0.1.1", newKeyStreams())
	w.run(time.Second)
	plain, sealed, err := cast.LaySealed(w.s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sealed.Count != plain.Count || sealed.PacketSize != plain.PacketSize+srtp.TagBytes || sealed.Runs() != plain.Runs() ||
		len(sealed.Bytes) != len(plain.Bytes)+plain.Count*srtp.TagBytes {
		t.Errorf("%d packets of %d bytes, %d in all; plain: %d of %d, %d", sealed.Count, sealed.PacketSize, len(sealed.Bytes), plain.Count, plain.PacketSize, len(plain.Bytes))
	}
	for i := range plain.Count {
		if len(sealed.Packet(i)) != len(plain.Packet(i))+srtp.TagBytes {
			t.Errorf("packet %d has %d bytes, plain %d", i, len(sealed.Packet(i)), len(plain.Packet(i)))
		}
	}
	dst := sealed.Bytes[:0]
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := cast.LaySealed(w.s, dst); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
