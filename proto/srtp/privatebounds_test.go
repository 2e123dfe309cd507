package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// TestJumpsOfOrigins has two runs be as far apart as the window can tell, and one further, in frames and in layouts, forth and
// back: the first run is known then, or forgotten. It is never taken for another one.
func TestJumpsOfOrigins(t *testing.T) {
	first := Origin{Frame: 5000, Packet: 3, Layout: 2000}
	for _, jump := range []int64{maxJump, maxJump + 1, -maxJump, -maxJump - 1, 1 << 16, -1 << 16} {
		for _, inLayouts := range []bool{false, true} {
			second := first
			if inLayouts {
				second.Layout += uint32(jump)
			} else {
				second.Frame += uint64(jump)
			}
			p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 0)
			p.mustSeal(t, first, 1)
			p.mustSeal(t, second, 1)
			name := fmt.Sprintf("a jump of %d, in layouts: %v", jump, inLayouts)
			if _, got, ok := p.Origin(1); !ok || got != second {
				t.Errorf("%s: the second run is %v, %v", name, got, ok)
			}
			_, got, ok := p.Origin(0)
			if want := jump >= -maxJump && jump <= maxJump; ok != want || ok && got != first {
				t.Errorf("%s: the first run is %v, %v", name, got, ok)
			}
		}
	}
}

// TestFirstOrigin has the first run be of the first packet of frame 0, as a window with nothing in it would have it.
func TestFirstOrigin(t *testing.T) {
	p := newPair(t, rand.New(rand.NewPCG(1, 1)), AEADAES128GCM, 9)
	sealed := p.mustSeal(t, Origin{}, 2)
	for i := range uint32(2) {
		if index, o, ok := p.Origin(uint16(9 + i)); !ok || index != 9+uint64(i) || o != (Origin{Packet: i}) {
			t.Errorf("packet %d is %d, %v, %v", i, index, o, ok)
		}
	}
	if again, err := p.Reseal(nil, plain(Origin{}, 40), 9, Origin{}); err != nil || !bytes.Equal(again, sealed[:40+gcmTagBytes]) {
		t.Errorf("sealed again: %v", err)
	}
}

// TestSmallestAndLast has packets that are a header alone be sealed, and the last ones that a frame may have, by both profiles:
// the receiver opens them, and no packet is one too many.
func TestSmallestAndLast(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 100)
		header := plain(Origin{}, rtpHeaderBytes)
		sealed, err := p.SealRun(nil, bytes.Repeat(header, 3), rtpHeaderBytes, Origin{Packet: maxPackets - 3})
		if err != nil || len(sealed) != 3*(rtpHeaderBytes+profile.TagBytes()) {
			t.Fatalf("%v, %d bytes", err, len(sealed))
		}
		for one := range 3 {
			if opened, err := p.opens.DecryptRTP(nil, sealed[one*len(sealed)/3:][:len(sealed)/3], nil); err != nil || len(opened) != rtpHeaderBytes {
				t.Errorf("packet %d: %v, %d bytes", one, err, len(opened))
			}
		}
		if _, err := p.SealRun(nil, bytes.Repeat(header, 3), rtpHeaderBytes, Origin{Packet: maxPackets - 2}); !errors.Is(err, errOrigin) || p.Next() != 103 {
			t.Errorf("a packet too many: %v, the next index is %d", err, p.Next())
		}
	}
}

// TestSmallestRTCP has the smallest RTCP be sealed and opened, by both profiles: a report of nothing, as receivers send before
// their first packet.
func TestSmallestRTCP(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 0)
		report := []byte{0x80, 201, 0, 1, privateSSRC >> 24, privateSSRC >> 16 & 0xff, privateSSRC >> 8 & 0xff, privateSSRC & 0xff}
		sealed, err := p.SealRTCP(nil, report)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := p.opens.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(opened, report) {
			t.Errorf("profile %d: the receiver opens %x, %v", profile, opened, err)
		}
		if sealed, err = p.seals.EncryptRTCP(nil, report, nil); err != nil {
			t.Fatal(err)
		}
		if opened, err := p.OpenRTCP(nil, sealed); err != nil || !bytes.Equal(opened, report) {
			t.Errorf("profile %d: the sender opens %x, %v", profile, opened, err)
		}
		if dst, err := p.SealRTCP(nil, report[:7]); err == nil || len(dst) > 0 {
			t.Error("half a header was sealed")
		}
	}
}

