package rtcp_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

var report = rtcp.SenderReport{
	SSRC: 0x01020304, Wall: time.Date(2026, 11, 23, 12, 0, 0, 500_000_000, time.UTC),
	RTPTime: 90000, Packets: 7, Octets: 7000,
}

// unmarshal has another implementation read what was written.
func unmarshal(t *testing.T, packet []byte) []pion.Packet {
	t.Helper()
	packets, err := pion.Unmarshal(packet)
	if err != nil {
		t.Fatalf("% x: %v", packet, err)
	}
	return packets
}

func TestAppendSenderReport(t *testing.T) {
	for _, cname := range []string{"", "a", "ab", "abc", "abcd", strings.Repeat("x", 300)} {
		packets := unmarshal(t, rtcp.AppendSenderReport([]byte{}, report, cname))
		sr, ok := packets[0].(*pion.SenderReport)
		if !ok || len(packets) != 2 {
			t.Fatalf("%v", packets)
		}
		// 3 988 448 400 s from 1900 to 2026-11-23T12:00:00Z; half a second is 2^31.
		if want := uint64(2208988800+report.Wall.Unix())<<32 | 1<<31; sr.NTPTime != want {
			t.Errorf("NTP time %x, want %x", sr.NTPTime, want)
		}
		if sr.SSRC != report.SSRC || sr.RTPTime != 90000 || sr.PacketCount != 7 || sr.OctetCount != 7000 {
			t.Errorf("%+v", sr)
		}
		item := packets[1].(*pion.SourceDescription).Chunks[0].Items[0]
		if item.Type != pion.SDESCNAME || item.Text != cname[:min(len(cname), 255)] {
			t.Errorf("%+v, want the name %q", item, cname)
		}
	}
}

func TestAppendGoodbye(t *testing.T) {
	for _, reason := range []string{"", "x", "the server is closing", strings.Repeat("y", 300)} {
		packet := rtcp.AppendGoodbye([]byte{}, report, "name", reason)
		packets := unmarshal(t, packet)
		bye, ok := packets[2].(*pion.Goodbye)
		if !ok || len(bye.Sources) != 1 || bye.Sources[0] != report.SSRC || bye.Reason != reason[:min(len(reason), 255)] {
			t.Errorf("reason %q: %v", reason, packets)
		}
		var gone []uint32
		if err := rtcp.Parse(packet, rtcp.Visitor{Bye: func(ssrc uint32) { gone = append(gone, ssrc) }}); err != nil || len(gone) != 1 {
			t.Errorf("parsed: %v, %v", gone, err)
		}
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	buffer := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { buffer = rtcp.AppendGoodbye(buffer[:0], report, "name", "reason") }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// receiverReport is what a player sends.
func receiverReport(t testing.TB, lost int32) []byte {
	t.Helper()
	block := pion.ReceptionReport{SSRC: 9, FractionLost: 64, TotalLost: uint32(lost) & 0xffffff, LastSequenceNumber: 0x10005, Jitter: 33, LastSenderReport: 5, Delay: 6}
	packet, err := pion.Marshal([]pion.Packet{
		&pion.ReceiverReport{SSRC: 8, Reports: []pion.ReceptionReport{block}},
		pion.NewCNAMESourceDescription(8, "player"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestParse(t *testing.T) {
	for _, lost := range []int32{0, 5, -1, 0x7fffff, -0x800000} {
		var got []rtcp.ReceptionReport
		err := rtcp.Parse(receiverReport(t, lost), rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { got = append(got, r) }})
		want := rtcp.ReceptionReport{Reporter: 8, SSRC: 9, FractionLost: 64, CumulativeLost: lost, HighestSequence: 0x10005, Jitter: 33, LastSR: 5, DelaySinceLastSR: 6}
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	// The 8 bytes that ffmpeg opens firewalls with, and a lone goodbye (RFC 5506).
	for _, packet := range [][]byte{{0x80, 201, 0, 1, 0, 0, 0, 0}, {0x81, 203, 0, 1, 0, 0, 0, 9}} {
		if err := rtcp.Parse(packet, rtcp.Visitor{}); err != nil {
			t.Errorf("% x: %v", packet, err)
		}
	}
}

func TestParseRefusesJunk(t *testing.T) {
	good := receiverReport(t, 1)
	change := func(at int, value byte) []byte { p := bytes.Clone(good); p[at] = value; return p }
	for name, packet := range map[string][]byte{
		"nothing": nil, "4 bytes": good[:4], "half": good[:20], "a byte more": append(bytes.Clone(good), 0),
		"version 1": change(0, 0x41), "an RTP type": change(1, 26), "too long": change(3, 200),
		"more reports than it holds": change(0, 0x82), "padding in the middle": change(0, 0xa1),
	} {
		called := false
		err := rtcp.Parse(packet, rtcp.Visitor{Report: func(rtcp.ReceptionReport) { called = true }})
		if !errors.Is(err, rtcp.ErrNotRTCP) || called {
			t.Errorf("%s: error %v, visitor called: %v; want ErrNotRTCP and no call", name, err, called)
		}
	}
	// The 200 random bytes that GStreamer opens firewalls with: some look like version
	// 2, none may pass for a report.
	random := rand.New(rand.NewPCG(3, 4))
	packet := make([]byte, 200)
	for range 100000 {
		for i := range packet {
			packet[i] = byte(random.Uint32())
		}
		_ = rtcp.Parse(packet, rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { t.Fatalf("a report %+v in % x", r, packet) }})
	}
}

func TestRoundTrip(t *testing.T) {
	arrival := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	units := func(d time.Duration) uint32 { return uint32(d * 65536 / time.Second) }
	now := uint32(rtcp.NTP(arrival) >> 16)
	for _, c := range []struct {
		name     string
		lsr, dly uint32
		want     time.Duration
		ok       bool
	}{
		{"no sender report yet", 0, 0, 0, false},
		{"40 ms", now - units(time.Second), units(960 * time.Millisecond), 40 * time.Millisecond, true},
		{"rounded below 0", now - units(time.Second), units(time.Second) + 3, 0, true},
		{"from the future", now + units(time.Minute), 0, 0, false},
	} {
		got, ok := rtcp.ReceptionReport{LastSR: c.lsr, DelaySinceLastSR: c.dly}.RoundTrip(arrival)
		if ok != c.ok || (got-c.want).Abs() > 50*time.Microsecond {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
