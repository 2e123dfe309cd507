package attack

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/whep"
	"github.com/pion/stun/v3"
)

// filmName is a stream of H.264 that viewers watch by WebRTC while that is attacked, and filmed has its source.
const (
	filmName = "film"
	filmed   = filmName + "=testcard:?encode=h264&bitrate=500k&keyframe=1s&size=320x240&fps=15"
)

// overWebRTC is one more way, if the daemon has that stream.
var overWebRTC = way{"WebRTC", func(ip netip.Addr, to target) (*viewer, error) {
	to.stream, to.coded = filmName, true
	return watchWebRTC(ip, to)
}}

// judgeWebRTC attacks WebRTC, beside viewers by it and by others.
func judgeWebRTC(t *testing.T, attack func(*testing.T, *strike)) {
	t.Helper()
	newHall(t, surroundings{http: true, webrtc: true}).judge(attack)
}

// open opens a session of the attacked daemon, whatever the traffic goes to.
func (s *strike) open(ip netip.Addr) (*webRTC, error) {
	to := s.daemon
	to.stream = filmName
	return openWebRTC(ip, to)
}

// TestForgedSTUN sends 200 000 checks in a second, from 200 addresses: for sessions that there are not, for one that there is by
// a wrong password, and what is no check.
func TestForgedSTUN(t *testing.T) {
	judgeWebRTC(t, func(t *testing.T, s *strike) {
		own, err := s.open(address(0, 200))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { own.Close() })
		check := func(user string) []byte {
			m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user), stun.NewShortTermIntegrity("guessed"), stun.Fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			return m.Raw
		}
		whole := check(own.user)
		packets := [][]byte{check("0123456789abcdef0123456789abcdef:viewer"), whole, whole[:40], {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}}
		s.flood(t, load(200_000), 200, s.to.rtp, func(n int) []byte { return packets[n%len(packets)] })
	})
}

