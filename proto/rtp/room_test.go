//go:build !race

// The race detector has memory be allocated twice where it is else allocated once.

package rtp_test

import (
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// TestRoomForAPicture has a picture be laid out in one piece of memory that is made for it, and is
// hardly larger than it.
func TestRoomForAPicture(t *testing.T) {
	for _, restart := range []uint16{0, 3} {
		for _, size := range []int{200, 1452} {
			p, img := newPacketizer(t, size, 16), picture(42000, restart)
			var packets rtp.Packets
			if n := testing.AllocsPerRun(10, func() { packets, _ = p.Packetize(nil, img, 777) }); n != 1 {
				t.Errorf("packets of %d bytes: %v allocations, want 1", size, n)
			}
			if room := cap(packets.Bytes); room > len(packets.Bytes)*5/4 {
				t.Errorf("packets of %d bytes: room for %d bytes, and they have %d", size, room, len(packets.Bytes))
			}
		}
	}
}

// TestNoAllocations lays frames out and puts them together again, with nothing allocated.
func TestNoAllocations(t *testing.T) {
	for _, format := range []media.Format{media.H264, media.H265} {
		key, other := madeFrame(t, format, true, 40000), madeFrame(t, format, false, 2000, 1900, 2100, 300)
		other.Params = key.Params
		p, d := newNALPacketizer(t, format, 1200, 16), rtp.NewNALDepacketizer(format, mostFrame)
		var buffer []byte
		step := func() {
			for _, f := range []*media.Frame{&key, &other, &other} {
				packets, err := p.Packetize(buffer, f, 777)
				if err != nil {
					t.Fatal(err)
				}
				buffer = packets.Bytes
				for i := range packets.Count {
					if _, ok, err := d.Push(packets.Packet(i)); err != nil || ok != (i == packets.Count-1) {
						t.Fatal(i, ok, err)
					}
				}
			}
		}
		step()
		if n := testing.AllocsPerRun(100, step); n > 0 {
			t.Errorf("%v: %v allocations for three frames", format, n)
		}
	}
}
