package rtcp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
)

// TestSmallestPackets has a packet of each kind, after another one, be as long as its entries need:
// four bytes fewer, and the whole is refused.
func TestSmallestPackets(t *testing.T) {
	for _, kind := range []struct {
		name            string
		number          byte
		header, perItem int
	}{{"SR", 200, 28, 24}, {"RR", 201, 8, 24}, {"SDES", 202, 4, 0}, {"BYE", 203, 4, 4}, {"APP", 204, 4, 0}, {"RSI", 209, 20, 0}} {
		for entries := range 32 {
			size := kind.header + entries*kind.perItem
			for _, bytes := range []int{size, size - 4} {
				if bytes == 0 {
					continue
				}
				packet := append([]byte{0x80, 201, 0, 1, 0, 0, 0, 8}, make([]byte, bytes)...)
				packet[8], packet[9] = 0x80|byte(entries), kind.number
				binary.BigEndian.PutUint16(packet[10:], uint16(bytes/4-1))
				if _, err := contents(packet); (err == nil) != (bytes == size) {
					t.Errorf("%s of %d entries, %d bytes: %v", kind.name, entries, bytes, err)
				}
			}
		}
	}
}

// TestManyReports has one packet bring all reports that it can hold, each as it was sent.
func TestManyReports(t *testing.T) {
	const entries = 31
	var want []rtcp.ReceptionReport
	var blocks []byte
	for i := range uint32(entries) {
		r := rtcp.ReceptionReport{
			Reporter: 8, SSRC: 100 + i, FractionLost: uint8(i), CumulativeLost: int32(i) - 9, HighestSequence: 0x10000 + i, Jitter: 7 * i,
			LastSR: 0x80000000 + i, DelaySinceLastSR: 65536 * i,
		}
		want = append(want, r)
		blocks = append(blocks, rtcp.AppendReceiverReport(nil, r, "x")[8:32]...)
	}
	header := []byte{0x80 | entries, 201, 0, 1 + entries*6, 0, 0, 0, 8}
	senderHeader := append([]byte{0x80 | entries, 200, 0, 6 + entries*6, 0, 0, 0, 8}, make([]byte, 20)...)
	for name, packet := range map[string][]byte{"RR": append(header, blocks...), "SR": append(senderHeader, blocks...)} {
		var got []rtcp.ReceptionReport
		err := rtcp.Parse(packet, rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { got = append(got, r) }})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

// TestAppendsBehindOthers appends each packet to a buffer that has something else in it, of any
// length.
func TestAppendsBehindOthers(t *testing.T) {
	for name, appendTo := range map[string]func([]byte) []byte{
		"sender report":    func(dst []byte) []byte { return rtcp.AppendSenderReport(dst, report, "name") },
		"receiver report":  func(dst []byte) []byte { return rtcp.AppendReceiverReport(dst, rtcp.ReceptionReport{}, "reader") },
		"goodbye":          func(dst []byte) []byte { return rtcp.AppendGoodbye(dst, report, "name", "why") },
		"receiver goodbye": func(dst []byte) []byte { return rtcp.AppendReceiverGoodbye(dst, rtcp.ReceptionReport{}, "reader") },
	} {
		want := appendTo(nil)
		for length := range 8 {
			if got := appendTo(make([]byte, length))[length:]; !bytes.Equal(got, want) {
				t.Errorf("%s behind %d bytes: % x, want % x", name, length, got, want)
			}
		}
	}
}

// TestFractionIsOfTheInterval has a report tell what was lost since the one before, and no more.
func TestFractionIsOfTheInterval(t *testing.T) {
	var r rtcp.Reception
	next := uint16(1)
	for i, lost := range []int{0, 50, 0, 25, 99, 0} { // of 100 each
		for n := range 100 {
			if last := n == 99; last || n >= lost {
				r.Packet(0, next, 0)
			}
			next++
		}
		if got := r.Report(0, 8, 9).FractionLost; int(got) != lost*256/100 {
			t.Errorf("report %d: %d/256 are lost, want %d %%", i, got, lost)
		}
	}
}

// TestFirstPacketHasNoJitter: its way is unknown, as the source's clock begins anywhere.
func TestFirstPacketHasNoJitter(t *testing.T) {
	var r rtcp.Reception
	for i := range 3 {
		r.Packet(time.Hour+time.Duration(i)*10*time.Millisecond, uint16(i), 123_456_789+uint32(i*900))
		if r.Jitter() != 0 {
			t.Errorf("after packet %d, which was on time, the jitter is %v", i, r.Jitter())
		}
	}
}

// TestJumpingTimestampsAreNoJitter has timestamps jump by half of their range, where nobody can
// tell which way.
func TestJumpingTimestampsAreNoJitter(t *testing.T) {
	var r rtcp.Reception
	r.Packet(0, 1, 0)
	r.Packet(0, 2, 1<<31)
	if r.Jitter() != 0 {
		t.Errorf("jitter %v", r.Jitter())
	}
	r.Packet(0, 3, 1<<31-160)
	if got := r.Report(0, 8, 9).Jitter; got < 10 {
		t.Errorf("a packet that was 160 units early gives a jitter of %d", got)
	}
}

// TestOldSenderReport has the last sender report be older than a report can say: it says that
// there was none, and not that it is younger.
func TestOldSenderReport(t *testing.T) {
	const most = 65536 * time.Second
	for _, c := range []struct {
		age  time.Duration
		want rtcp.ReceptionReport
	}{
		{0, rtcp.ReceptionReport{LastSR: 0x89abcdef}},
		{time.Second, rtcp.ReceptionReport{LastSR: 0x89abcdef, DelaySinceLastSR: 65536}},
		{most - time.Second, rtcp.ReceptionReport{LastSR: 0x89abcdef, DelaySinceLastSR: 65535 * 65536}},
		{most, rtcp.ReceptionReport{}},
		{40 * time.Hour, rtcp.ReceptionReport{}},
	} {
		var r rtcp.Reception
		r.SenderReport(time.Hour, 0x456789abcdef0123)
		if got := r.Report(time.Hour+c.age, 0, 0); got != c.want {
			t.Errorf("%v after a sender report: %+v, want %+v", c.age, got, c.want)
		}
	}
}

// TestRoundTripOfARoundingReader: what a reader rounds is nothing, and more makes no sense.
func TestRoundTripOfARoundingReader(t *testing.T) {
	arrival := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := uint32(rtcp.NTP(arrival) >> 16)
	for ahead, want := range map[uint32]bool{0: true, 1: true, 65: true, 66: false} {
		got, ok := rtcp.ReceptionReport{LastSR: now - 100, DelaySinceLastSR: 100 + ahead}.RoundTrip(arrival)
		if ok != want || got != 0 {
			t.Errorf("%d units below 0: %v, %v", ahead, got, ok)
		}
	}
}

// TestWallClockOfASenderReport has the time of day come through with its fraction, before and
// after 2036, when the seconds wrap.
func TestWallClockOfASenderReport(t *testing.T) {
	for _, wall := range []time.Time{
		time.Date(2026, 11, 23, 12, 0, 0, 750_000_000, time.UTC), time.Date(2036, 2, 7, 6, 28, 15, 999_000_000, time.UTC),
		time.Date(2036, 2, 7, 6, 28, 16, 1_000_000, time.UTC), time.Date(2050, 1, 1, 0, 0, 1, 123_456_789, time.UTC),
	} {
		var got time.Time
		packet := rtcp.AppendSenderReport(nil, rtcp.SenderReport{Wall: wall}, "x")
		err := rtcp.Parse(packet, rtcp.Visitor{Sender: func(sr rtcp.SenderReport, ntp uint64) { got = sr.Wall }})
		if err != nil || got.Sub(wall).Abs() > time.Microsecond {
			t.Errorf("%v came as %v, %v", wall, got, err)
		}
	}
}

// TestGoodbyesOfSmallGroups leave at once: below 50 members nobody has to wait (section 6.3.7).
func TestGoodbyesOfSmallGroups(t *testing.T) {
	for members, atOnce := range map[int]bool{1: true, 49: true, 50: false, 10000: false} {
		i := rtcp.NewInterval(0, rtcp.IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: func() float64 { return 0.5 }})
		i.SetMembers(0, members, 1)
		if got := i.Leave(time.Minute, 80); got != atOnce {
			t.Errorf("%d members: at once is %v", members, got)
		}
	}
}
