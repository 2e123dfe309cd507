package certificate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	certificateType = "CERTIFICATE"
	// maxFileBytes bounds what is read of a file: chains have some kilobytes.
	maxFileBytes = 1 << 20
	// leastRSABits is the size of the smallest RSA key that clients accept.
	leastRSABits = 2048
)

// Load reads a certificate with its chain, and its key, both PEM; they may be in one file. The error
// is one line, which names the file and the fault: among others a key that does not fit, or that
// other users may read, a chain in the wrong order, and a certificate that is not valid at now.
func Load(certFile, keyFile string, now time.Time) (*tls.Certificate, error) {
	text, _, err := read(certFile)
	if err != nil {
		return nil, err
	}
	keyText, mode, err := read(keyFile)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	key, err := parseKey(keyText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	if mode&0o037 != 0 { // said of a key alone: a certificate in its place may be read by all
		return nil, fmt.Errorf("%s: mode %04o: others than its owner may read the key, or its group may change it: chmod 600 %s", keyFile, mode.Perm(), keyFile)
	}
	if err := checkKey(chain, key); err != nil {
		return nil, fmt.Errorf("%s, %s: %w", certFile, keyFile, err)
	}
	if err := check(chain, now); err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	c := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, one := range chain {
		c.Certificate = append(c.Certificate, one.Raw)
	}
	return c, nil
}

// read reads a whole file, and what others may do with it.
func read(name string) (text []byte, mode fs.FileMode, err error) {
	defer func() {
		if e, ok := errors.AsType[*fs.PathError](err); ok { // without the name of the system call
			err = fmt.Errorf("%s: %w", name, e.Err)
		}
	}()
	// Opening a pipe would wait for somebody who writes to it.
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, plain(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, plain(name, err)
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil {
		text, err = io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	}
	switch {
	case err != nil:
		return nil, 0, plain(name, err)
	case len(text) > maxFileBytes:
		return nil, 0, fmt.Errorf("%s: larger than %d kB: not a certificate or key", name, maxFileBytes>>10)
	}
	return text, info.Mode(), nil
}

// plain is an error about a file, without the system call.
func plain(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// parseChain reads certificates.
func parseChain(text []byte) (chain []*x509.Certificate, err error) {
	others := ""
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certificateType {
			others = block.Type
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		chain = append(chain, one)
	}
	switch {
	case len(chain) == 0 && others != "":
		return nil, fmt.Errorf("no certificate, but a PEM block %q: are the two files exchanged?", others)
	case len(chain) == 0:
		return nil, errors.New("no certificate: there must be a PEM block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")
	}
	return chain, nil
}

// parseKey reads a private key.
func parseKey(text []byte) (crypto.Signer, error) {
	others := ""
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, errors.New("the key is encrypted: decrypt it, as camcast cannot ask for a passphrase")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseDER(block.Bytes)
		case block.Type != "EC PARAMETERS":
			others = block.Type
		}
	}
	if others != "" {
		return nil, fmt.Errorf("no private key, but a PEM block %q: are the two files exchanged?", others)
	}
	return nil, errors.New("no private key: there must be a PEM block from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----")
}

// parseDER reads a private key in any of its formats.
func parseDER(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, fmt.Errorf("a key that cannot sign (%T)", key)
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, errors.New("the private key is damaged, or of a kind that is not known")
	}
	return key, nil
}

// checkKey says what is wrong with a key for a chain.
func checkKey(chain []*x509.Certificate, key crypto.Signer) error {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		for i, one := range chain[1:] {
			if ok && public.Equal(one.PublicKey) {
				return fmt.Errorf("the chain is in the wrong order: the certificate of the key is number %d, and must be the first", i+2)
			}
		}
		return errors.New("the key does not fit the certificate")
	}
	if rsaKey, ok := key.(*rsa.PrivateKey); ok && rsaKey.N.BitLen() < leastRSABits {
		return fmt.Errorf("an RSA key of %d bits: clients want at least %d", rsaKey.N.BitLen(), leastRSABits)
	}
	return nil
}

// check says what is wrong with a chain, the first of which is the server's.
func check(chain []*x509.Certificate, now time.Time) error {
	for i, one := range chain {
		what := "the certificate"
		if i > 0 {
			what = fmt.Sprintf("certificate %d of the chain", i+1)
		}
		if i+1 < len(chain) {
			issuer := chain[i+1]
			if !bytes.Equal(one.RawIssuer, issuer.RawSubject) || issuer.CheckSignature(one.SignatureAlgorithm, one.RawTBSCertificate, one.Signature) != nil {
				return fmt.Errorf("the chain is in the wrong order: certificate %d has not issued number %d", i+2, i+1)
			}
		}
		switch {
		case now.After(one.NotAfter):
			return fmt.Errorf("%s expired on %s", what, day(one.NotAfter))
		case now.Before(one.NotBefore):
			return fmt.Errorf("%s is not valid before %s; this machine's clock says %s", what, minute(one.NotBefore), minute(now))
		}
	}
	return nil
}

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
