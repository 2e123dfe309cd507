package attack

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// TestForgedJoins asks to join 30000 times a second, from many addresses, and never comes back with
// a cookie.
func TestForgedJoins(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
		s.flood(t, load(33_000), 500, s.to.rtp, func(int) []byte { return request })
	})
}

// TestCookieGuesses comes with cookies of the right time and guessed codes, so that each has to be
// computed.
func TestCookieGuesses(t *testing.T) {
	newHall(t, surroundings{}).judge(func(t *testing.T, s *strike) {
		cookie, _ := cookieFor(t, s.daemon, address(1, 2))
		random := rand.New(rand.NewPCG(1, 2))
		s.flood(t, load(30_000), 500, s.to.rtp, func(int) []byte {
			for i := 4; i < len(cookie); i += 8 {
				binary.BigEndian.PutUint64(cookie[i:], random.Uint64())
			}
			return join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Cookie: cookie, Stream: []byte("cam")})
		})
	})
}

// TestReplay sends a request with a valid cookie again and again: from where it is valid, and from
// many addresses where it is not.
func TestReplay(t *testing.T) {
	h := newHall(t, surroundings{})
	h.judge(func(t *testing.T, s *strike) {
		cookie, socket := cookieFor(t, s.daemon, netip.AddrFrom4([4]byte{127, 70, 0, 1}))
		request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Cookie: cookie, Stream: []byte("cam")})
		s.flood(t, load(15_000), 500, s.to.rtp, func(int) []byte { return request })
		s.all.Go(func() {
			defer socket.Close()
			for n := 0; s.pause(2 * time.Millisecond); {
				for range load(30) {
					_, _ = socket.WriteToUDPAddrPort(request, s.to.rtp)
					n++
				}
			}
			goodbye(socket, s.daemon.rtp)
		})
	})
}

// cookieFor asks the daemon for a cookie, for the socket that it returns.
func cookieFor(t *testing.T, to target, ip netip.Addr) (join.Cookie, *net.UDPConn) {
	t.Helper()
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
	if _, err := socket.WriteToUDPAddrPort(request, to.rtp); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 2048)
	_ = socket.SetReadDeadline(time.Now().Add(patience))
	n, _, err := socket.ReadFromUDPAddrPort(p)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := join.ParseAnswer(p[:n])
	if err != nil || answer.Challenge == nil {
		t.Fatalf("no cookie: %+v, %v", answer, err)
	}
	return *answer.Challenge, socket
}