// TestReplayWindow has a packet come that is as old as the window is long, and one that is a packet older, and then all again.
func TestReplayWindow(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 0)
		var sealed [][]byte
		for range 3 * windowPackets {
			one, err := p.seals.EncryptRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 9}, nil)
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, one)
		}
		newest := 2 * windowPackets
		for i, c := range []struct {
			packet int
			ok     bool
		}{
			{newest, true}, {newest - windowPackets, false}, {newest - windowPackets + 1, true}, {newest - 1, true}, {newest, false},
			{newest - windowPackets + 1, false}, {newest + 1, true}, {newest - windowPackets + 2, true}, {newest - windowPackets + 1, false},
			{newest - 1, false}, {newest, false}, {newest + windowPackets - 1, true}, {newest + 1, false}, {newest, false}, {newest + 2, true},
		} {
			if _, err := p.OpenRTCP(nil, sealed[c.packet]); (err == nil) != c.ok {
				t.Errorf("step %d: packet %d: %v", i, c.packet, err)
			}
		}
	}
}

// TestRTCPIndexes has many reports be sealed: each with the next index, and the receiver opens each by the index that it says.
func TestRTCPIndexes(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 0)
		u := &usage{t: t, p: p, rtcp: map[uint32][32]byte{}}
		for n := range uint32(1000) {
			report := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: privateSSRC, Packets: n}, "a@b")
			sealed, err := p.SealRTCP(nil, report)
			if err != nil {
				t.Fatal(err)
			}
			if u.sawRTCP(sealed); len(u.rtcp) != int(n)+1 {
				t.Fatalf("profile %d: report %d is sealed with an index of another", profile, n)
			}
		}
	}
}

// TestShortButAuthentic has a receiver, who has the key, seal what is no whole packet: it is refused.
func TestShortButAuthentic(t *testing.T) {
	key := Key{7}
	theirs := newTransform(&key, labelSRTCP)
	o := newOpener(Peer{Key: key})
	p, err := NewPrivate(AES128CMHMACSHA1, make([]byte, KeyBytes), key[:], privateSSRC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range rtcpHeaderBytes + 4 {
		packet := bytes.Repeat([]byte{0x80}, n)
		packet = append(packet, theirs.tag(packet, 0, false)...)
		if _, err := o.OpenRTCP(nil, packet); !errors.Is(err, errShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := p.OpenRTCP(nil, packet); !errors.Is(err, errShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestHeaders has packets be sealed whose headers are of all lengths, with and without a payload: the receiver opens them, and
// everybody can read the header.
func TestHeaders(t *testing.T) {
	for _, profile := range profiles {
		p := newPair(t, rand.New(rand.NewPCG(1, 1)), profile, 0)
		for _, sources := range []int{0, 1, 15} {
			for _, words := range []int{-1, 0, 1, 2, 3, 60} { // -1: there is no extension
				for _, payload := range []int{0, 1, 100} {
					packet := plain(Origin{}, rtpHeaderBytes)
					packet[0] |= byte(sources)
					packet = append(packet, bytes.Repeat([]byte{3}, 4*sources)...)
					if words >= 0 {
						packet[0] |= 0x10
						packet = append(packet, 0x12, 0x34, 0, byte(words))
						packet = append(packet, bytes.Repeat([]byte{5}, 4*words)...)
					}
					header := len(packet)
					packet = append(packet, bytes.Repeat([]byte{9}, payload)...)
					want := bytes.Clone(packet)
					binary.BigEndian.PutUint16(want[2:], uint16(p.Next()))
					binary.BigEndian.PutUint32(want[8:], privateSSRC)
					name := fmt.Sprintf("profile %d, %d sources, %d words, %d bytes", profile, sources, words, payload)
					sealed, err := p.SealRun(nil, packet, len(packet), Origin{Frame: p.Next()})
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					opened, err := p.opens.DecryptRTP(nil, sealed, nil)
					if err != nil || !bytes.Equal(opened, want) || !bytes.Equal(sealed[:header], want[:header]) {
						t.Errorf("%s: %v", name, err)
					}
					for cut := rtpHeaderBytes; cut < header; cut++ {
						if _, err := p.SealRun(nil, packet[:cut], cut, Origin{}); err == nil {
							t.Errorf("%s: cut to %d bytes it is sealed", name, cut)
						}
					}
				}
			}
		}
	}
}
