package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/receive"
)

// checkTrust says what is wrong with the flags of camcast top that say which server it trusts, for a URL.
func checkTrust(t receive.Trust, where *url.URL) error {
	switch {
	case t == receive.Trust{}:
		return nil
	case where.Scheme != "https":
		return errors.New("--tls-ca and --tls-fingerprint: the URL does not begin with https://")
	case t.CA != "" && t.Fingerprint != "":
		return errors.New("--tls-ca and --tls-fingerprint: one of them at a time")
	case t.Fingerprint != "":
		if _, err := certificate.ParseFingerprint(t.Fingerprint); err != nil {
			return fmt.Errorf("--tls-fingerprint: %w", err)
		}
	}
	return nil
}

// transportTo is how a server is asked that is trusted as the flags say. The error is about the file of --tls-ca.
func transportTo(where *url.URL, t receive.Trust) (http.RoundTripper, error) {
	config, err := t.Config(where.Hostname())
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	return transport, nil
}

// flagFor writes a flag by which a server is trusted.
func flagFor(name, value string) string { return "--" + name + " " + value }
