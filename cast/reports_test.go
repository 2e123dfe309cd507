package cast_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
)

// report makes a receiver report with one block, and the items that a player adds.
func report(reporter, ssrc uint32, fraction byte, lost int32, highest, jitter uint32, description ...byte) []byte {
	p := []byte{0x81, 201, 0, 7}
	for _, v := range []uint32{reporter, ssrc, uint32(fraction)<<24 | uint32(lost)&0xffffff, highest, jitter, 0, 0} {
		p = binary.BigEndian.AppendUint32(p, v)
	}
	return append(p, description...)
}

// TestReportsOfPlayers has reports come as players send them, and looks at the figures.
func TestReportsOfPlayers(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Adapt = cast.AdaptOff })
	v := w.watch("10.0.1.1", false)
	w.run(time.Second)
	ssrc := ssrcOf(t, w)
	for _, c := range []struct {
		name    string
		packets [][]byte
		want    cast.ReaderFigures // Reports is how many more
	}{
		{"what opens firewalls", [][]byte{{0x80, 201, 0, 1, 0, 0, 0, 0}, {0xce, 0xfa, 0xed, 0xfe}, make([]byte, 200)}, cast.ReaderFigures{}},
		// ffmpeg: its SSRC is the stream's plus one, and the name is its own idea.
		{"ffmpeg, nothing lost, a duplicate", [][]byte{report(ssrc+1, ssrc, 0, -1, 4000, 90, 0x81, 202, 0, 3, 0, 0, 0, 9, 1, 2, 'v', 'm', 0, 0, 0, 0)},
			cast.ReaderFigures{Reports: 1, CumulativeLost: -1, HighestSequence: 4000, Jitter: time.Millisecond}},
		{"gstreamer, an eighth lost", [][]byte{report(77, ssrc, 32, 500, 70000, 900, 0x81, 202, 0, 4, 0, 0, 0, 77, 1, 8, 'u', 's', 'e', 'r', '@', 'h', 's', 't', 0, 0)},
			cast.ReaderFigures{Reports: 1, FractionLost: 0.125, CumulativeLost: 500, HighestSequence: 70000, Jitter: 10 * time.Millisecond}},
		{"live555, a report on another source, too", [][]byte{append(report(5, ssrc, 255, 1<<23-1, 1<<31, 9, 0x81, 202, 0, 2, 0, 0, 0, 5, 1, 1, 'x', 0), report(5, ssrc+9, 0, 3, 9, 9)...)},
			cast.ReaderFigures{Reports: 1, FractionLost: 255.0 / 256, CumulativeLost: 1<<23 - 1, HighestSequence: 1 << 31, Jitter: 100 * time.Microsecond}},
		{"as many as ffmpeg sends in a second", slices.Repeat([][]byte{report(ssrc+1, ssrc, 0, 2, 80000, 0)}, 3),
			cast.ReaderFigures{Reports: 1, CumulativeLost: 2, HighestSequence: 80000}},
		{"on another stream", [][]byte{report(6, ssrc+1, 9, 9, 9, 9)}, cast.ReaderFigures{CumulativeLost: 2, HighestSequence: 80000}},
	} {
		before := only(t, w)
		for _, p := range c.packets {
			if err := v.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), p); err != nil {
				t.Fatal(err)
			}
		}
		w.run(time.Second)
		got := only(t, w)
		c.want.Reports += before.Reports
		got.Peer, got.Transport, got.Frames, got.Lags, got.Age = netip.AddrPort{}, 0, 0, 0, 0
		got.Watched = 0
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func only(t *testing.T, w *world) cast.ReaderFigures {
	t.Helper()
	all := w.figures()
	if len(all) != 1 {
		t.Fatalf("%d readers", len(all))
	}
	return all[0]
}

// ssrcOf finds the stream's SSRC as a reader does.
func ssrcOf(t *testing.T, w *world) (ssrc uint32) {
	t.Helper()
	v := w.connect("10.0.7.7")
	v.setupUDP()
	v.play()
	v.rtp.OnReceive(func(d sim.Datagram) { ssrc = binary.BigEndian.Uint32(d.Payload[8:]) })
	w.run(100 * time.Millisecond)
	v.ask("TEARDOWN", streamURL, "")
	w.run(100 * time.Millisecond)
	if ssrc == 0 {
		t.Fatal("no packet came")
	}
	return ssrc
}
