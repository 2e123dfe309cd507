package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/proto/whep"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"
)

// A viewer by WebRTC has a socket of its own, on which it does by pion's packages what a browser does: STUN, DTLS, SRTP. It
// does not ask for lost packets again, so that each is counted.

// viewersCertificate is that of all of them.
var viewersCertificate = sync.OnceValues(selfsign.GenerateSelfSigned)

const (
	viewersUfrag, viewersPassword = "viewer", "a-password-that-is-long"
	// checkInterval is how often a viewer says that it still wants the stream.
	checkInterval = 5 * time.Second
)

// offerFormat is what a viewer offers, but for its certificate's fingerprint.
const offerFormat = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\n" +
	"a=ice-ufrag:" + viewersUfrag + "\r\na=ice-pwd:" + viewersPassword + "\r\na=fingerprint:%s\r\na=setup:actpass\r\na=mid:0\r\na=recvonly\r\n" +
	"a=rtcp-mux\r\na=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack pli\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"

// offerOf is the SDP that a viewer offers, with its certificate's fingerprint.
func offerOf(f whep.Fingerprint) string { return fmt.Sprintf(offerFormat, f) }

// offerRequest is a request that posts an SDP, to watch a stream.
func offerRequest(stream, sdp string) []byte {
	return fmt.Appendf(nil, "POST /%s/whep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", stream, len(sdp), sdp)
}

// dtlsClient is a DTLS client with the viewers' certificate.
func dtlsClient(conn net.PacketConn, to net.Addr) (*dtls.Conn, error) {
	certificate, err := viewersCertificate()
	if err != nil {
		return nil, err
	}
	return dtls.ClientWithOptions(conn, to, dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM))
}

// webRTC is the connection of one viewer.
type webRTC struct {
	*net.UDPConn
	server   netip.AddrPort
	user     string // of STUN
	password string // of the server
	// isPlaying: the handshake is over, and nothing more is sent in it. released is closed when DTLS has stopped reading.
	isPlaying atomic.Bool
	released  chan struct{}
	release   sync.Once
	in, out   *srtp.Context
	checked   time.Time
}

// openWebRTC has a viewer open a socket and a session.
func openWebRTC(ip netip.Addr, to target) (*webRTC, error) {
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, err
	}
	w := &webRTC{UDPConn: socket, released: make(chan struct{})}
	if err := w.open(ip, to); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return w, nil
}

// watchWebRTC has a viewer watch by WebRTC.
func watchWebRTC(ip netip.Addr, to target) (*viewer, error) {
	w, err := openWebRTC(ip, to)
	if err != nil {
		return nil, err
	}
	socket := w.UDPConn
	if err := errors.Join(socket.SetReadBuffer(usualBuffer), w.prove(), w.shake()); err != nil {
		return nil, errors.Join(fmt.Errorf("WebRTC from %v: %w", ip, err), socket.Close())
	}
	v := newViewer()
	v.coded, v.socket, v.close = true, socket, func() { socket.Close() }
	go v.read(socket, func(p []byte) { w.take(v, p) })
	return v, nil
}

// attributes finds the attributes of an answer that a viewer needs.
var attributes = regexp.MustCompile(`(?m)^a=(ice-ufrag|ice-pwd|candidate):(.+?)\r?$`)

// open has the server open a session.
func (w *webRTC) open(ip netip.Addr, to target) error {
	certificate, err := viewersCertificate()
	if err != nil {
		return err
	}
	c, err := newClient(ip, to.http)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(offerRequest(to.stream, offerOf(whep.FingerprintOf(certificate.Certificate[0])))); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	sdp, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s: %v", answer.Status, sdp, err)
	}
	for _, a := range attributes.FindAllStringSubmatch(string(sdp), -1) {
		switch a[1] {
		case "ice-ufrag":
			w.user = a[2] + ":" + viewersUfrag
		case "ice-pwd":
			w.password = a[2]
		case "candidate":
			if fields := strings.Fields(a[2]); !w.server.IsValid() && len(fields) > 5 {
				w.server, err = netip.ParseAddrPort(net.JoinHostPort(fields[4], fields[5]))
			}
		}
	}
	return err
}

