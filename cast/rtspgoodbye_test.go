package cast_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/rtcp"
)

// goodbye is a reader's RTCP BYE about the stream.
func (w *world) goodbye() []byte {
	return rtcp.AppendReceiverGoodbye(nil, rtcp.ReceptionReport{Reporter: 7, SSRC: w.s.SSRC()}, "reader")
}

// TestGoodbyeOfAnRTSPReader has a reader over RTSP and UDP say goodbye: its session ends, is not found
// any more, and the connection is open for another. A goodbye from elsewhere, or on a connection, ends
// nothing.
func TestGoodbyeOfAnRTSPReader(t *testing.T) {
	w := newWorld(t, 1, nil)
	v, overTCP := w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)
	w.run(time.Second)
	toRTCP := netip.AddrPortFrom(serverAddr, 5005)
	w.must(v.rtp.Send(toRTCP, w.goodbye())) // from another port
	stranger, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.1.3:20001"))
	w.must(err)
	w.must(stranger.Send(toRTCP, w.goodbye()))
	p := w.goodbye()
	if _, err := overTCP.conn.Write(append([]byte{'$', 1, 0, byte(len(p))}, p...)); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	if n := w.b.Readers(); n != 2 {
		t.Fatalf("%d readers after goodbyes from elsewhere", n)
	}
	w.must(v.rtcp.Send(toRTCP, p))
	w.run(100 * time.Millisecond)
	had, _ := v.rtp.Received()
	w.run(time.Second)
	if got, _ := v.rtp.Received(); w.b.Readers() != 1 || got != had || !strings.Contains(w.log.String(), "reason=goodbye") {
		t.Errorf("%d readers; %d more packets after its goodbye", w.b.Readers(), got-had)
	}
	if status, head := v.ask("PLAY", v.url(), ""); status != 454 {
		t.Errorf("a request for its session: %s", head)
	}
	v.session = ""
	if status := v.setupUDP(); status != 200 {
		t.Errorf("SETUP of another session on the same connection: %d", status)
	}
	v.play()
	if w.b.Readers() != 2 {
		t.Errorf("%d readers when it watches again", w.b.Readers())
	}
	overTCP.conn.Close()
	w.until(func() bool { return w.b.Readers() == 1 })
	if left := cast.Counts(w.b); left.SetUp != 0 {
		t.Errorf("the limits count %+v", left)
	}
}
