package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/camcast/camcast/proto/rtcp"
)

// mustSeal seals a run of packets of 40 bytes.
func (p pair) mustSeal(t testing.TB, o Origin, packets int) []byte {
	t.Helper()
	sealed, err := p.SealRun(nil, plainRun(o, packets, 40), 40, o)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestWindow has origins be known of the last 512 packets and 64 runs, of which some go on where one has ended.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		name        string
		runs, known int                          // known: of the newest packets
		packets     int                          // in a run
		next        func(o Origin, n int) Origin // the origin of the next run
	}{
		{"frames of a run", 200, 448, 7, func(o Origin, _ int) Origin { return Origin{o.Frame + 1, 0, o.Layout} }},
		{"long runs", 20, 512, 64, func(o Origin, _ int) Origin { return Origin{o.Frame + 1, 0, o.Layout} }},
		{"frames of 4 runs", 260, 512, 4, func(o Origin, n int) Origin {
			if o.Packet += uint32(n); o.Packet == 16 {
				o.Frame, o.Packet = o.Frame+1, 0
			}
			return o
		}},
		{"one very long frame", 100, 512, 60, func(o Origin, n int) Origin { return Origin{o.Frame, o.Packet + uint32(n), o.Layout} }},
		{"layouts that change in a frame", 200, 128, 2, func(o Origin, n int) Origin { return Origin{o.Frame, o.Packet + uint32(n), o.Layout + 1} }},
		{"frames that go on where others end", 200, 128, 2, func(o Origin, n int) Origin { return Origin{o.Frame + 1, o.Packet + uint32(n), o.Layout} }},
		{"frames far back and forth", 200, 64, 1, func(o Origin, _ int) Origin { return Origin{1000 - o.Frame, 5, o.Layout} }},
		{"the farthest jumps", 200, 64, 1, func(o Origin, _ int) Origin { return Origin{o.Frame - maxJump, 0, o.Layout + maxJump} }},
		{"frames farther", 200, 1, 1, func(o Origin, _ int) Origin { return Origin{o.Frame + maxJump + 1, 0, o.Layout} }},
		{"layouts farther", 200, 1, 1, func(o Origin, _ int) Origin { return Origin{o.Frame, 0, o.Layout - maxJump - 1} }},
		{"few", 3, 6, 2, func(o Origin, _ int) Origin { return Origin{o.Frame + 1, 0, o.Layout} }},
	} {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 5)
		var all []Origin
		o := Origin{Frame: 700, Layout: 3}
		for range c.runs {
			p.mustSeal(t, o, c.packets)
			for i := range uint32(c.packets) {
				all = append(all, Origin{o.Frame, o.Packet + i, o.Layout})
			}
			o = c.next(o, c.packets)
		}
		for behind := 1; behind <= 1<<16; behind++ {
			if behind == 1000 {
				behind = 65_000
			}
			index, got, ok := p.Origin(uint16(p.Next() - uint64(behind)))
			if ok != (behind <= c.known) || ok && (got != all[len(all)-behind] || index != p.Next()-uint64(behind)) {
				t.Fatalf("%s: the packet %d back is %d, %v, %v", c.name, behind, index, got, ok)
			}
		}
	}
	if bytes := unsafe.Sizeof(origins{}); bytes != 1536 {
		t.Errorf("the window has %d bytes", bytes)
	}
}

