package attack

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// goodbye has a reader leave.
func goodbye(socket *net.UDPConn, to netip.AddrPort) {
	_, _ = socket.WriteToUDPAddrPort(rtcp.AppendReceiverGoodbye(nil, rtcp.ReceptionReport{Reporter: 5}, "reader"), to)
}

// TestRTCPFlood sends 42000 reports a second from many addresses to the RTCP port.
func TestRTCPFlood(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "nobody")
		s.flood(t, load(42_000), 500, s.to.rtcp, func(int) []byte { return report })
	})
}

// TestForgedReports sends reports and goodbyes in the viewers' names, to both ports, from elsewhere.
func TestForgedReports(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		v := s.viewers[0]
		v.mutex.Lock()
		worst := rtcp.ReceptionReport{Reporter: 1, SSRC: v.ssrc, FractionLost: 255, CumulativeLost: 1 << 20, HighestSequence: uint32(v.highest)}
		v.mutex.Unlock()
		packets := [][]byte{rtcp.AppendReceiverReport(nil, worst, "viewer"), rtcp.AppendReceiverGoodbye(nil, worst, "viewer")}
		for _, port := range []netip.AddrPort{s.to.rtp, s.to.rtcp} {
			s.flood(t, load(10_000), 100, port, func(n int) []byte { return packets[n%2] })
		}
	})
}

// TestJunkDatagrams sends random bytes to both UDP ports.
func TestJunkDatagrams(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		for _, port := range []netip.AddrPort{s.to.rtp, s.to.rtcp} {
			random := rand.New(rand.NewPCG(3, 4))
			junk := make([]byte, 1400)
			s.flood(t, load(15_000), 100, port, func(n int) []byte {
				p := junk[:1+n%len(junk)]
				for i := 0; i+8 <= min(len(p), 64); i += 8 {
					binary.BigEndian.PutUint64(p[i:], random.Uint64())
				}
				if n%2 == 0 && len(p) > 1 {
					p[0], p[1] = 0x81, byte(200+n%8) // what begins like RTCP
				}
				return p
			})
		}
	})
}

// TestLiars has 20 viewers of two hosts report that they lose half of what they are sent. They are
// sent fewer frames, and others are not.
func TestLiars(t *testing.T) {
	h := newHall(t, surroundings{})
	h.judge(func(t *testing.T, s *strike) {
		for i := range load(20) {
			socket, v := liar(t, s, i)
			s.all.Go(func() {
				defer socket.Close()
				for n := uint32(1); s.pause(100 * time.Millisecond); n++ {
					v.mutex.Lock()
					lie := rtcp.ReceptionReport{Reporter: 1, SSRC: v.ssrc, FractionLost: 128, CumulativeLost: int32(10 * n), HighestSequence: uint32(v.highest)}
					v.mutex.Unlock()
					_, _ = socket.WriteToUDPAddrPort(rtcp.AppendReceiverReport(nil, lie, "liar"), s.to.rtp)
					s.sent.Add(1)
				}
				goodbye(socket, s.daemon.rtp)
			})
		}
	})
}

// liar joins.
func liar(t *testing.T, s *strike, i int) (*net.UDPConn, *viewer) {
	t.Helper()
	cookie, socket := cookieFor(t, s.daemon, address(i, 2))
	_ = socket.SetReadDeadline(time.Time{})
	request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Cookie: cookie, Stream: []byte("cam")})
	if _, err := socket.WriteToUDPAddrPort(request, s.daemon.rtp); err != nil {
		t.Fatal(err)
	}
	v := newViewer()
	go v.read(socket, v.either)
	return socket, v
}
