package main

import (
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/camcast/camcast/certificate"
)

// TestTopOverTLS has camcast top trust a certificate that no authority has issued, by a copy or by its fingerprint. Without either
// it says how.
func TestTopOverTLS(t *testing.T) {
	_, args := writeCertificate(t)
	args[1] = "off" // --rtsps
	d := startDaemon(t, append(args, "--https", "127.0.0.1:0", "desk=testcard:?size=320x240")...)
	page := announcedPage.FindStringSubmatch(d.stdout)
	text, err := os.ReadFile(args[3])
	block, _ := pem.Decode(text)
	if page == nil || err != nil || block == nil {
		t.Fatalf("%s, %v", d.stdout, err)
	}
	url, fingerprint := page[1], certificate.Fingerprint(block.Bytes)
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--tls-ca", args[3], url}, 0, "desk"}, {[]string{"--tls-fingerprint", fingerprint, url}, 0, "desk"},
		{[]string{url}, 1, "--tls-fingerprint " + fingerprint}, {[]string{url}, 1, "--tls-ca FILE"},
		{[]string{"--tls-fingerprint", strings.Repeat("0", 64), url}, 1, "another one"},
		{[]string{"--tls-ca", "/nowhere", url}, 1, "--tls-ca: open /nowhere"},
		{[]string{"--tls-fingerprint", "x", url}, 2, "--tls-fingerprint"}, {[]string{"--tls-ca", args[3], "http://127.0.0.1:1"}, 2, "does not begin with https://"},
		{[]string{"--tls-ca", args[3], "--tls-fingerprint", fingerprint, url}, 2, "one of them"},
	} {
		status, stdout, stderr := runBinary(t, append([]string{"top"}, c.args...)...)
		if status != c.status || !strings.Contains(stdout+stderr, c.want) || strings.Count(stderr, "\n") > 1 {
			t.Errorf("%q: status %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}
