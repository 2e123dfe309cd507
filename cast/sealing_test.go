package cast_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
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

// TestSealedFiller has each frame of H.264 and H.265 end with filler, by which SRTP readers are led: the frames are
// the same, end with one mark, and take no memory.
func TestSealedFiller(t *testing.T) {
	for _, name := range []string{"slices.h264", "bframes.h265"} {
		frames := nalFrames(t, name)
		w := &nalWorld{world: newEmptyWorld(t, 1, []netip.Addr{serverAddr}, withSRTP)}
		var err error
		w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: frames[0].Params})
		w.must(err)
		w.watches("10.0.0.1")
		told, _ := w.s.SRTP()
		in := pionContext(t, told.Key)
		in.SetROC(told.SSRC, told.Rollover)
		d := rtp.NewNALDepacketizer(frames[0].Params.Format, 1<<20)
		var dst []byte
		for i, f := range frames {
			w.publish(frames[i : i+1])
			lay := func() (plain, sealed rtp.Packets) {
				cast.SkipSealed(w.s, cast.SealedIndex(w.s)+1<<8)
				plain, sealed, err := cast.LaySealed(w.s, dst)
				w.must(err)
				return plain, sealed
			}
			plain, sealed := lay()
			if dst = sealed.Bytes[:0]; sealed.Count != plain.Count+1 {
				t.Errorf("%s: frame %d has %d packets, %d without filler", name, i, sealed.Count, plain.Count)
			}
			for n := range sealed.Count {
				packet, err := in.DecryptRTP(nil, sealed.Packet(n), nil)
				w.must(err)
				got, ok, err := d.Push(packet)
				if last := n == sealed.Count-1; err != nil || ok != last || packet[1]&0x80 != 0 != last || last && !bytes.Equal(got.Bytes, f.Bytes) {
					t.Fatalf("%s: packet %d of %d of frame %d: a frame is %v, %v; %x", name, n, sealed.Count, i, ok, err, packet[:16])
				}
			}
			if allocs := testing.AllocsPerRun(10, func() { lay() }); allocs > 0 && i > 0 {
				t.Errorf("%s: %v allocations for frame %d", name, allocs, i)
			}
		}
	}
}
