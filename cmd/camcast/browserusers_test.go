//go:build browser

package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/certificate"
	"github.com/chromedp/chromedp"
)

// keyHash is what Chromium knows a certificate's key by.
func keyHash(t *testing.T, made certificate.Made) string {
	t.Helper()
	block, _ := pem.Decode(made.Certificate)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestPageForUsers has Chromium show the page over TLS: with a user's password, with a token, and with neither. When the page
// is left its session ends at once.
func TestPageForUsers(t *testing.T) {
	anna, _ := userLine(t, "anna", annasPassword, "bench", "roof")
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(anna), 0o600); err != nil {
		t.Fatal(err)
	}
	made, args := writeCertificate(t)
	args[1] = "off" // --rtsps
	d, page := startPage(t, append(args, "--https", "127.0.0.1:0", "--auth", file,
		"bench=testcard:?size=320x240", "roof=testcard:?size=320x240&encode=h264", "vault=testcard:?size=320x240")...)
	needInterface(t)
	b := newChromium(t, "ignore-certificate-errors-spki-list", keyHash(t, made))
	b.Size(deskWidth, deskHeight)

	var text string
	if _, err := chromedp.Run(b.ctx, chromedp.Navigate(page)); err == nil || !strings.Contains(err.Error(), "ERR_INVALID_AUTH_CREDENTIALS") {
		t.Errorf("without a password: %v", err)
	}
	b.Open(page + "?token=AAAA")
	if b.Eval(`for (let i = 0; i < 100 && !document.body?.innerText; i++) await new Promise(done => setTimeout(done, 20)); return document.body.innerText`, &text); strings.TrimSpace(text) != "the token is not valid any more" {
		t.Errorf("a wrong token shows %q", text)
	}
	shows := func(page string, streams ...string) {
		t.Helper()
		b.Open(page)
		var n any
		if b.Eval(fmt.Sprintf(awaitPictures, len(streams)), &n); n != float64(len(streams)) {
			t.Fatalf("the page shows %v, not %v\n%s", n, streams, d.stderr)
		}
		if said := awaitWays(b, slices.Repeat([]string{"WebRTC"}, len(streams))...); said != "" {
			t.Errorf("the page says %s", said)
		}
		b.Eval(`return [...document.querySelectorAll(".tile")].map(t => t.dataset.stream).join()`, &text)
		if text != strings.Join(streams, ",") {
			t.Errorf("the streams on the page are %q, not %v", text, streams)
		}
	}
	shows("https://"+url.UserPassword("anna", annasPassword).String()+"@"+addressOf(page)+"/", "bench", "roof")
	for stream, w := range watch(b, *browserTime/10) {
		if w.Pictures < int(browserTime.Seconds()) {
			t.Errorf("%d pictures of %s in %v", w.Pictures, stream, *browserTime/10)
		}
	}
	var statuses []int
	b.Eval(`const statuses = [];
	for (const path of ["bench.jpg", "bench.mjpg", "roof.mp4", "api/v1/streams/roof", "vault.jpg", "vault.mjpg", "vault.mp4", "api/v1/streams/vault", "api/v1/readers", "api/v1/config"]) {
		const abort = new AbortController();
		statuses.push((await fetch(location.origin + "/" + path, { signal: abort.signal })).status);
		abort.abort();
	}
	return statuses`, &statuses)
	for i, status := range statuses {
		if isHers := i < 4; isHers != (status == 200) || !isHers && status != 403 && status != 404 {
			t.Errorf("what anna may see is answered by %v", statuses)
			break
		}
	}
	var token string
	b.Eval(`const answer = await fetch(location.origin + "/api/v1/tokens", { method: "POST", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ streams: ["roof"], lifetime_seconds: 60 }) });
	return (await answer.json()).token ?? await answer.text()`, &token)
	b = b.stranger()
	shows(page+"?token="+token, "roof")
	b.Open("about:blank") // the session that was opened with the token ends with it, too
	d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
}
