package receive

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/tlsbridge"
)

// Trust is which servers are trusted with TLS. Its zero value trusts those whose certificates the
// system's authorities have issued; at most one of the fields is set.
type Trust struct {
	// CA is a PEM file: servers are trusted whose certificate is in it, or was issued by one that
	// is.
	CA string
	// Fingerprint is the SHA-256 of the one certificate that is trusted, as
	// certificate.ParseFingerprint reads it.
	Fingerprint string
	// Insecure trusts every server.
	Insecure bool
}

// Config is what crypto/tls is to do with a host. The error is about the file CA or the Fingerprint.
func (t Trust) Config(host string) (*tls.Config, error) {
	name, _, _ := strings.Cut(host, "%") // no certificate has a zone
	c := &tls.Config{ServerName: name}
	switch {
	case t.Insecure:
		c.InsecureSkipVerify = true
	case t.Fingerprint != "":
		want, err := certificate.ParseFingerprint(t.Fingerprint)
		if err != nil {
			return nil, err
		}
		c.InsecureSkipVerify = true // but for this
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if got := s.PeerCertificates[0].Raw; sha256.Sum256(got) != want {
				return fmt.Errorf("the server's certificate is another one; its fingerprint is %s", certificate.Fingerprint(got))
			}
			return nil
		}
	case t.CA != "":
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: no certificate (PEM) in it", t.CA)
		}
	}
	return c, nil
}

// ExplainTLS adds to the error of a handshake what a person can do. option writes an option of the
// program's for Trust, tls-fingerprint or tls-ca, with a value.
func ExplainTLS(err error, option func(name, value string) string) error {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain || errors.Is(err, tlsbridge.ErrHungUp) {
		return fmt.Errorf("%w: does this port speak TLS? camcast's port for rtsps:// is 8322", err)
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		return err
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		return fmt.Errorf("%w; to trust this one, if its fingerprint is known to be right: %s; to trust a copy of it or its issuer: %s",
			err, option("tls-fingerprint", certificate.Fingerprint(e.UnverifiedCertificates[0].Raw)), option("tls-ca", "FILE"))
	}
	return err
}
