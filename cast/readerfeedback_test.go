package cast_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
)

// ownReader is one that a program adds by itself.
type ownReader struct {
	reader   *cast.UDPReader
	feedback cast.Feedback
	allocs   float64
}

func (o *ownReader) RTCP(packet []byte) {
	o.allocs = testing.AllocsPerRun(10, func() {
		o.feedback = cast.Feedback{} // which reads the packet, however soon after the last
		o.feedback.Take(o.reader, packet)
	})
}
func (o *ownReader) Lost(error) { o.reader.Leave() }

// TestFeedback has a reader that was added by Join be behind a link with a delay that loses
// a tenth, and looks at what its observer knows.
func TestFeedback(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Adapt = cast.AdaptOff })
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:7000"), RTCP: netip.MustParseAddrPort("10.0.1.1:7001")}
	w.k.SetLink(netip.MustParsePrefix("10.0.1.0/24"), sim.Link{Delay: 30 * time.Millisecond})
	media, err := w.k.NewUDPPeer(at.RTP)
	if err != nil {
		t.Fatal(err)
	}
	control, err := w.k.NewUDPPeer(at.RTCP)
	if err != nil {
		t.Fatal(err)
	}
	received, source, packets := rtcp.Reception{}, uint32(0), 0
	media.OnReceive(func(d sim.Datagram) {
		source = binary.BigEndian.Uint32(d.Payload[8:])
		if packets++; packets%10 == 0 {
			return
		}
		received.Packet(w.k.Monotonic(), binary.BigEndian.Uint16(d.Payload[2:]), binary.BigEndian.Uint32(d.Payload[4:]))
	})
	control.OnReceive(func(d sim.Datagram) {
		if err := rtcp.Parse(d.Payload, rtcp.Visitor{Sender: func(_ rtcp.SenderReport, ntp uint64) { received.SenderReport(w.k.Monotonic(), ntp) }}); err != nil {
			t.Error(err)
		}
	})
	o := &ownReader{}
	if o.reader, err = w.s.Join(at, o); err != nil {
		t.Fatal(err)
	}
	if f := o.feedback.Figures(o.reader); f.Reports != 0 || f.Peer != at.RTP {
		t.Errorf("before any report: %+v", f)
	}
	w.run(5 * time.Second)
	report := rtcp.AppendReceiverReport(nil, received.Report(w.k.Monotonic(), 1, source), "reader")
	if err := control.Send(netip.AddrPortFrom(serverAddr, 5005), report); err != nil {
		t.Fatal(err)
	}
	w.run(2 * time.Second)
	f := o.feedback.Figures(o.reader)
	if share := float64(f.CumulativeLost) / float64(packets); share < 0.06 || share > 0.11 || f.FractionLost < 0.09 || f.FractionLost > 0.11 {
		t.Errorf("a tenth is lost: %+v", f)
	}
	if f.Reports != 1 || f.Frames < 200 || f.HighestSequence == 0 || f.Age.Round(time.Second) != 2*time.Second {
		t.Errorf("%+v", f)
	}
	if !f.RoundTripKnown || f.RoundTrip < 29*time.Millisecond || f.RoundTrip > 35*time.Millisecond {
		t.Errorf("round trip %v, known: %v; want 30ms", f.RoundTrip, f.RoundTripKnown)
	}
	if o.allocs != 0 {
		t.Errorf("%v allocations for a report, want 0", o.allocs)
	}
	o.reader.Leave()
	if f := o.feedback.Figures(o.reader); f.Reports != 1 || f.Peer.IsValid() {
		t.Errorf("after it has left: %+v", f)
	}
}

// TestReportsOverTCP has a reader whose RTP is interleaved report on the same connection, 100
// ms after it was told the time.
func TestReportsOverTCP(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.1.1", true)
	w.until(func() bool { return len(v.reports) > 0 })
	var source, lastSR uint32
	if err := rtcp.Parse(v.reports[0], rtcp.Visitor{Sender: func(sr rtcp.SenderReport, ntp uint64) { source, lastSR = sr.SSRC, uint32(ntp>>16) }}); err != nil {
		t.Fatal(err)
	}
	const held, way = 100 * time.Millisecond, 40 * time.Millisecond
	w.run(held + way)
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{
		Reporter: 7, SSRC: source, FractionLost: 64, CumulativeLost: -3, HighestSequence: 70000, Jitter: 180,
		LastSR: lastSR, DelaySinceLastSR: uint32(held * 65536 / time.Second),
	}, "reader")
	framed := append([]byte{'$', 1, 0, byte(len(report))}, report...)
	for _, part := range [][]byte{framed[:3], framed[3:]} { // players write header and packet apart
		if _, err := v.conn.Write(part); err != nil {
			t.Fatal(err)
		}
		w.run(0)
	}
	w.until(func() bool { return only(t, w).Reports > 0 })
	f := only(t, w)
	if f.Peer != v.conn.Addr() || f.Transport != cast.TCP || f.FractionLost != 0.25 || f.CumulativeLost != -3 || f.HighestSequence != 70000 || f.Jitter != 2*time.Millisecond {
		t.Errorf("%+v", f)
	}
	if d := f.RoundTrip - way; !f.RoundTripKnown || d < -time.Millisecond || d > 5*time.Millisecond {
		t.Errorf("round trip %v, known: %v; want %v", f.RoundTrip, f.RoundTripKnown, way)
	}
}
