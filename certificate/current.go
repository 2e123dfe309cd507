package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Current is the certificate in use. Its zero value has none. Any goroutine may call its methods.
type Current struct {
	certificate atomic.Pointer[tls.Certificate]
}

// Set has new connections be served by c, which Load has returned. Those that there are stay.
func (c *Current) Set(certificate *tls.Certificate) { c.certificate.Store(certificate) }

// Get is for tls.Config's GetCertificate.
func (c *Current) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if one := c.certificate.Load(); one != nil {
		return one, nil
	}
	return nil, errors.New("there is no certificate")
}

// warnBefore is how long before its end a certificate is warned of.
const warnBefore = 14 * 24 * time.Hour

// Warning says that the certificate in use, or one of its chain, has expired, or expires within 14
// days; "" if all is well.
func (c *Current) Warning(now time.Time) string {
	one := c.certificate.Load()
	if one == nil {
		return ""
	}
	until := one.Leaf.NotAfter
	for _, der := range one.Certificate {
		// They were parsed before.
		if link, err := x509.ParseCertificate(der); err == nil && link.NotAfter.Before(until) {
			until = link.NotAfter
		}
	}
	switch left := until.Sub(now); {
	case left < 0:
		return fmt.Sprintf("the TLS certificate expired on %s: clients refuse it; have a new one read by SIGHUP", day(until))
	case left <= warnBefore:
		return fmt.Sprintf("the TLS certificate expires on %s: have a new one read by SIGHUP", day(until))
	}
	return ""
}
