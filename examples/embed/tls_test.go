package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// TestPasswordAndTLS runs the example with both: who proves the password watches over TLS, and who
// does not is refused, there and without TLS.
func TestPasswordAndTLS(t *testing.T) {
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	o := options{password: "secret", cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	if err := errors.Join(os.WriteFile(o.cert, made.Certificate, 0o600), os.WriteFile(o.key, made.Key, 0o600)); err != nil {
		t.Fatal(err)
	}
	p := start(t, o)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.Certificate)
	address, _, _ := strings.Cut(strings.TrimPrefix(p.rtsps, "rtsps://"), "/")
	secure := func(password string) *reader {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		return p.watchOn(conn, strings.Replace(p.rtsps, "rtsps://", "rtsps://guest:"+password+"@", 1))
	}
	for name, r := range map[string]*reader{"wrong password": secure("wrong"), "no password": p.watch("127.0.0.1")} {
		if status, ok := errors.AsType[*client.StatusError](r.end()); !ok || status.Status != 401 {
			t.Errorf("%s: %v, want 401", name, r.err)
		}
	}
	var r *reader
	watching := func() bool { return r.pictures >= 3 }
	for r = secure("secret"); r.wait(watching) != nil; r = secure("secret") {
		if status, ok := errors.AsType[*client.StatusError](r.err); !ok || status.Status != 503 { // no picture yet
			t.Fatal(r.err)
		}
	}
	r.whole()
}