// TestRefusedRuns says which runs are refused. Nothing is sealed then, and no index used.
func TestRefusedRuns(t *testing.T) {
	cut := plain(Origin{}, 40)
	cut[0] = 0x9f
	for name, c := range map[string]struct {
		run    []byte
		size   int
		next   uint64
		origin Origin
		want   error
	}{
		"empty":                  {nil, 40, 0, Origin{}, errMalformed},
		"packets without header": {make([]byte, 22), 11, 0, Origin{}, errMalformed},
		"no size":                {plain(Origin{}, 40), 0, 0, Origin{}, errMalformed},
		"a negative size":        {plain(Origin{}, 40), -1, 0, Origin{}, errMalformed},
		"the last cut":           {slices.Concat(plain(Origin{}, 40), plain(Origin{}, 40)[:11]), 40, 0, Origin{}, errMalformed},
		"an extension cut":       {slices.Concat(plain(Origin{}, 40), cut), 40, 0, Origin{}, errMalformed},
		"not RTP":                {make([]byte, 40), 40, 0, Origin{}, errMalformed},
		"over the wrap":          {plainRun(Origin{}, 4, 40), 40, 7<<16 + 65533, Origin{}, errWraps},
		"past the end":           {plain(Origin{}, 40), 40, maxIndex + 1, Origin{}, errExhausted},
		"too far in its frame":   {plainRun(Origin{}, 4, 40), 40, 0, Origin{Packet: 65532}, errOrigin},
		"farther":                {plain(Origin{}, 40), 40, 0, Origin{Packet: 1<<32 - 1}, errOrigin},
	} {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 0)
		p.next = c.next
		dst, err := p.SealRun([]byte{1}, c.run, c.size, c.origin)
		if !errors.Is(err, c.want) || len(dst) != 1 || p.Next() != c.next || p.runs != 0 {
			t.Errorf("%s: %v, %d bytes, the next index is %d", name, err, len(dst), p.Next())
		}
	}
	p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 0)
	p.next = 65533
	p.mustSeal(t, Origin{Packet: 65531}, p.BeforeWrap())
	if p.Next() != 1<<16 || p.BeforeWrap() != 1<<16 {
		t.Errorf("the next index is %d, %d before the wrap", p.Next(), p.BeforeWrap())
	}
	p.next = maxIndex
	p.mustSeal(t, Origin{}, 1)
	p.nextRTCP = maxRTCPIndex
	report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC}, "x")
	if _, err := p.SealRTCP(nil, report); err != nil {
		t.Error(err)
	}
	if dst, err := p.SealRTCP(nil, report); err != errExhausted || len(dst) > 0 {
		t.Errorf("RTCP with index 2^31: %v", err)
	}
	report[7]++
	if dst, err := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 0).SealRTCP(nil, report); err != errMalformed || len(dst) > 0 {
		t.Errorf("RTCP of another SSRC: %v", err)
	}
}

// TestResealRefuses says which packets are not sealed again. Nothing is appended then.
func TestResealRefuses(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 100)
		o := Origin{9, 0, 2}
		first := p.mustSeal(t, o, 3)[:40+profile.TagBytes()]
		packet := plain(o, 40)
		other := bytes.Clone(packet)
		other[30] ^= 1
		marked := bytes.Clone(packet)
		marked[1] ^= 0x80
		numbered := bytes.Clone(packet) // sealing writes these
		numbered[3], numbered[9] = 1, 1
		for name, c := range map[string]struct {
			packet []byte
			index  uint64
			o      Origin
			want   error
		}{
			"the packet":                {packet, 100, o, nil},
			"another number":            {numbered, 100, o, nil},
			"another byte":              {other, 100, o, errDifferent},
			"another marker":            {marked, 100, o, errDifferent},
			"a byte less":               {packet[:39], 100, o, errDifferent},
			"the next index":            {packet, 101, o, errDifferent},
			"another frame":             {packet, 100, Origin{10, 0, 2}, errDifferent},
			"another packet":            {packet, 100, Origin{9, 1, 2}, errDifferent},
			"another layout":            {packet, 100, Origin{9, 0, 3}, errDifferent},
			"a frame 2^16 later":        {packet, 100, Origin{9 + 1<<16, 0, 2}, errDifferent},
			"before the first":          {packet, 99, o, errForgotten},
			"not sealed yet":            {packet, 103, o, errForgotten},
			"the last rollover counter": {packet, 100 + 1<<16, o, errForgotten},
			"no header":                 {packet[:11], 100, o, errMalformed},
		} {
			dst, err := p.Reseal([]byte{1}, c.packet, c.index, c.o)
			if !errors.Is(err, c.want) || err != nil && len(dst) != 1 || err == nil && !bytes.Equal(dst[1:], first) {
				t.Errorf("%s: %v, %d bytes", name, err, len(dst))
			}
		}
	}
}