// dtlsHello is how a DTLS client begins.
func dtlsHello(t *testing.T) []byte {
	t.Helper()
	var sockets [2]*net.UDPConn
	for i := range sockets {
		var err error
		if sockets[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		defer sockets[i].Close()
	}
	c, err := dtlsClient(sockets[0], sockets[1].LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.HandshakeContext(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	p := make([]byte, 2048)
	_ = sockets[1].SetReadDeadline(time.Now().Add(patience))
	n, err := sockets[1].Read(p)
	if err != nil {
		t.Fatal(err)
	}
	return p[:n]
}

// TestDTLSHelloFlood sends 50 000 ClientHellos in a second from addresses that have proved nothing.
func TestDTLSHelloFlood(t *testing.T) {
	hello := dtlsHello(t)
	judgeWebRTC(t, func(t *testing.T, s *strike) {
		s.flood(t, load(50_000), 200, s.to.rtp, func(int) []byte { return hello })
	})
}

// nobodysOffer is an offer with the fingerprint of no certificate.
var nobodysOffer = offerOf(whep.Fingerprint{Hash: "sha-256", Digest: make([]byte, sha256.Size)})

// TestHalfHandshakes has 1000 sessions a second be opened from 15 addresses, prove their addresses, send a ClientHello again
// and again, and go.
func TestHalfHandshakes(t *testing.T) {
	hello := dtlsHello(t)
	request := offerRequest(filmName, nobodysOffer)
	judgeWebRTC(t, func(t *testing.T, s *strike) {
		for i := range load(100) {
			s.all.Go(func() {
				for n := i; s.pause(100 * time.Millisecond); n += load(100) {
					s.halfHandshake(address(n, 15), request, hello)
				}
			})
		}
	})
}

// halfHandshake opens a session and begins a handshake. What only discards traffic is sent the request for a session.
func (s *strike) halfHandshake(ip netip.Addr, request, hello []byte) {
	if !s.attacks() {
		if c, err := dialFrom(s, ip, s.to.http); err == nil {
			_, _ = c.Write(request)
			_ = c.SetLinger(0)
			c.Close()
			s.sent.Add(1)
		}
		return
	}
	w, err := s.open(ip)
	if err != nil {
		return // a limit is reached
	}
	defer w.UDPConn.Close()
	if w.prove() != nil {
		return
	}
	for range 10 {
		_, _ = w.WriteToUDPAddrPort(hello, w.server)
		s.sent.Add(1)
	}
}

// TestSRTCPFlood has somebody who watches send what is not authentic, what has come before, and sealed NACKs of all packets
// and requests for key frames: 50 000 in a second. Others send in the name of viewers.
func TestSRTCPFlood(t *testing.T) {
	judgeWebRTC(t, func(t *testing.T, s *strike) {
		w, err := s.open(address(1, 200))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.prove(), w.shake()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.UDPConn.Close() })
		ssrc := make(chan uint32, 1)
		go w.listen(ssrc)
		of := <-ssrc
		to := s.to.rtp
		began, first := time.Now(), []byte(nil)
		s.all.Go(func() {
			for number := 0; s.pause(2 * time.Millisecond); {
				for due := int(time.Since(began).Seconds() * float64(load(50_000))); number < due; number++ {
					p, err := w.out.EncryptRTCP(nil, missing(of, uint16(number)), nil)
					if err != nil {
						s.fault(err)
						return
					}
					switch {
					case first == nil:
						first = p
					case number%4 == 1:
						p = first
					case number%4 == 2:
						p[len(p)-5] ^= 1
					}
					if _, err := w.WriteToUDPAddrPort(p, to); err == nil {
						s.sent.Add(1)
					}
				}
			}
		})
		forged := append(missing(of, 1), make([]byte, 20)...)
		s.flood(t, load(20_000), 100, to, func(int) []byte { return forged })
	})
}

// listen sends the SSRC of the stream to ssrc, and drops what comes.
func (w *webRTC) listen(ssrc chan<- uint32) {
	for p := make([]byte, 2048); ; {
		n, err := w.UDPConn.Read(p)
		if err != nil {
			return
		}
		if n >= 12 && p[0]>>6 == 2 && !isRTCP(p[:n]) {
			select {
			case ssrc <- binary.BigEndian.Uint32(p[8:]):
			default:
			}
		}
	}
}

// missing is a receiver report, a NACK of 16 * 17 packets from one on, and a request for a key frame (RFC 4585).
func missing(ssrc uint32, from uint16) []byte {
	const reporter = 7 // an SSRC
	p := []byte{0x80, 201, 0, 1, 0, 0, 0, reporter, 0x81, 205, 0, 18, 0, 0, 0, reporter}
	p = binary.BigEndian.AppendUint32(p, ssrc)
	for range 16 {
		p = binary.BigEndian.AppendUint16(p, from)
		p = binary.BigEndian.AppendUint16(p, 0xffff)
		from += 17
	}
	p = append(p, 0x81, 206, 0, 2, 0, 0, 0, reporter)
	return binary.BigEndian.AppendUint32(p, ssrc)
}

// TestOffers has 40 connections make offers as fast as they are answered: of 1 MB, of nonsense, and good ones, more than there
// may be sessions.
func TestOffers(t *testing.T) {
	// The first kind has its connection closed, and comes once in forty times.
	var requests [][]byte
	for _, sdp := range []string{
		nobodysOffer + strings.Repeat("a=x\r\n", 1<<20/5), strings.Repeat("v=0\r\n", 5000), nobodysOffer + strings.Repeat("a=rtcp-fb:102 nack\r\n", 1400), nobodysOffer,
	} {
		requests = append(requests, offerRequest(filmName, sdp))
	}
	wants := [][2]int{{413, 413}, {400, 406}, {201, 503}, {201, 503}}
	judgeWebRTC(t, func(t *testing.T, s *strike) {
		s.to.rtsp, s.daemon.rtsp = s.to.http, s.daemon.http
		s.connections(load(40), 10, func(c *connection) error {
			in := bufio.NewReader(c)
			for i := 1; s.pause(time.Millisecond); i++ {
				kind := i % len(requests)
				if kind == 0 && i%40 != 0 {
					kind = 1
				}
				if err := c.write(requests[kind]); err != nil || !s.attacks() {
					if err != nil {
						return err
					}
					continue
				}
				answer, err := http.ReadResponse(in, nil)
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					return err
				}
				if status := answer.StatusCode; status != wants[kind][0] && status != wants[kind][1] {
					s.fault(fmt.Errorf("an offer of kind %d is answered by %s", kind, answer.Status))
				}
				if answer.Close {
					return io.EOF
				}
			}
			return io.EOF
		})
	})
}
