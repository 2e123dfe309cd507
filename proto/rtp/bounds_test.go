package rtp_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
)

// TestShortestPayloads has payloads end with their headers, as the last one of a picture may that
// was cut in an odd way: a byte fewer, and they are malformed.
func TestShortestPayloads(t *testing.T) {
	tables := slices.Concat([]byte{0, 0, 0, 128}, bytes.Repeat([]byte{7}, 128))
	for name, payload := range map[string][]byte{
		"no tables":             {0, 0, 0, 0, 1, 50, 2, 2},
		"restart header":        {0, 0, 0, 0, 65, 50, 2, 2, 0, 3, 0xff, 0xff},
		"tables":                append([]byte{0, 0, 0, 0, 1, 255, 2, 2}, tables...),
		"restart header, table": append([]byte{0, 0, 0, 0, 65, 128, 2, 2, 0, 3, 0xff, 0xff}, tables...),
	} {
		packet := append([]byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4}, payload...)
		var d rtp.JPEGDepacketizer
		if _, ok, err := d.Push(packet); !ok || err != nil {
			t.Errorf("%s: a picture is %v, %v", name, ok, err)
		}
		if _, _, err := d.Push(packet[:len(packet)-1]); !errors.Is(err, rtp.ErrMalformed) {
			t.Errorf("%s, a byte fewer: %v", name, err)
		}
	}
}

// TestUsableQ lists which Q there are without tables in the packet (RFC 2435, section 4.2).
func TestUsableQ(t *testing.T) {
	for q := range 256 {
		var d rtp.JPEGDepacketizer
		_, ok, err := d.Push([]byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 1, byte(q), 2, 2, 9})
		if want := q >= 1 && q <= 99; ok != want || (err == nil) != want {
			t.Errorf("Q %d: a picture is %v, %v", q, ok, err)
		}
	}
}

// TestLargestPicture is 2040 pixels wide and high, which is what a byte can say in units of eight.
func TestLargestPicture(t *testing.T) {
	for _, c := range []struct {
		width, height int
		taken         bool
	}{{2040, 2040, true}, {2041, 8, false}, {8, 2041, false}} {
		_, err := newPacketizer(t, 1452, 16).Packetize(nil, &jpeg.Image{Width: c.width, Height: c.height, Scan: []byte{1}}, 0)
		if (err == nil) != c.taken {
			t.Errorf("%dx%d: %v", c.width, c.height, err)
		}
	}
}

// TestSmallestAndLargestPackets are those that NewLayout takes: with all headers and some data, and
// what one UDP datagram can hold.
func TestSmallestAndLargestPackets(t *testing.T) {
	const smallest = 12 + 8 + 4 + 132 + 16
	for size, taken := range map[int]bool{smallest - 1: false, smallest: true, 65507: true, 65508: false} {
		if _, err := rtp.NewLayout(size, 1); (err == nil) != taken {
			t.Errorf("packets of %d bytes: %v", size, err)
		}
	}
}
