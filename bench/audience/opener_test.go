package audience

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
)

// TestOpener has a reader with keys of its own be sent packets that are right, forged, sealed for another reader, sent again or
// lost, and reports: it counts each of them for what it is.
func TestOpener(t *testing.T) {
	const reader, packetBytes = 3, 100
	sealerOf := func(reader int) *srtp.Private {
		ours, theirs := model.PrivateKeys(reader)
		p, err := srtp.NewPrivate(model.PrivateProfile, ours, theirs, 7, 7)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	right, others := sealerOf(reader), sealerOf(reader+1)
	packet := append([]byte{0x80, 96}, bytes.Repeat([]byte{5}, packetBytes-2)...)
	next := func(p *srtp.Private) []byte {
		sealed, err := p.SealRun(nil, packet, packetBytes, srtp.Origin{Frame: p.Next()})
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	tally := &tally{progress: make(chan struct{}, 1)}
	o, err := newOpener(Config{Private: true}, reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.tally = tally
	open := func(p []byte, ok bool) {
		t.Helper()
		opened, got := o.open(bytes.Clone(p))
		if got != ok || ok && (len(opened) != packetBytes || !bytes.Equal(opened[12:], packet[12:])) {
			t.Errorf("%d bytes are opened: %v, want %v", len(opened), got, ok)
		}
	}
	first := next(right)
	open(first, true)
	tally.begin(1)
	second := next(right)
	for bit := range 8 * len(second) {
		forged := bytes.Clone(second)
		forged[bit/8] ^= 1 << (bit % 8)
		open(forged, false)
	}
	open(second, true)
	open(second, true) // again
	open(next(others), false)
	counts := func(came, missing, misplaced, forged int) {
		t.Helper()
		var r Report
		tally.packets.addTo(&r)
		if r.Packets != came || r.PacketsMissing != missing || r.PacketsMisplaced != misplaced || r.PacketsForged != forged {
			t.Errorf("%+v, want %d, %d, %d, %d", r, came, missing, misplaced, forged)
		}
	}
	counts(2, 0, 1, 8*len(second)+1)
	tally.begin(2)
	next(right) // which is lost
	open(next(right), true)
	report, err := right.SealRTCP(nil, rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 7}, "a"))
	if err != nil {
		t.Fatal(err)
	}
	open(report, false) // which is no packet of a frame, and not forged
	counts(1, 1, 0, 0)
	report[len(report)-1] ^= 1
	open(report, false)
	counts(1, 1, 0, 1)
}

// TestWhatIsRTCP tells RTCP from RTP by its type.
func TestWhatIsRTCP(t *testing.T) {
	for kind, want := range map[byte]bool{0: false, 96: false, 191: false, 192: true, 200: true, 223: true, 224: false, 255: false} {
		if isRTCP([]byte{0x80, kind}) != want {
			t.Errorf("type %d: %v", kind, !want)
		}
	}
	if isRTCP([]byte{0x80}) || isRTCP(nil) {
		t.Error("a byte is RTCP")
	}
}
