package webrtc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	peer "github.com/pion/srtp/v3"
)

// client is a DTLS client over a pipe to a handshake.
type client struct {
	certificate tls.Certificate // without a chain it has none
	profiles    []dtls.SRTPProtectionProfile
	secrets     dtls.ExtendedMasterSecretType
}

func newClient(t *testing.T) *client {
	t.Helper()
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	return &client{certificate, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM}, dtls.RequireExtendedMasterSecret} // as browsers: the server chooses
}

func (c *client) dial(conn net.PacketConn, to net.Addr) (*dtls.Conn, error) {
	options := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true), dtls.WithExtendedMasterSecret(c.secrets)}
	if c.certificate.Certificate != nil {
		options = append(options, dtls.WithCertificates(c.certificate))
	}
	if c.profiles != nil {
		options = append(options, dtls.WithSRTPProtectionProfiles(c.profiles...))
	}
	return dtls.ClientWithOptions(conn, to, options...)
}

// outcome is what a handshake has come to.
type outcome struct {
	keys Keys
	err  error
}

// shake has a client and a DTLS shake hands over memory. h is open then.
func shake(t *testing.T, c *client, isPeer func([]byte) bool) (conn *dtls.Conn, h Handshake, got outcome, closed chan struct{}, sent func() int) {
	t.Helper()
	server, err := NewDTLS()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan outcome, 1)
	closed = make(chan struct{})
	var ours *pipe
	count := make(chan int, 1)
	count <- 0
	ready := make(chan struct{})
	ours = newPipe(func(p []byte) {
		<-ready
		h.Take(p)
	})
	h = server.Begin(isPeer, func(p []byte) {
		count <- <-count + 1
		ours.take(append([]byte(nil), p...))
	}, func(k Keys, err error) { outcomes <- outcome{k, err} }, func() { close(closed) })
	close(ready)
	conn, err = c.dial(ours, peerAddr{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	clientErr := conn.HandshakeContext(ctx)
	got = <-outcomes
	if (clientErr == nil) != (got.err == nil) {
		t.Logf("the client: %v; the server: %v", clientErr, got.err)
	}
	return conn, h, got, closed, func() int { n := <-count; count <- n; return n }
}

// TestHandshake has another implementation shake hands: both have the same keys, by each profile.
func TestHandshake(t *testing.T) {
	for _, p := range []struct {
		offered []dtls.SRTPProtectionProfile
		want    srtp.Profile
	}{
		{nil, srtp.AEADAES128GCM},
		{[]dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, srtp.AES128CMHMACSHA1},
	} {
		c := newClient(t)
		if p.offered != nil {
			c.profiles = p.offered
		}
		conn, h, got, _, sent := shake(t, c, func(der []byte) bool {
			return whep.FingerprintOf(der).String() == whep.FingerprintOf(c.certificate.Certificate[0]).String()
		})
		if got.err != nil || got.keys.Profile != p.want {
			t.Fatalf("%v, %v", got.keys.Profile, got.err)
		}
		state, ok := conn.ConnectionState()
		client := peer.Config{Profile: peer.ProtectionProfile(p.want)}
		if err := client.ExtractSessionKeysFromDTLS(&state, true); err != nil || !ok {
			t.Fatal(err)
		}
		k := client.Keys
		want := Keys{p.want, slices.Concat(k.RemoteMasterKey, k.RemoteMasterSalt), slices.Concat(k.LocalMasterKey, k.LocalMasterSalt)}
		if !bytes.Equal(got.keys.Ours, want.Ours) || !bytes.Equal(got.keys.Theirs, want.Theirs) || len(got.keys.Ours) != p.want.KeyBytes() {
			t.Errorf("%v: %x, want %x", p.want, got.keys, want)
		}
		before := sent()
		h.Close()
		h.Close()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if n := sent() - before; n != 0 {
			t.Errorf("%d datagrams are sent when it is dropped", n)
		}
		conn.Close()
	}
}

// TestOtherCertificate has a client prove another certificate than it has offered.
func TestOtherCertificate(t *testing.T) {
	conn, h, got, _, _ := shake(t, newClient(t), func([]byte) bool { return false })
	defer conn.Close()
	defer h.Close()
	if got.err == nil || !errors.Is(got.err, errOtherCertificate) {
		t.Errorf("%v", got.err)
	}
}

// TestRefusedHandshakes has clients prove nothing, or leave out what the keys' safety depends on.
func TestRefusedHandshakes(t *testing.T) {
	for name, change := range map[string]func(*client){
		"no certificate": func(c *client) { c.certificate = tls.Certificate{} }, "no SRTP": func(c *client) { c.profiles = nil },
		"another profile":             func(c *client) { c.profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM} },
		"keys of the handshake alone": func(c *client) { c.secrets = dtls.DisableExtendedMasterSecret },
	} {
		c := newClient(t)
		change(c)
		conn, h, got, _, _ := shake(t, c, func([]byte) bool { return true })
		if got.err == nil || got.keys.Ours != nil {
			t.Errorf("%s: %v", name, got.err)
		}
		h.Close()
		conn.Close()
	}
}

// TestPeerCloses has a client close the connection.
func TestPeerCloses(t *testing.T) {
	conn, h, got, closed, _ := shake(t, newClient(t), func([]byte) bool { return true })
	defer h.Close()
	if got.err != nil {
		t.Fatal(got.err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-closed
}

// TestHalfAHandshake closes handshakes that have stopped half-way.
func TestHalfAHandshake(t *testing.T) {
	server, err := NewDTLS()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan error, 1)
	h := server.Begin(func([]byte) bool { return true }, func([]byte) {}, func(_ Keys, err error) { outcomes <- err }, func() { t.Error("closed") })
	for range 20 { // more than wait, and nonsense
		h.Take([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	}
	h.Close()
	if err := <-outcomes; err == nil {
		t.Error("it has succeeded")
	}
}
