package rtcp_test

import (
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// TestPictureLoss has another implementation read what is appended.
func TestPictureLoss(t *testing.T) {
	report := rtcp.ReceptionReport{Reporter: 7, SSRC: 9, HighestSequence: 100}
	packets, err := pion.Unmarshal(rtcp.AppendPictureLoss(nil, report, "name"))
	if err != nil || len(packets) != 3 {
		t.Fatalf("%v, %v", packets, err)
	}
	if p, ok := packets[2].(*pion.PictureLossIndication); !ok || p.SenderSSRC != 7 || p.MediaSSRC != 9 {
		t.Errorf("%+v", packets[2])
	}
	if err := pion.CompoundPacket(packets).Validate(); err != nil {
		t.Error(err)
	}
	room := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(10, func() { room = rtcp.AppendPictureLoss(room[:0], report, "name") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
