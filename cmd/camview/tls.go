package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/spf13/pflag"
)

// trust is which servers are trusted with rtsps://: by default those whose certificates the
// system's authorities have issued.
type trust struct{ receive.Trust }

// define defines the flags.
func (t *trust) define(f *pflag.FlagSet) {
	f.StringVar(&t.CA, "tls-ca", "", "trust servers whose certificate is in this PEM `FILE`, or was issued by one that is (default: the system's authorities)")
	f.StringVar(&t.Fingerprint, "tls-fingerprint", "", "trust the server whose certificate has this SHA-256 fingerprint, `HEX`, and no other")
	f.BoolVar(&t.Insecure, "insecure", false, "trust every server: pictures are encrypted, but may come from anybody")
}

// check says what is wrong with the flags for a URL's scheme.
func (t *trust) check(scheme string) error {
	var given []string
	for _, flag := range []struct {
		name  string
		given bool
	}{{"--tls-ca", t.CA != ""}, {"--tls-fingerprint", t.Fingerprint != ""}, {"--insecure", t.Insecure}} {
		if flag.given {
			given = append(given, flag.name)
		}
	}
	if t.Fingerprint != "" {
		if _, err := certificate.ParseFingerprint(t.Fingerprint); err != nil {
			return fmt.Errorf("--tls-fingerprint %q: %w", t.Fingerprint, err)
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
	c, err := t.Config(host)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	return c, nil
}

// dialTLS connects and shakes hands on a goroutine, which hands over to the loop, unless ctx ends
// before: done is called with what is to be adopted, or with an error.
func dialTLS(ctx context.Context, l *loop.Loop, to netip.AddrPort, c *tls.Config, done func(tlsbridge.Dialled, error)) {
	go func() {
		dialled, err := tlsbridge.Dial(ctx, to, c)
		if err != nil {
			err = receive.ExplainTLS(err, func(name, value string) string { return "--" + name + " " + value })
		}
		if l.Post(func() { done(dialled, err) }) != nil && err == nil { // the loop is closed
			_ = l.Kernel().CloseFD(dialled.FD) // it is open
			dialled.Outside.Close()
		}
	}()
}
