package rtp_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// TestManyAggregatedUnits has a packet of 64 kB be full of units of a byte, slices that cannot be read: it is refused
// before all of them are looked at.
func TestManyAggregatedUnits(t *testing.T) {
	header := []byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}
	for count, want := range map[int]error{256: nil, 257: rtp.ErrMalformed, 20_000: rtp.ErrMalformed} {
		d := rtp.NewNALDepacketizer(media.H264, 1<<20)
		packet := slices.Concat(header, []byte{24}, bytes.Repeat([]byte{0, 1, 1}, count))
		if _, _, err := d.Push(packet); !errors.Is(err, want) {
			t.Errorf("%d units: %v, want %v", count, err, want)
		}
	}
}
