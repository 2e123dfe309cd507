package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Validity is how long a certificate of Make is valid: as long as all clients accept.
const Validity = 825 * 24 * time.Hour

// skew is how far the clocks of clients may be behind.
const skew = time.Hour

// Made is a certificate and its key.
type Made struct {
	// Certificate and Key are PEM.
	Certificate, Key []byte
	// Fingerprint is the certificate's, as of Fingerprint.
	Fingerprint string
	// Until is the end of its validity.
	Until time.Time
}

// Make makes a self-signed certificate (ECDSA, P-256) for hosts, which are names or IP addresses,
// at least one. It is valid from an hour before now on. The error names a host that is neither.
func Make(hosts []string, now time.Time) (Made, error) {
	template := x509.Certificate{
		NotBefore: now.Add(-skew), NotAfter: now.Add(Validity), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if len(hosts) == 0 {
		return Made{}, errors.New("a certificate without a host")
	}
	for _, host := range hosts {
		if address, err := netip.ParseAddr(host); err == nil {
			template.IPAddresses = append(template.IPAddresses, address.Unmap().WithZone("").AsSlice())
		} else if isName(host) {
			template.DNSNames = append(template.DNSNames, host)
		} else {
			return Made{}, fmt.Errorf("host %q: must be a name or an IP address, without a port", host)
		}
	}
	template.Subject = pkix.Name{CommonName: commonName(hosts[0])}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Made{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return Made{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Made{}, err
	}
	return Made{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: certificateType, Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		Fingerprint: Fingerprint(der), Until: template.NotAfter,
	}, nil
}

// commonName is a host as the certificate's name, which has at most 64 characters (RFC 5280,
// appendix A.1). Clients look at the list of hosts instead.
func commonName(host string) string { return host[:min(len(host), 64)] }

// isName reports whether a host can be a name: labels of letters, digits, '-' and '_' of at most 63
// characters, of which the first may be "*".
func isName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for i, label := range strings.Split(host, ".") {
		if i == 0 && label == "*" {
			continue
		}
		odd := strings.ContainsFunc(label, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
		})
		if odd || label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// Fingerprint is the SHA-256 of a certificate (DER), in hexadecimal with colons, as browsers and
// openssl show it.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// ParseFingerprint understands the SHA-256 of a certificate: 64 hexadecimal digits, with colons or
// without.
func ParseFingerprint(text string) (sum [sha256.Size]byte, err error) {
	p, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(p) != len(sum) {
		return sum, errors.New("must be a SHA-256 fingerprint: 64 hexadecimal digits, with colons or without")
	}
	return [sha256.Size]byte(p), nil
}