// check sends a check of STUN, by which the server knows that the viewer is there.
func (w *webRTC) check() error {
	w.checked = time.Now()
	priority := stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 0, 0xff}}
	controlling := stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(w.user), priority, controlling,
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(w.password), stun.Fingerprint)
	if err != nil {
		return err
	}
	_, err = w.WriteToUDPAddrPort(request.Raw, w.server)
	return err
}

// prove proves the address.
func (w *webRTC) prove() error {
	_ = w.SetReadDeadline(time.Now().Add(patience))
	if err := w.check(); err != nil {
		return err
	}
	for p := make([]byte, 2048); ; {
		n, _, err := w.ReadFromUDPAddrPort(p)
		if err != nil {
			return fmt.Errorf("the check is not answered: %w", err)
		}
		if m := (&stun.Message{Raw: p[:n]}); stun.IsMessage(p[:n]) && m.Decode() == nil && m.Type == stun.BindingSuccess {
			return w.SetReadDeadline(time.Time{})
		}
	}
}

// ReadFrom reads datagrams of DTLS, until the handshake is over.
func (w *webRTC) ReadFrom(p []byte) (int, net.Addr, error) {
	for !w.isPlaying.Load() {
		n, from, err := w.UDPConn.ReadFrom(p)
		if !w.isPlaying.Load() && (err != nil || n > 0 && p[0] >= 20 && p[0] <= 63) {
			return n, from, err
		}
	}
	w.release.Do(func() { close(w.released) })
	return 0, nil, net.ErrClosed
}

// WriteTo sends datagrams of DTLS, until the handshake is over.
func (w *webRTC) WriteTo(p []byte, to net.Addr) (int, error) {
	if w.isPlaying.Load() {
		return len(p), nil
	}
	return w.UDPConn.WriteTo(p, to)
}

// Close closes nothing: the socket is still of use.
func (w *webRTC) Close() error { return nil }

// shake does the handshake, and then drops DTLS without a close_notify, as that would end the session.
func (w *webRTC) shake() error {
	c, err := dtlsClient(w, net.UDPAddrFromAddrPort(w.server))
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := c.HandshakeContext(ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	state, _ := c.ConnectionState()
	const key, salt = 16, 12
	keys, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt)) // ours and theirs, and then the salts
	if err == nil {
		w.out, err = srtp.CreateContext(keys[:key], keys[2*key:2*key+salt], srtp.ProtectionProfileAeadAes128Gcm)
	}
	if err == nil {
		w.in, err = srtp.CreateContext(keys[key:2*key], keys[2*key+salt:], srtp.ProtectionProfileAeadAes128Gcm)
	}
	w.isPlaying.Store(true)
	_ = w.SetReadDeadline(time.Now()) // ends the read that waits
	<-w.released
	_ = c.Close()
	return errors.Join(err, w.SetReadDeadline(time.Time{}))
}

// take takes a datagram.
func (w *webRTC) take(v *viewer, p []byte) {
	if time.Since(w.checked) > checkInterval {
		_ = w.check()
	}
	switch {
	case len(p) == 0 || p[0] < 128:
	case isRTCP(p):
		if plain, err := w.in.DecryptRTCP(nil, p, nil); err == nil {
			v.reports(plain)
		}
	default:
		plain, err := w.in.DecryptRTP(nil, p, nil)
		if err != nil {
			v.lost()
			return
		}
		v.packet(plain)
	}
	if report := v.report(nil); len(report) > 0 {
		if sealed, err := w.out.EncryptRTCP(nil, report, nil); err == nil {
			_, _ = w.WriteToUDPAddrPort(sealed, w.server)
		}
	}
}

// lost notes a packet that could not be opened.
func (v *viewer) lost() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.missed++
}

var _ net.PacketConn = (*webRTC)(nil)
