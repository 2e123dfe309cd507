package rtcp_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// receive has packets of these sequence numbers arrive, 10 ms apart, and on time.
func receive(r *rtcp.Reception, sequences ...uint16) {
	for i, s := range sequences {
		r.Packet(time.Duration(i)*10*time.Millisecond, s, uint32(i*900))
	}
}

func TestReception(t *testing.T) {
	for _, c := range []struct {
		name               string
		sequences          []uint16
		expected, received uint32
		lost               int32
		highest            uint32
		fraction           uint8
	}{
		{"one packet", []uint16{7}, 1, 1, 0, 7, 0},
		{"in order", []uint16{1, 2, 3, 4}, 4, 4, 0, 4, 0},
		{"one lost of four", []uint16{1, 2, 4}, 4, 3, 1, 4, 64},
		{"reordered", []uint16{1, 3, 2, 4}, 4, 4, 0, 4, 0},
		{"a duplicate", []uint16{1, 2, 2}, 2, 3, -1, 2, 0},
		{"a duplicate hides a loss", []uint16{1, 2, 2, 4}, 4, 4, 0, 4, 0},
		{"wrapped", []uint16{65534, 65535, 0, 1}, 4, 4, 0, 65536 + 1, 0},
		{"reordered over the wrap", []uint16{65534, 0, 65535, 1}, 4, 4, 0, 65536 + 1, 0},
		{"all but two lost", []uint16{0, 1999}, 2000, 2, 1998, 1999, 255},
		{"a stray packet", []uint16{1, 2, 40000, 3}, 3, 3, 0, 3, 0},
		{"an outage", []uint16{1, 2, 20000, 20001, 20002}, 20002, 4, 19998, 20002, 255},
		{"an outage over the wrap", []uint16{65000, 65001, 10000, 10001}, 10538, 3, 10535, 65536 + 10001, 255},
		{"restarted", []uint16{1, 2, 40000, 40001, 40002}, 2, 2, 0, 40002, 0},
	} {
		var r rtcp.Reception
		receive(&r, c.sequences...)
		if r.Expected() != c.expected || r.Received() != c.received {
			t.Errorf("%s: %d expected, %d received; want %d, %d", c.name, r.Expected(), r.Received(), c.expected, c.received)
		}
		got := r.Report(0, 8, 9)
		if got.CumulativeLost != c.lost || got.HighestSequence != c.highest || got.FractionLost != c.fraction {
			t.Errorf("%s: %+v", c.name, got)
		}
		if again := r.Report(0, 8, 9); again.FractionLost != 0 || again.CumulativeLost != c.lost {
			t.Errorf("%s: nothing came since, and the next report is %+v", c.name, again)
		}
	}
}

// TestRestartAhead has a source begin anew with numbers ahead of the old ones: only its
// timestamps show that this is no outage.
func TestRestartAhead(t *testing.T) {
	var r rtcp.Reception
	receive(&r, 1, 2, 3)
	for i, sequence := range []uint16{20000, 20001, 20002} {
		r.Packet(time.Duration(30+10*i)*time.Millisecond, sequence, 1<<31+uint32(900*i))
	}
	if r.Expected() != 2 || r.Received() != 2 || r.Lost() != 0 {
		t.Errorf("%d expected, %d received", r.Expected(), r.Received())
	}
}

// TestReceptionOfALossyLink compares the figures with what was dropped, to the packet.
func TestReceptionOfALossyLink(t *testing.T) {
	for _, percent := range []int{1, 5, 20, 50} {
		seed := uint64(percent)
		random := rand.New(rand.NewPCG(seed, seed))
		var r rtcp.Reception
		const packets, perReport = 200_000, 1000
		first, lost, lostBefore, expectedBefore := -1, 0, 0, 0 // first is the first packet that came
		for i := range packets {
			last := i%perReport == perReport-1
			if !last && random.IntN(100) < percent {
				if first >= 0 {
					lost++
				}
				continue
			}
			if first < 0 {
				first = i
			}
			r.Packet(time.Duration(i)*time.Millisecond, uint16(65000+i), uint32(i*90))
			if !last {
				continue
			}
			expected := i - first + 1
			report := r.Report(0, 8, 9)
			if want := (lost - lostBefore) * 256 / (expected - expectedBefore); int(report.FractionLost) != want {
				t.Fatalf("seed %d: fraction lost %d/256 by packet %d, want %d", seed, report.FractionLost, i, want)
			}
			if int(report.CumulativeLost) != lost || int(r.Expected()) != expected || int(r.Received()) != expected-lost {
				t.Fatalf("seed %d: %d of %d lost by packet %d, %d received; want %d of %d",
					seed, report.CumulativeLost, r.Expected(), i, r.Received(), lost, expected)
			}
			if want := uint32(65000 + i); report.HighestSequence != want {
				t.Fatalf("seed %d: highest sequence number %d, want %d", seed, report.HighestSequence, want)
			}
			lostBefore, expectedBefore = lost, expected
		}
	}
}

