//go:build !race

// The race detector has memory be allocated twice where it is else allocated once.

package rtp_test

import (
	"testing"

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
