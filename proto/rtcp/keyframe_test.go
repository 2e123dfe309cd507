package rtcp_test

import (
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// TestKeyFrameRequests parses what asks for a key frame, as another implementation writes it, and
// other feedback.
func TestKeyFrameRequests(t *testing.T) {
	report := &pion.ReceiverReport{SSRC: 1}
	for _, c := range []struct {
		name    string
		packets []pion.Packet
		want    []uint32
	}{
		{"PLI", []pion.Packet{report, &pion.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 7}}, []uint32{7}},
		{"PLI alone", []pion.Packet{&pion.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 7}}, []uint32{7}},
		{"FIR", []pion.Packet{report, &pion.FullIntraRequest{SenderSSRC: 1, FIR: []pion.FIREntry{{SSRC: 7, SequenceNumber: 1}, {SSRC: 8}}}}, []uint32{7, 8}},
		{"FIR of nobody", []pion.Packet{report, &pion.FullIntraRequest{SenderSSRC: 1, MediaSSRC: 7}}, nil},
		{"slices lost", []pion.Packet{report, &pion.SliceLossIndication{SenderSSRC: 1, MediaSSRC: 7, SLI: []pion.SLIEntry{{First: 1}}}}, nil},
		{"a bandwidth", []pion.Packet{report, &pion.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, SSRCs: []uint32{7}}}, nil},
		{"packets lost", []pion.Packet{report, &pion.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 7, Nacks: []pion.NackPair{{PacketID: 1}}}}, nil},
	} {
		data, err := pion.Marshal(c.packets)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		if err := rtcp.Parse(data, rtcp.Visitor{KeyFrame: func(ssrc uint32) { got = append(got, ssrc) }}); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
		for cut := range data {
			_ = rtcp.Parse(data[:cut], rtcp.Visitor{KeyFrame: func(uint32) {}})
		}
	}
	if rtcp.Parse([]byte{0x81, 206, 0, 1, 0, 0, 0, 1}, rtcp.Visitor{}) == nil {
		t.Error("feedback that ends before its source is accepted")
	}
}
