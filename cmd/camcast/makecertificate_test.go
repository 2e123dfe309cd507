package main

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/certificate"
)

// certificateCommand runs camcast certificate.
func certificateCommand(args ...string) (status int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	status = run(append([]string{"certificate"}, args...), console{os.Stdin, &out, &errOut})
	return status, out.String(), errOut.String()
}

// TestMakeCertificate makes one that the daemon takes, says how to use it, and does not replace
// it by itself.
func TestMakeCertificate(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	status, stdout, stderr := certificateCommand("--out", folder, "--host", "cam.example.org", "--host", "192.0.2.7")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %q", status, stderr)
	}
	first, err := certificate.Load(cert, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"cam.example.org", "192.0.2.7"} {
		if err := first.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	fingerprint := certificate.Fingerprint(first.Certificate[0])
	if !containsAll(stdout, []string{"SHA-256 fingerprint: " + fingerprint, "camcast --tls-cert " + cert + " --tls-key " + key,
		"rtsps://cam.example.org:8322/cam", "cam.example.org, 192.0.2.7", "--tls-fingerprint " + strings.ReplaceAll(fingerprint, ":", "")}) {
		t.Errorf("%q", stdout)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	if info, err := os.Stat(cert); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v; want mode 0644", info.Mode(), err)
	}

	if status, stdout, stderr := certificateCommand("--out", folder); status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !containsAll(stderr, []string{"cert.pem exists", "--force"}) {
		t.Errorf("again: status %d, %q, %q", status, stdout, stderr)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := certificateCommand("--out", folder); status != 1 || !strings.Contains(stderr, "key.pem exists") {
		t.Errorf("with the key alone: status %d, %q", status, stderr)
	}
	if status, _, stderr := certificateCommand("--out", folder, "--force"); status != 0 {
		t.Fatalf("with --force: status %d, %q", status, stderr)
	}
	second, err := certificate.Load(cert, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if second.Leaf.Equal(first.Leaf) {
		t.Error("the certificate is the old one")
	}
	// Clients on this machine trust it for the names that it has by itself.
	roots := x509.NewCertPool()
	roots.AddCert(second.Leaf)
	for _, host := range ownHosts() {
		if _, err := second.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Error(err)
		}
	}
	if !slices.Contains(ownHosts(), "localhost") || !slices.Contains(ownHosts(), "127.0.0.1") {
		t.Errorf("hosts %q", ownHosts())
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 2 {
		t.Errorf("%v, %v; want two files", left, err)
	}
}

// TestMakeCertificateRefuses wants one clear line.
func TestMakeCertificateRefuses(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		want   []string
	}{
		{[]string{"cam"}, 2, []string{`"cam"`, "--host"}},
		{[]string{"--host", "a b"}, 2, []string{`host "a b"`, "a name or an IP address"}},
		{[]string{"--host", "cam:8322"}, 2, []string{"without a port"}},
		{[]string{"--host", ""}, 2, []string{`host ""`}},
		{[]string{"--days", "5"}, 2, []string{"--days"}},
		{[]string{"--out", "/nowhere"}, 1, []string{"camcast certificate: /nowhere/cert.pem: no such file"}},
	} {
		status, stdout, stderr := certificateCommand(c.args...)
		if status != c.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !containsAll(stderr, c.want) {
			t.Errorf("%q: status %d, stdout %q, stderr %q; want %d, %q", c.args, status, stdout, stderr, c.status, c.want)
		}
	}
}
