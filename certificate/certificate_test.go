package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var now = time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)

// issued is a certificate of a test.
type issued struct {
	der []byte
	key crypto.Signer
}

func (i issued) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateType, Bytes: i.der})
}

func (i issued) keyPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// issue makes a certificate that another one signs, or itself.
func issue(t *testing.T, name string, by *issued, from, until time.Time, key crypto.Signer) issued {
	t.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		BasicConstraintsValid: true, IsCA: true, DNSNames: []string{name},
	}
	parent, signer := template, key
	if by != nil {
		var err error
		if parent, err = x509.ParseCertificate(by.der); err != nil {
			t.Fatal(err)
		}
		signer = by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return issued{der, key}
}

// write writes a file, and returns its name.
func write(t *testing.T, name string, mode os.FileMode, texts ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, slices.Concat(texts...), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

// TestMake makes a certificate, which Load takes, and clients that trust it accept for its hosts.
func TestMake(t *testing.T) {
	made, err := Make([]string{"cam", "192.0.2.1", "fe80::1%eth0", "::ffff:192.0.2.2", "*.example.org", "über"[2:]}, now)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(write(t, "cert.pem", 0o644, made.Certificate), write(t, "key.pem", 0o600, made.Key), now)
	if err != nil {
		t.Fatal(err)
	}
	if got := Fingerprint(loaded.Certificate[0]); got != made.Fingerprint || len(got) != 95 {
		t.Errorf("fingerprint %s, made %s", got, made.Fingerprint)
	}
	if sum, err := ParseFingerprint(made.Fingerprint); err != nil || sum[0] == 0 && sum[1] == 0 && sum[2] == 0 {
		t.Errorf("%x, %v", sum, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(loaded.Leaf)
	for host, want := range map[string]bool{
		"cam": true, "192.0.2.1": true, "fe80::1": true, "192.0.2.2": true, "a.example.org": true, "ber": true, "mac": false, "192.0.2.3": false,
	} {
		_, err := loaded.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now})
		if (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
	if got := loaded.Leaf.NotAfter; !got.Equal(made.Until) || got.Sub(now) != Validity || now.Sub(loaded.Leaf.NotBefore) != time.Hour {
		t.Errorf("valid from %v until %v", loaded.Leaf.NotBefore, got)
	}
	long := strings.Repeat("a", 63) + "." + strings.Repeat("b", 63)
	if made, err := Make([]string{long}, now); err != nil || len(made.Certificate) == 0 {
		t.Errorf("a long name: %v", err)
	}
	for _, hosts := range [][]string{nil, {""}, {"a b"}, {"cam:8322"}, {"a..b"}, {"ü"}, {"a\nb"}, {"x.*"}, {strings.Repeat("a", 64)}, {strings.Repeat("a.", 130) + "a"}} {
		if _, err := Make(hosts, now); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want an error of one line", hosts, err)
		}
	}
}

// TestLoad takes what other programs make.
func TestLoad(t *testing.T) {
	year := now.AddDate(1, 0, 0)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := issue(t, "root", nil, now, year, nil)
	between := issue(t, "between", &root, now, year, rsaKey)
	for name, leaf := range map[string]issued{
		"ECDSA": issue(t, "cam", &between, now, year, nil), "RSA": issue(t, "cam", &between, now, year, rsaKey), "Ed25519": issue(t, "cam", &between, now, year, edKey),
	} {
		cert := write(t, "cert.pem", 0o644, []byte("subject=CN = cam\n"), leaf.pem(), between.pem(), root.pem())
		if c, err := Load(cert, write(t, "key.pem", 0o640, leaf.keyPEM(t)), now); err != nil || len(c.Certificate) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	leaf := issue(t, "cam", nil, now, year, nil)
	der, err := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
	ec := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	both := write(t, "both.pem", 0o600, parameters, ec, leaf.pem())
	if _, err := Load(both, both, now); err != nil {
		t.Errorf("EC, all in one file: %v", err)
	}
	old := issue(t, "cam", nil, now, year, rsaKey)
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
	if _, err := Load(write(t, "cert.pem", 0o644, old.pem()), write(t, "key.pem", 0o600, pkcs1), now); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

// TestLoadRefuses wants one clear line.
func TestLoadRefuses(t *testing.T) {
	year := now.AddDate(1, 0, 0)
	root := issue(t, "root", nil, now, year, nil)
	good := issue(t, "cam", &root, now, year, nil)
	other := issue(t, "cam", &root, now, year, nil)
	key := good.keyPEM(t)
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := issue(t, "cam", nil, now, year, small)
	block := func(kind string, p []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: p}) }
	for _, c := range []struct {
		cert, key []byte
		mode      os.FileMode
		want      []string
	}{
		{good.pem(), other.keyPEM(t), 0o600, []string{"cert.pem, ", "key.pem: the key does not fit"}},
		{issue(t, "cam", nil, now.AddDate(-1, 0, 0), now.Add(-time.Second), good.key).pem(), key, 0o600, []string{"cert.pem: the certificate expired on 2030-05-06"}},
		{issue(t, "cam", nil, now.Add(time.Minute), year, good.key).pem(), key, 0o600, []string{"cert.pem: the certificate is not valid before 2030-05-06 07:09 UTC", "clock says 2030-05-06 07:08 UTC"}},
		{slices.Concat(good.pem(), issue(t, "root", nil, now.AddDate(-1, 0, 0), now.Add(-time.Hour), root.key).pem()), key, 0o600, []string{"certificate 2 of the chain expired"}},
		{good.pem(), key, 0o604, []string{"key.pem: mode 0604: others than its owner may read the key", "chmod 600"}},
		{good.pem(), key, 0o620, []string{"mode 0620", "its group may change it"}},
		{slices.Concat(root.pem(), good.pem()), key, 0o600, []string{"wrong order", "number 2, and must be the first"}},
		{slices.Concat(good.pem(), other.pem()), key, 0o600, []string{"wrong order", "certificate 2 has not issued number 1"}},
		{slices.Concat(good.pem(), issue(t, "root", nil, now, year, nil).pem()), key, 0o600, []string{"certificate 2 has not issued number 1"}},
		{[]byte("hello"), key, 0o600, []string{"cert.pem: no certificate", "BEGIN CERTIFICATE"}},
		{nil, key, 0o600, []string{"cert.pem: no certificate"}},
		{key, good.pem(), 0o600, []string{"cert.pem: no certificate", "exchanged"}},
		{good.pem(), good.pem(), 0o600, []string{"key.pem: no private key", "exchanged"}},
		{key, good.pem(), 0o644, []string{"exchanged"}},
		{good.pem(), good.pem(), 0o644, []string{"key.pem: no private key", "exchanged"}},
		{good.pem(), []byte("x"), 0o600, []string{"key.pem: no private key", "BEGIN PRIVATE KEY"}},
		{good.pem()[:100], key, 0o600, []string{"cert.pem: no certificate", "to -----END CERTIFICATE-----"}},
		{good.pem(), block("ENCRYPTED PRIVATE KEY", []byte{1}), 0o600, []string{"key.pem: the key is encrypted"}},
		{good.pem(), block("PRIVATE KEY", []byte{1}), 0o600, []string{"key.pem: the private key is damaged"}},
		{block(certificateType, []byte{1}), key, 0o600, []string{"cert.pem: certificate 1: x509"}},
		{good.pem(), make([]byte, maxFileBytes+1), 0o600, []string{"key.pem: larger than 1024 kB"}},
		{weak.pem(), weak.keyPEM(t), 0o600, []string{"RSA key of 1024 bits", "2048"}},
	} {
		cert, key := write(t, "cert.pem", 0o644, c.cert), write(t, "key.pem", c.mode, c.key)
		got, err := Load(cert, key, now)
		if err == nil || got != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want an error of one line", c.want, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v; want %q", err, want)
			}
		}
	}

	fine := write(t, "cert.pem", 0o644, good.pem())
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/nowhere/key.pem": "no such file or directory", t.TempDir(): "not a file", pipe: "not a file"} {
		for _, files := range [][2]string{{fine, name}, {name, fine}} {
			if _, err := Load(files[0], files[1], now); err == nil || err.Error() != name+": "+want {
				t.Errorf("%v: %v, want %q", files, err, want)
			}
		}
	}
}

