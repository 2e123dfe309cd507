package cast_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
	pion "github.com/pion/srtp/v3"
)

// outageViewer is a viewer with keys of its own, which guesses the rollover counter as RFC 3711 says, and reports what it has received
// as aiortc does: by the lower 16 bits.
type outageViewer struct {
	peer           *sim.UDPPeer
	session        *cast.Session
	opener, sealer *pion.Context
	ssrc           uint32
	highest        uint16
	opened, failed int
}

var outageAddr = netip.MustParseAddrPort("10.0.2.1:20000")

// newOutageViewer has one play a stream.
func newOutageViewer(p *privateWorld, s *cast.Stream) *outageViewer {
	p.t.Helper()
	v := &outageViewer{}
	var err error
	v.peer, err = p.k.NewUDPPeer(outageAddr)
	p.must(err)
	v.peer.OnReceive(func(d sim.Datagram) { v.arrived(d.Payload) })
	v.session, err = p.world.b.OpenSession(cast.SessionOptions{Stream: s, Protocol: cast.WebRTC, Peer: outageAddr})
	p.must(err)
	key := make([]byte, srtp.AEADAES128GCM.KeyBytes())
	for _, c := range []**pion.Context{&v.opener, &v.sealer} {
		*c, err = pion.CreateContext(key[:16], key[16:], pion.ProtectionProfileAeadAes128Gcm)
		p.must(err)
	}
	offered, err := s.Private()
	p.must(err)
	v.ssrc = offered.SSRC
	p.must(v.session.PlayPrivate(cast.Private{Profile: srtp.AEADAES128GCM, Ours: key, Theirs: key, Peer: outageAddr, Local: serverAddr, PayloadType: 96}))
	p.world.b.HandleDatagrams(128, 191, func(d udp.Datagram) bool { return v.session.TakePrivateRTCP(d.Payload) })
	return v
}

// arrived takes a packet.
func (v *outageViewer) arrived(p []byte) {
	if p[1] >= 192 && p[1] <= 223 {
		return
	}
	if _, err := v.opener.DecryptRTP(nil, p, nil); err != nil {
		v.failed++
		return
	}
	if sequence := binary.BigEndian.Uint16(p[2:]); v.opened == 0 || int16(sequence-v.highest) > 0 {
		v.highest = sequence
	}
	v.opened++
}

// report reports what has come.
func (v *outageViewer) report(p *privateWorld) {
	sealed, err := v.sealer.EncryptRTCP(nil, rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: v.ssrc, HighestSequence: uint32(v.highest)}, "viewer"), nil)
	p.must(err)
	p.must(v.peer.Send(netip.AddrPortFrom(serverAddr, 5004), sealed))
}

// TestPrivateOutage has nothing come to a viewer for 29 s, within which 174 000 packets would be sent to it, more than two rounds of
// sequence numbers: when the way works again it can open all that comes. Its own reports come meanwhile, or not.
func TestPrivateOutage(t *testing.T) {
	const interval, frameBytes, outage = time.Second / 60, 50_000, 29 * time.Second
	for name, reports := range map[string]bool{"one way": true, "both ways": false} {
		t.Run(name, func(t *testing.T) {
			p := newPrivateWorld(t, 10, func(c *cast.Config) { c.MTU = 576 })
			params := &media.Params{Format: media.H264, Width: 640, Height: 480, FramesPerSecond: 60}
			s, err := p.world.b.AddStream("program", nil, cast.StreamOptions{Params: params})
			p.must(err)
			v := newOutageViewer(p, s)
			key, other := nal.Append(nil, append([]byte{0x65}, make([]byte, frameBytes)...)), nal.Append(nil, append([]byte{0x41}, make([]byte, frameBytes)...))
			frame := 0
			play := func(d time.Duration, reports bool) {
				for end := p.l.Now() + d; p.l.Now() < end; frame++ {
					f := media.Frame{Params: params, Bytes: other, Captured: p.l.Now()}
					if frame%30 == 0 {
						f.Bytes, f.Key = key, true
					}
					p.must(s.Publish(f))
					if reports && frame%60 == 59 {
						v.report(p)
					}
					p.run(interval)
				}
			}
			play(1500*time.Millisecond, true)
			if v.opened < 9000 || v.failed > 0 {
				t.Fatalf("%d packets came before, and %d that it cannot open", v.opened, v.failed)
			}
			v.report(p)
			p.k.SetLink(netip.PrefixFrom(outageAddr.Addr(), 32), sim.Link{Down: true})
			play(outage, reports)
			p.k.SetLink(netip.PrefixFrom(outageAddr.Addr(), 32), sim.Link{})
			v.report(p)
			play(2*time.Second, true)
			opened, frames := v.opened, v.session.Figures().Frames
			play(time.Second, true)
			if n := v.opened - opened; n < 59*100 || v.failed > 0 || v.session.Figures().Frames-frames < 59 {
				t.Errorf("in a second %d packets came; %d that it cannot open since the outage; session: %+v", n, v.failed, v.session.Figures())
			}
		})
	}
}
