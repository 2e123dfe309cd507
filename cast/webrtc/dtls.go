package webrtc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/logging"
)

const (
	// flightInterval is the time until a flight is sent again for the first time.
	flightInterval = 100 * time.Millisecond
	// dtlsMTU is the size of the largest datagram that is sent in a handshake: one that every network carries.
	dtlsMTU = 1200
	// exporter is the label of the keys (RFC 5764, section 4.2), and masterKeyBytes the size of one without its salt.
	exporter       = "EXTRACTOR-dtls_srtp"
	masterKeyBytes = 16
)

// profiles are those that the server agrees to, the best one first.
var profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}

// pionDTLS is a DTLS by github.com/pion/dtls, with a certificate of its own.
type pionDTLS struct{ certificate tls.Certificate }

// NewDTLS makes a DTLS that does handshakes on goroutines, with a new self-signed certificate (ECDSA P-256). There is an error if
// that cannot be made.
func NewDTLS() (DTLS, error) {
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return &pionDTLS{certificate}, nil
}

// Fingerprint is DTLS's.
func (p *pionDTLS) Fingerprint() whep.Fingerprint {
	return whep.FingerprintOf(p.certificate.Certificate[0])
}

// pionHandshake is a handshake by github.com/pion/dtls.
type pionHandshake struct {
	pipe   *pipe
	closed atomic.Bool
}

// Begin is DTLS's.
func (p *pionDTLS) Begin(isPeer func([]byte) bool, send func([]byte), done func(Keys, error), closed func()) Handshake {
	h := &pionHandshake{pipe: newPipe(send)}
	go h.run(p.options(isPeer), done, closed)
	return h
}

// Take is Handshake's.
func (h *pionHandshake) Take(datagram []byte) { h.pipe.take(slices.Clone(datagram)) }

// Close is Handshake's. The pipe is closed first, so that no close_notify is sent.
func (h *pionHandshake) Close() {
	h.closed.Store(true)
	_ = h.pipe.Close() // always nil
}

// errOtherCertificate is the error of a peer whose certificate is not one that its offer has named.
var errOtherCertificate = errors.New("another certificate than the offer's")

func (p *pionDTLS) options(isPeer func([]byte) bool) []dtls.ServerOption {
	return []dtls.ServerOption{
		dtls.WithCertificates(p.certificate),
		dtls.WithSRTPProtectionProfiles(profiles...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true), // STUN has proved the address
		dtls.WithFlightInterval(flightInterval),
		dtls.WithMTU(dtlsMTU),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}), // strangers fill no log
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !isPeer(raw[0]) {
				return errOtherCertificate
			}
			return nil
		}),
	}
}

// run does the handshake, and then keeps the connection until it is closed: the peer may ask for the last flight again.
func (h *pionHandshake) run(options []dtls.ServerOption, done func(Keys, error), closed func()) {
	defer h.pipe.Close()
	c, err := dtls.ServerWithOptions(h.pipe, peerAddr{}, options...)
	if err != nil {
		done(Keys{}, err)
		return
	}
	defer c.Close()
	if err := c.HandshakeContext(context.Background()); err != nil { // Close ends it
		done(Keys{}, err)
		return
	}
	k, err := export(c)
	done(k, err)
	if err != nil {
		return
	}
	for p := make([]byte, 64); !errors.Is(err, io.EOF); { // other errors end nothing: anybody could have sent what they are about
		_, err = c.Read(p)
	}
	if !h.closed.Load() {
		closed()
	}
}

// export exports the keys of a connection, as the server has them.
func export(c *dtls.Conn) (k Keys, err error) {
	profile, ok := c.SelectedSRTPProtectionProfile()
	if !ok {
		return k, errors.New("no profile of SRTP is agreed on")
	}
	k.Profile = srtp.Profile(profile)
	state, ok := c.ConnectionState()
	if !ok {
		return k, errors.New("the handshake is not done")
	}
	all, err := state.ExportKeyingMaterial(exporter, nil, 2*k.Profile.KeyBytes())
	if err != nil {
		return k, err
	}
	keys, salts := all[:2*masterKeyBytes], all[2*masterKeyBytes:] // in each the client's comes first
	k.Theirs = slices.Concat(keys[:masterKeyBytes], salts[:len(salts)/2])
	k.Ours = slices.Concat(keys[masterKeyBytes:], salts[len(salts)/2:])
	return k, nil
}
