package cast_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
)

// FuzzDatagrams has strangers send any datagrams to the RTP and RTCP ports, by turns. Each is sent
// no more bytes than it has sent, as it has proved nothing, and a reader gets its frames meanwhile.
func FuzzDatagrams(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		w := newWorld(t, 1, nil)
		honest := w.joins("10.0.1.1:7000", "cam")
		w.run(200 * time.Millisecond)
		const strangers = 3
		var peers [strangers]*sim.UDPPeer
		var sent [strangers]uint64
		for i := range peers {
			var err error
			if peers[i], err = w.k.NewUDPPeer(netip.MustParseAddrPort(fmt.Sprintf("10.9.0.%d:5000", i+1))); err != nil {
				t.Fatal(err)
			}
			peers[i].CountOnly()
		}
		for n := 0; len(in) > 2 && n < 40; n++ {
			who, port, length := in[0]%strangers, 5004+uint16(in[1]%2), min(int(in[2]), len(in)-3)
			packet := in[3 : 3+length]
			in = in[3+length:]
			if err := peers[who].Send(netip.AddrPortFrom(serverAddr, port), packet); err != nil {
				t.Fatal(err)
			}
			sent[who] += uint64(length)
			if n%8 == 7 {
				w.run(20 * time.Millisecond)
			}
		}
		before := honest.frames
		w.run(200 * time.Millisecond)
		for i, p := range peers {
			if datagrams, bytes := p.Received(); bytes > sent[i] {
				t.Fatalf("%d bytes are answered by %d, in %d datagrams", sent[i], bytes, datagrams)
			}
		}
		if w.b.Readers() != 1 || honest.frames-before < framesPerSecond/5-1 || honest.depack.Dropped > 0 {
			t.Fatalf("%d readers; the one that has joined got %d frames in 0.2 s, and %d were dropped", w.b.Readers(), honest.frames-before, honest.depack.Dropped)
		}
	})
}
