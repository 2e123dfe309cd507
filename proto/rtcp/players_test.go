package rtcp_test

import (
	"encoding/hex"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// playerReports are what players have sent, as it was seen on the wire.
var playerReports = []struct {
	name, packet string
	want         rtcp.ReceptionReport
}{
	{
		// Its SSRC is the stream's plus one. It had no sender report yet.
		"ffmpeg-first",
		"81c90007fd11deb7fd11deb600000000000055d900000000000000000000000081ca0003fd11deb70102766d00000000",
		rtcp.ReceptionReport{Reporter: 0xfd11deb7, SSRC: 0xfd11deb6, HighestSequence: 0x55d9},
	},
	{
		"ffmpeg",
		"81c90007fd11deb7fd11deb600000000000056a100000001c30ad87a00000db281ca0003fd11deb70102766d00000000",
		rtcp.ReceptionReport{Reporter: 0xfd11deb7, SSRC: 0xfd11deb6, HighestSequence: 0x56a1, Jitter: 1, LastSR: 0xc30ad87a, DelaySinceLastSR: 0xdb2},
	},
	{
		// It counts one packet more than there were, and has a second item, of its own.
		"gstreamer",
		"81c9000723340a780eb5af3e00ffffff00004a9400000001c315c1c40000af70" +
			"81ca000c23340a78011c757365723030303030303030303040686f73742d303030303030303006094753747265616d6572000000",
		rtcp.ReceptionReport{Reporter: 0x23340a78, SSRC: 0x0eb5af3e, CumulativeLost: -1, HighestSequence: 0x4a94, Jitter: 1, LastSR: 0xc315c1c4, DelaySinceLastSR: 0xaf70},
	},
}

func playerReport(t testing.TB, i int) []byte {
	t.Helper()
	packet, err := hex.DecodeString(playerReports[i].packet)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestReportsOfPlayers(t *testing.T) {
	for i, c := range playerReports {
		var got []rtcp.ReceptionReport
		err := rtcp.Parse(playerReport(t, i), rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { got = append(got, r) }})
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}
