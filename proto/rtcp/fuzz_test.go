package rtcp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// contents lists what Parse finds in a packet.
func contents(packet []byte) (found []string, err error) {
	err = rtcp.Parse(packet, rtcp.Visitor{
		Report: func(r rtcp.ReceptionReport) { found = append(found, fmt.Sprint("report ", r)) },
		Bye:    func(ssrc uint32) { found = append(found, fmt.Sprint("bye ", ssrc)) },
		Sender: func(sr rtcp.SenderReport, ntp uint64) {
			found = append(found, fmt.Sprint("sender ", sr.SSRC, ntp, sr.RTPTime, sr.Packets, sr.Octets))
		},
		Group: func(ssrc uint32, receivers int) { found = append(found, fmt.Sprint("group ", receivers)) },
	})
	return found, err
}

// contentsByPion lists what another implementation finds, but groups, which it does not know.
func contentsByPion(packet []byte) (found []string, err error) {
	packets, err := pion.Unmarshal(packet)
	if err != nil {
		return nil, err
	}
	reports := func(reporter uint32, all []pion.ReceptionReport) {
		for _, r := range all {
			found = append(found, fmt.Sprint("report ", rtcp.ReceptionReport{
				Reporter: reporter, SSRC: r.SSRC, FractionLost: r.FractionLost, CumulativeLost: int32(r.TotalLost<<8) >> 8,
				HighestSequence: r.LastSequenceNumber, Jitter: r.Jitter, LastSR: r.LastSenderReport, DelaySinceLastSR: r.Delay,
			}))
		}
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *pion.SenderReport:
			found = append(found, fmt.Sprint("sender ", p.SSRC, p.NTPTime, p.RTPTime, p.PacketCount, p.OctetCount))
			reports(p.SSRC, p.Reports)
		case *pion.ReceiverReport:
			reports(p.SSRC, p.Reports)
		case *pion.Goodbye:
			for _, ssrc := range p.Sources {
				found = append(found, fmt.Sprint("bye ", ssrc))
			}
		}
	}
	return found, nil
}

// FuzzParse: junk calls nothing, and what is taken means what it means to another implementation.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		found, err := contents(packet)
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet is changed")
		}
		if err != nil {
			if len(found) > 0 {
				t.Fatalf("%v of what is refused: %v", found, err)
			}
			return
		}
		found = slices.DeleteFunc(found, func(s string) bool { return s[0] == 'g' })
		// It refuses more, such as names that are no text.
		if theirs, err := contentsByPion(packet); err == nil && !slices.Equal(found, theirs) {
			t.Fatalf("% x: %q, want %q", packet, found, theirs)
		}
	})
}

// FuzzReception has a receiver get RTP packets and sender reports with any numbers, at any times.
func FuzzReception(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		var r rtcp.Reception
		now, packets := time.Duration(0), uint32(0)
		var sent time.Duration // when the last sender report came
		for ; len(in) >= 12 && now < 100*365*24*time.Hour; in = in[12:] {
			now += time.Duration(binary.BigEndian.Uint32(in)) << (in[4] % 24)
			sequence, timestamp := binary.BigEndian.Uint16(in[6:]), binary.BigEndian.Uint32(in[8:])
			if in[5]&1 != 0 {
				r.SenderReport(now, uint64(sequence)<<32|uint64(timestamp))
				sent = now
			}
			if r.Packet(now, sequence, timestamp) {
				packets++
			}
			switch {
			case r.Received() > packets || packets > 0 && (r.Received() == 0 || r.Expected() == 0):
				t.Fatalf("%d received, %d expected, after %d packets", r.Received(), r.Expected(), packets)
			case r.Jitter() < 0 || r.Jitter().Seconds() > math.MaxUint32/90000:
				t.Fatalf("jitter %v", r.Jitter())
			}
			if in[5]&2 == 0 {
				continue
			}
			lost := r.Lost()
			report := r.Report(now, 8, 9)
			want := int32(max(-1<<23, min(lost, 1<<23-1)))
			delay := time.Duration(report.DelaySinceLastSR) * time.Second / 65536
			switch {
			case report.Reporter != 8 || report.SSRC != 9 || report.CumulativeLost != want:
				t.Fatalf("%+v, and %d are lost", report, lost)
			case report.LastSR != 0 && (now-sent-delay).Abs() > time.Second/65536+2: // both are rounded
				t.Fatalf("the last sender report came %v ago, and %v are reported", now-sent, delay)
			case r.Report(now, 8, 9).FractionLost != 0:
				t.Fatal("lost since the last report, and nothing has come since")
			}
			var got rtcp.ReceptionReport
			if err := rtcp.Parse(rtcp.AppendReceiverReport(nil, report, "reader"), rtcp.Visitor{Report: func(r rtcp.ReceptionReport) { got = r }}); err != nil || got != report {
				t.Fatalf("%+v is read as %+v, %v", report, got, err)
			}
		}
	})
}

// FuzzInterval has other members report, leave and be counted as they like: the next report is
// never due sooner than the RFC's least interval allows, and always comes.
func FuzzInterval(f *testing.F) {
	f.Fuzz(func(t *testing.T, random byte, in []byte) {
		now := time.Hour
		i := rtcp.NewInterval(now, rtcp.IntervalConfig{Bandwidth: 1000, PacketBytes: 100, Random: func() float64 { return float64(random) / 256 }})
		for ; len(in) >= 6; in = in[6:] {
			number := binary.BigEndian.Uint32(in[2:])
			switch in[0] % 6 {
			case 0:
				i.SetMembers(now, int(min(number, rtcp.MaxMembers)), int(in[1]))
			case 1:
				i.Received(int(number % 65536))
			case 2:
				i.ReceivedGoodbye(now, int(number%65536))
			case 3:
				i.SetBandwidth(float64(number))
			case 4:
				now += time.Duration(number)
			case 5:
				if i.Leave(now, int(number%65536)) {
					return
				}
			}
			if i.Members() < 1 {
				t.Fatalf("%d members", i.Members())
			}
			if i.Next() > now+10*365*24*time.Hour {
				t.Fatalf("the next report is due in %v", i.Next()-now)
			}
			now = max(now, min(i.Next(), now+time.Minute))
			if i.Next() <= now && i.Expire(now) {
				i.Sent(now, 100)
				if wait := i.Next() - now; wait < 500*time.Millisecond {
					t.Fatalf("the next report is due in %v", wait)
				}
			}
		}
	})
}
