package rtcp_test

import (
	"math"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// TestNACK reads those of pion, and has pion read ours.
func TestNACK(t *testing.T) {
	lost := []uint16{65533, 65535, 0, 13, 14, 500}
	packet, err := pion.Marshal([]pion.Packet{
		&pion.ReceiverReport{SSRC: 1},
		&pion.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 2, Nacks: pion.NackPairsFromSequenceNumbers(lost)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint16
	v := rtcp.Visitor{Lost: func(ssrc uint32, sequence uint16) {
		if ssrc != 2 {
			t.Errorf("about source %d", ssrc)
		}
		got = append(got, sequence)
	}}
	if err := rtcp.Parse(packet, v); err != nil || !slices.Equal(got, lost) {
		t.Errorf("%v, %v; want %v", got, err, lost)
	}
	ours, err := pion.Unmarshal(rtcp.AppendNACK(nil, 1, 2, 65533, 0b1000_0000_0000_0110))
	if err != nil {
		t.Fatal(err)
	}
	if n := ours[0].(*pion.TransportLayerNack); n.SenderSSRC != 1 || n.MediaSSRC != 2 || !slices.Equal(n.Nacks[0].PacketList(), []uint16{65533, 65535, 0, 13}) {
		t.Errorf("%v", n)
	}
}

// TestRate reads the estimates of receivers.
func TestRate(t *testing.T) {
	read := func(packet []byte) (rate uint64, called bool) {
		if err := rtcp.Parse(packet, rtcp.Visitor{Rate: func(r uint64) { rate, called = r, true }}); err != nil {
			t.Fatal(err)
		}
		return rate, called
	}
	for _, want := range []float32{0, 30_000, 262_143, 2_500_000, 1e9} {
		packet, err := (&pion.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: want, SSRCs: []uint32{2}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if rate, called := read(packet); !called || math.Abs(float64(rate)-float64(want)) > float64(want)/1e4 {
			t.Errorf("%d of %v, %v", rate, want, called)
		}
	}
	header := []byte{0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0}
	if rate, _ := read(append(header, 'R', 'E', 'M', 'B', 1, 0xff, 0xff, 0xff)); rate != math.MaxUint64 {
		t.Errorf("%d from the largest exponent", rate)
	}
	if _, called := read(append(header, 'R', 'E', 'M', 'A', 1, 0xff, 0xff, 0xff)); called {
		t.Error("what has another name was read as a rate")
	}
}
