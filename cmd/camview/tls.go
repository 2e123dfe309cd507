package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/spf13/pflag"
)

// trust is which servers are trusted with rtsps://: by default those whose certificates the
// system's authorities have issued.
type trust struct {
	ca          string // file
	fingerprint string
	insecure    bool
}

// define defines the flags.
func (t *trust) define(f *pflag.FlagSet) {
	f.StringVar(&t.ca, "tls-ca", "", "trust servers whose certificate is in this PEM `FILE`, or was issued by one that is (default: the system's authorities)")
	f.StringVar(&t.fingerprint, "tls-fingerprint", "", "trust the server whose certificate has this SHA-256 fingerprint, `HEX`, and no other")
	f.BoolVar(&t.insecure, "insecure", false, "trust every server: pictures are encrypted, but may come from anybody")
}

// check says what is wrong with the flags for a URL's scheme.
func (t *trust) check(scheme string) error {
	var given []string
	for _, flag := range []struct {
		name  string
		given bool
	}{{"--tls-ca", t.ca != ""}, {"--tls-fingerprint", t.fingerprint != ""}, {"--insecure", t.insecure}} {
		if flag.given {
			given = append(given, flag.name)
		}
	}
	if t.fingerprint != "" {
		if _, err := certificate.ParseFingerprint(t.fingerprint); err != nil {
			return fmt.Errorf("--tls-fingerprint %q: %w", t.fingerprint, err)
		}
	}
	switch {
	case len(given) > 0 && scheme != rtspsScheme:
		return fmt.Errorf("%s: the URL does not begin with rtsps://", given[0])
	case len(given) > 1:
		return errors.New("--tls-ca, --tls-fingerprint and --insecure: one of them at a time")
	}
	return nil
}

// config is what crypto/tls is to do with a host. The error is about the file of --tls-ca.
func (t *trust) config(host string) (*tls.Config, error) {
	name, _, _ := strings.Cut(host, "%") // no certificate has a zone
	c := &tls.Config{ServerName: name}
	switch {
	case t.insecure:
		c.InsecureSkipVerify = true
	case t.fingerprint != "":
		want, err := certificate.ParseFingerprint(t.fingerprint)
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
	case t.ca != "":
		text, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--tls-ca %s: no certificate (PEM) in it", t.ca)
		}
	}
	return c, nil
}

// dialTLS connects and shakes hands on a goroutine, which hands over to the loop, unless ctx ends
// before: done is called with what is to be adopted, or with an error.
func dialTLS(ctx context.Context, l *loop.Loop, to netip.AddrPort, c *tls.Config, done func(tlsbridge.Dialled, error)) {
	go func() {
		dialled, err := tlsbridge.Dial(ctx, to, c)
		if l.Post(func() { done(dialled, err) }) != nil && err == nil { // the loop is closed
			_ = l.Kernel().CloseFD(dialled.FD) // it is open
			dialled.Outside.Close()
		}
	}()
}

// adopt takes a connection that has come about, or says why not.
func (s *rtspSession) adopt(d tlsbridge.Dialled, err error) {
	if err != nil {
		s.fail(fmt.Errorf("%v: %w", s.at, explainTLS(err)))
		return
	}
	conn, err := tcp.Adopt(s.viewer.loop, d.FD, d.Peer, d.Local, d.Outside, s)
	switch {
	case err != nil:
		s.fail(fmt.Errorf("%v: %w", s.at, err))
	case s.closed:
		conn.Close()
	default:
		s.conn = conn
		s.Writable()
	}
}

// explainTLS adds to the error of a handshake what a person can do.
func explainTLS(err error) error {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain || errors.Is(err, tlsbridge.ErrHungUp) {
		return fmt.Errorf("%w: does this port speak TLS? camcast's port for rtsps:// is 8322", err)
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		return err
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		return fmt.Errorf("%w; to trust this one, if its fingerprint is known to be right: --tls-fingerprint %s; to trust a copy of it or its issuer: --tls-ca FILE",
			err, certificate.Fingerprint(e.UnverifiedCertificates[0].Raw))
	}
	return err
}