// FuzzResealNACKs has sequence numbers of a receiver's choice be sealed again: always the packet that
// was first sent by that number, or nothing. Some packets go out between.
func FuzzResealNACKs(f *testing.F) {
	f.Add([]byte{0, 100, 0, 101, 0xff, 0xff, 0x7f, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, numbers []byte) {
		p := newPair(t, rand.New(rand.NewPCG(3, 3)), AEADAES128GCM, 100)
		p.next = 1<<16 - 300
		sent := map[uint64][]byte{}
		o := Origin{Frame: 5}
		for ; len(numbers) >= 2; numbers = numbers[2:] {
			n := min(1+int(numbers[0]>>3), p.BeforeWrap())
			for i, one := range slices.Collect(slices.Chunk(p.mustSeal(t, o, n), 40+gcmTagBytes)) {
				sent[p.Next()-uint64(n-i)] = one
			}
			o.Frame++
			sequence := uint16(numbers[0])<<8 | uint16(numbers[1])
			index, origin, ok := p.Origin(sequence)
			if !ok {
				continue
			}
			size := len(sent[index]) - gcmTagBytes
			again, err := p.Reseal(nil, plain(origin, size), index, origin)
			if err != nil || !bytes.Equal(again, sent[index]) || uint16(index) != sequence {
				t.Fatalf("packet %d again: %v", sequence, err)
			}
		}
	})
}

// FuzzPrivateOpenRTCP has nothing be opened but what was sealed with the key, and that only once.
func FuzzPrivateOpenRTCP(f *testing.F) {
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: privateSSRC}, "c")
	for _, profile := range profiles {
		sealed, err := newPair(f, rand.New(rand.NewPCG(4, 4)), profile, 0).seals.EncryptRTCP(nil, report, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sealed)
		f.Add(sealed[:20])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, profile := range profiles {
			for seed := range uint64(2) {
				p := newPair(t, rand.New(rand.NewPCG(4, 4+seed)), profile, 0)
				dst, err := p.OpenRTCP(nil, packet)
				if err != nil && dst != nil {
					t.Error("something was appended")
				}
				if err != nil {
					continue
				}
				if seed > 0 {
					t.Error("a packet is sealed with two keys")
				}
				if _, err := p.OpenRTCP(nil, packet); err == nil {
					t.Error("a packet was opened twice")
				}
			}
		}
	})
}

// TestRecent has all sequence numbers be asked for, of keys that have sealed few packets, many, and so many that the numbers have wrapped:
// those that are not recent have no origin, and at most 512 are.
func TestRecent(t *testing.T) {
	for _, packets := range []int{0, 1, 5, 511, 512, 513, 3000, 1<<16 + 100} {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 5)
		for sealed := 0; sealed < packets; {
			n := min(packets-sealed, 60, p.BeforeWrap())
			p.mustSeal(t, Origin{Frame: uint64(sealed), Layout: 3}, n)
			sealed += n
		}
		recent, known := 0, 0
		for sequence := range 1 << 16 {
			_, _, ok := p.Origin(uint16(sequence))
			if p.Recent(uint16(sequence)) {
				recent++
			} else if ok {
				t.Fatalf("%d packets: %d has an origin, and is not recent", packets, sequence)
			}
			if ok {
				known++
			}
		}
		if recent != min(packets+5, windowSealed) || known != min(packets, windowSealed) {
			t.Errorf("%d packets: %d are recent, and %d known", packets, recent, known)
		}
	}
}