// TestCurrent exchanges the certificate in use, and has it grow old.
func TestCurrent(t *testing.T) {
	var c Current
	if _, err := c.Get(nil); err == nil || c.Warning(now) != "" {
		t.Errorf("without a certificate: %v, %q", err, c.Warning(now))
	}
	until := now.AddDate(0, 1, 0)
	// What signs it ends first.
	root := issue(t, "root", nil, now, until, nil)
	leaf := issue(t, "cam", &root, now, until.AddDate(0, 1, 0), nil)
	one, err := Load(write(t, "cert.pem", 0o644, leaf.pem(), root.pem()), write(t, "key.pem", 0o600, leaf.keyPEM(t)), now)
	if err != nil {
		t.Fatal(err)
	}
	c.Set(one)
	if got, err := c.Get(nil); got != one || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for at, want := range map[time.Time]string{
		now: "", until.Add(-warnBefore - time.Second): "", until.Add(-warnBefore): "expires on 2030-06-06", until: "expires on 2030-06-06",
		until.Add(time.Second): "expired on 2030-06-06",
	} {
		if got := c.Warning(at); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("at %v: %q, want %q", at, got, want)
		}
	}
}

// TestParseFingerprint understands what browsers, openssl and camcast show.
func TestParseFingerprint(t *testing.T) {
	bare := strings.Repeat("0aF", 20) + "0aF1"
	want, err := ParseFingerprint(bare)
	if err != nil || want[1] != 0xf0 {
		t.Errorf("%x, %v", want, err)
	}
	var pairs []string
	for i := 0; i < len(bare); i += 2 {
		pairs = append(pairs, bare[i:i+2])
	}
	if got, err := ParseFingerprint(strings.Join(pairs, ":")); got != want || err != nil {
		t.Errorf("%x, %v", got, err)
	}
	for _, text := range []string{"", "0a", bare + "00", bare[1:], strings.Repeat("x", 64), ":"} {
		if got, err := ParseFingerprint(text); err == nil {
			t.Errorf("%q: %x, want an error", text, got)
		}
	}
}

// FuzzParse has files with anything in them.
func FuzzParse(f *testing.F) {
	made, err := Make([]string{"cam"}, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.Certificate, made.Key)
	f.Add(made.Key, made.Certificate)
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		chain, err := parseChain(cert)
		if err != nil && len(chain) > 0 {
			t.Errorf("%d certificates, and %v", len(chain), err)
		}
		signer, keyErr := parseKey(key)
		if (signer == nil) != (keyErr != nil) {
			t.Errorf("%v, %v", signer, keyErr)
		}
		if err == nil && keyErr == nil {
			_ = checkKey(chain, signer)
			_ = check(chain, now)
		}
	})
}