func TestJitter(t *testing.T) {
	var r rtcp.Reception
	// Every other packet is 8 ms late: the mean difference of two is 8 ms.
	for i := range 1000 {
		late := time.Duration(i%2) * 8 * time.Millisecond
		r.Packet(time.Duration(i)*20*time.Millisecond+late, uint16(i), uint32((i-50)*1800))
	}
	if got := r.Jitter(); got < 7900*time.Microsecond || got > 8100*time.Microsecond {
		t.Errorf("jitter %v, want 8ms", got)
	}
	if got := r.Report(0, 8, 9).Jitter; got < 711 || got > 729 {
		t.Errorf("jitter %d in timestamp units, want 720", got)
	}
}

func TestRoundTripThroughReception(t *testing.T) {
	sent := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const way, held = 20 * time.Millisecond, 1500 * time.Millisecond
	var r rtcp.Reception
	receive(&r, 1)
	if _, ok := r.Report(0, 8, 9).RoundTrip(sent); ok {
		t.Error("a round trip without a sender report")
	}
	packet := rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 9, Wall: sent, RTPTime: 5, Packets: 6, Octets: 7}, "x")
	err := rtcp.Parse(packet, rtcp.Visitor{Sender: func(sr rtcp.SenderReport, ntp uint64) {
		if d := sr.Wall.Sub(sent); sr.SSRC != 9 || sr.RTPTime != 5 || sr.Packets != 6 || sr.Octets != 7 || d < -time.Microsecond || d > time.Microsecond {
			t.Errorf("%+v", sr)
		}
		r.SenderReport(way, ntp)
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := r.Report(way+held, 8, 9).RoundTrip(sent.Add(2*way + held))
	if !ok || got < 2*way-time.Millisecond || got > 2*way+time.Millisecond {
		t.Errorf("round trip %v %v, want %v", got, ok, 2*way)
	}
}

func TestAppendReceiverReport(t *testing.T) {
	for _, lost := range []int32{0, 5, -1, 1<<23 - 1, -1 << 23} {
		want := rtcp.ReceptionReport{Reporter: 8, SSRC: 9, FractionLost: 64, CumulativeLost: lost, HighestSequence: 0x10005, Jitter: 33, LastSR: 5, DelaySinceLastSR: 6}
		packet := rtcp.AppendReceiverGoodbye(nil, want, "reader")
		packets := unmarshal(t, packet)
		rr, ok := packets[0].(*pion.ReceiverReport)
		if !ok || len(packets) != 3 || rr.SSRC != 8 || rr.Reports[0].TotalLost != uint32(lost)&0xffffff || rr.Reports[0].Jitter != 33 {
			t.Errorf("%v", packets)
		}
		if bye, ok := packets[2].(*pion.Goodbye); !ok || bye.Sources[0] != 8 {
			t.Errorf("%v", packets)
		}
		var got rtcp.ReceptionReport
		if err := rtcp.Parse(packet, rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { got = r }}); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}

func TestGroupSize(t *testing.T) {
	packet := rtcp.AppendSenderReport(nil, report, "x")
	packet = rtcp.AppendGroupSize(packet, report.SSRC, report.Wall, 10000, 120)
	unmarshal(t, packet)
	calls := 0
	err := rtcp.Parse(packet, rtcp.Visitor{Group: func(ssrc uint32, receivers int) {
		calls++
		if ssrc != report.SSRC || receivers != 10000 {
			t.Errorf("%d receivers of %x", receivers, ssrc)
		}
	}})
	if err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	// More than an int of 32 bits can count.
	many := append(bytes.Clone(packet[:len(packet)-4]), 0xff, 0xff, 0xff, 0xff)
	err = rtcp.Parse(many, rtcp.Visitor{Group: func(_ uint32, receivers int) {
		if receivers != rtcp.MaxMembers {
			t.Errorf("%d receivers, want %d", receivers, rtcp.MaxMembers)
		}
	}})
	if err != nil {
		t.Error(err)
	}
	// A block of no length, and one that is longer than the packet, end the search.
	for _, length := range []byte{0, 3, 255} {
		broken := append([]byte(nil), packet...)
		broken[len(broken)-groupSizeBlock+1] = length
		err := rtcp.Parse(broken, rtcp.Visitor{Group: func(uint32, int) { t.Errorf("a block of length %d was taken", length) }})
		if err != nil {
			t.Error(err)
		}
	}
}

const groupSizeBlock = 8

func TestReceivingAllocatesNothing(t *testing.T) {
	var r rtcp.Reception
	buffer := make([]byte, 0, 512)
	n := testing.AllocsPerRun(100, func() {
		receive(&r, 1)
		buffer = rtcp.AppendReceiverGoodbye(buffer[:0], r.Report(0, 8, 9), "reader")
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
