package model

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	pion "github.com/pion/srtp/v3"
)

// TestSealedLimit has the limit send frames to more readers than fit into a slab. Another implementation opens each reader's
// packets by its keys: all of them come once, in order, over the wrap of their numbers, and are the frame's.
func TestSealedLimit(t *testing.T) {
	const readers, frames = slabReaders + 5, 5
	k := sim.New(1)
	l := loop.NewOn(k)
	framer, err := NewH264Framer(WebRTCFrames)
	if err != nil {
		t.Fatal(err)
	}
	b := &Broadcast{H264: true, H264Size: WebRTCFrames}
	var got [readers][][]byte
	for i := range readers {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)}), 5004)
		peer, err := k.NewUDPPeer(at)
		if err != nil {
			t.Fatal(err)
		}
		peer.OnReceive(func(d sim.Datagram) { got[i] = append(got[i], bytes.Clone(d.Payload)) })
		b.Readers = append(b.Readers, at)
	}
	m := &SealedLimit{}
	if err := m.startOn(k, b); err != nil {
		t.Fatal(err)
	}
	m.next = 1<<16 - 50 // they wrap in the second frame
	first := m.next
	var want [][]byte
	for range frames {
		f, err := framer.Next()
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Packets.Count {
			want = append(want, bytes.Clone(f.Packets.Packet(i)))
		}
		if err := m.Send(f); err != nil {
			t.Fatal(err)
		}
		if err := sim.RunFor(l, 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		binary.BigEndian.PutUint16(want[i][2:], uint16(first)+uint16(i))
	}
	for i, packets := range got {
		ours, _ := PrivateKeys(i)
		opener, err := pion.CreateContext(ours[:masterKeyBytes], ours[masterKeyBytes:], pion.ProtectionProfile(PrivateProfile))
		if err != nil {
			t.Fatal(err)
		}
		if len(packets) != len(want) {
			t.Fatalf("reader %d has got %d packets of %d", i, len(packets), len(want))
		}
		for n, p := range packets {
			if opened, err := opener.DecryptRTP(nil, p, nil); err != nil || !bytes.Equal(opened, want[n]) {
				t.Fatalf("reader %d, packet %d: %v, %d bytes", i, n, err, len(opened))
			}
		}
	}
	if n := int(m.next - first); n != len(want) {
		t.Errorf("%d numbers are used for %d packets", n, len(want))
	}
}

// TestPrivateKeys has all readers have keys of their own, another one for each direction.
func TestPrivateKeys(t *testing.T) {
	seen := map[string]bool{}
	for reader := range 1000 {
		ours, theirs := PrivateKeys(reader)
		for _, key := range [][]byte{ours, theirs} {
			if seen[string(key)] || len(key) != PrivateProfile.KeyBytes() {
				t.Fatalf("reader %d: %x", reader, key)
			}
			seen[string(key)] = true
		}
	}
}
