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
	// flightInterval is how long a lost flight is waited for, at first.
	flightInterval = 100 * time.Millisecond
	// dtlsMTU is the size of the largest datagram of a handshake: it passes everywhere.
	dtlsMTU = 1200
	// exporter is the label of the keys (RFC 5764, section 4.2).
	exporter = "EXTRACTOR-dtls_srtp"
)

// profiles are those that are agreed on, the best one first.
var profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}

// pionDTLS is a DTLS by github.com/pion/dtls, with a certificate of its own.
type pionDTLS struct{ certificate tls.Certificate }

// NewDTLS makes a DTLS that does handshakes on goroutines, with a new certificate (ECDSA P-256).
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

// pionHandshake is one that pion/dtls does.
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

// errOther is the error of a peer with another certificate than the one that it has offered.
var errOther = errors.New("another certificate than the offer's")

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
				return errOther
			}
			return nil
		}),
	}
}

// run does the handshake, and then keeps the connection until it is closed: the last flight may be asked for again.
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
	for p := make([]byte, 64); !errors.Is(err, io.EOF); { // what else comes says nothing: anybody could have sent it
		_, err = c.Read(p)
	}
	if !h.closed.Load() {
		closed()
	}
}

// export takes the keys out of a connection.
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
	const keyBytes = 16
	whole := k.Profile.KeyBytes()
	salt := whole - keyBytes
	// The client's key, ours, the client's salt, ours.
	all, err := state.ExportKeyingMaterial(exporter, nil, 2*whole)
	if err != nil {
		return k, err
	}
	k.Theirs = slices.Concat(all[:keyBytes], all[2*keyBytes:][:salt])
	k.Ours = slices.Concat(all[keyBytes:2*keyBytes], all[2*keyBytes+salt:])
	return k, nil
}
