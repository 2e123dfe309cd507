package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// writeCertificate makes a certificate for 127.0.0.1, and returns the flags that serve it.
func writeCertificate(t *testing.T) (made certificate.Made, flags []string) {
	t.Helper()
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := errors.Join(os.WriteFile(cert, made.Certificate, 0o644), os.WriteFile(key, made.Key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return made, []string{"--rtsps", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}
}

// secureURL is where the first stream is to be had over TLS.
func (d *daemon) secureURL() string { return regexp.MustCompile(`rtsps://\S+`).FindString(d.stdout) }

// addressOf is the host and port of a URL.
func addressOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	address, _, _ := strings.Cut(rest, "/")
	return address
}

// TestRTSPS watches by another implementation's client, over TLS.
func TestRTSPS(t *testing.T) {
	t.Parallel()
	_, flags := writeCertificate(t)
	d := startDaemon(t, append(flags, smallCard)...)
	c, err := newClient(t, d.secureURL(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	c.consecutive(20)
	d.awaitLog("reader joined", "transport=tcp")
}

// TestSecureURLs wants the URLs of a description to have the scheme that the client has used, and
// the certificate to be the one that was given.
func TestSecureURLs(t *testing.T) {
	made, flags := writeCertificate(t)
	d := startDaemon(t, append(flags, smallCard)...)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.Certificate)
	conn, err := tls.Dial("tcp", addressOf(d.secureURL()), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", d.secureURL())
	answer := make([]byte, 0, 4096)
	for !bytes.Contains(answer, []byte("trackID=0\r\n")) {
		n, err := conn.Read(answer[len(answer):cap(answer)])
		if err != nil {
			t.Fatalf("after %q: %v", answer, err)
		}
		answer = answer[:len(answer)+n]
	}
	for _, want := range []string{"Content-Base: " + d.secureURL() + "/\r\n", "a=control:" + d.secureURL() + "/trackID=0\r\n"} {
		if !bytes.Contains(answer, []byte(want)) {
			t.Errorf("no %q in %q", want, answer)
		}
	}
}

// TestWrongPort has clients speak TLS to the port of plain text, and the other way round. Each waits for
// its line of the log, as there is one in a second.
func TestWrongPort(t *testing.T) {
	_, flags := writeCertificate(t)
	d := startDaemon(t, append(flags, smallCard)...)
	secure := addressOf(d.secureURL())
	if conn, err := tls.Dial("tcp", addressOf(d.url()), nil); err == nil {
		conn.Close()
		t.Error("TLS on the port of plain text")
	}
	_, port, err := net.SplitHostPort(secure)
	if err != nil {
		t.Fatal(err)
	}
	d.awaitLog("reader refused", "use rtsps:// and port "+port)
	if c, err := newClient(t, "rtsp://"+secure+"/cam", gortsplib.ProtocolTCP); err == nil || !strings.Contains(err.Error(), "use rtsps://") {
		t.Errorf("%v, %v; want an error that says what to use", c, err)
	}
	d.awaitLog("reader refused", "plain text; this port speaks TLS")
	answer, err := http.Get("http://" + secure + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != 400 || string(body) != "this port speaks TLS: use rtsps://\n" {
		t.Errorf("%v, %q, %v", answer.Status, body, err)
	}
}

// TestCertificateErrors wants one clear line.
func TestCertificateErrors(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, mode os.FileMode, text []byte) string {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, text, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	make := func(at time.Time) certificate.Made {
		made, err := certificate.Make([]string{"cam"}, at)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	made, other := make(time.Now()), make(time.Now())
	old, early := make(time.Now().Add(-certificate.Validity-time.Minute)), make(time.Now().Add(2*time.Hour))
	cert, key := write("cert.pem", 0o644, made.Certificate), write("key.pem", 0o600, made.Key)
	for _, c := range []struct {
		cert, key string
		want      []string
	}{
		{cert, write("other.pem", 0o600, other.Key), []string{"cert.pem", "other.pem", "the key does not fit the certificate"}},
		{write("old.pem", 0o644, old.Certificate), write("oldkey.pem", 0o600, old.Key), []string{"old.pem: the certificate expired on "}},
		{write("early.pem", 0o644, early.Certificate), write("earlykey.pem", 0o600, early.Key), []string{"early.pem: the certificate is not valid before "}},
		{cert, write("open.pem", 0o604, made.Key), []string{"open.pem: mode 0604", "chmod 600"}},
		{cert, filepath.Join(folder, "absent.pem"), []string{"camcast: " + filepath.Join(folder, "absent.pem") + ": no such file", "camcast certificate makes"}},
		{key, key, []string{"key.pem: no certificate"}},
		{cert, cert, []string{"cert.pem: no private key", "are the two files exchanged?"}},
		{cert, folder, []string{"not a file"}},
		{write("two.pem", 0o644, append(append([]byte{}, other.Certificate...), made.Certificate...)), key, []string{"wrong order"}},
	} {
		status, stdout, stderr := runBinary(t, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--rtsps", "127.0.0.1:0", "--tls-cert", c.cert, "--tls-key", c.key, "testcard:")
		if status != 1 || strings.Count(stderr, "\n") != 1 || !containsAll(stderr, c.want) || stdout != "" {
			t.Errorf("status %d, stderr %q, stdout %q; want 1, and one line with %q", status, stderr, stdout, c.want)
		}
	}
}

// TestTLSPortIsTaken has another program at the port of TLS.
func TestTLSPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, flags := writeCertificate(t)
	flags[1] = taken.Addr().String()
	status, stdout, stderr := runBinary(t, append([]string{"--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "testcard:"}, flags...)...)
	want := []string{"address already in use", "port " + portOf(taken.Addr()) + " is in use by " + ownName(t), "choose another with --rtsps"}
	if status != 1 || strings.Count(stderr, "\n") != 1 || !containsAll(stderr, want) || stdout != "" {
		t.Errorf("status %d, stderr %q, stdout %q; want 1, and one line with %q", status, stderr, stdout, want)
	}
}

// TestTLSSettings has the address of RTSP over TLS be that of RTSP, unless one is given.
func TestTLSSettings(t *testing.T) {
	for _, c := range []struct{ rtsp, rtsps, cert, want string }{
		{":8554", "", "", "invalid AddrPort"},
		{":8554", "off", "", "invalid AddrPort"},
		{":8554", "off", "c", "invalid AddrPort"},
		{":8554", "", "c", "[::]:8322"},
		{"off", "", "c", "[::]:8322"},
		{"127.0.0.1:9", "", "c", "127.0.0.1:8322"},
		{"127.0.0.1:9", ":10", "c", "[::]:10"},
	} {
		args := []string{"--rtsp", c.rtsp}
		if c.rtsps != "" {
			args = append(args, "--rtsps", c.rtsps)
		}
		if c.cert != "" {
			args = append(args, "--tls-cert", c.cert, "--tls-key", c.cert)
		}
		s, err := parseArguments(args)
		if err != nil || s.tls.rtsps.String() != c.want {
			t.Errorf("%q: %v, %v; want %s", args, s, err, c.want)
		}
	}
}

// TestReloadCertificate has the daemon read a certificate again on SIGHUP: new connections get it,
// old ones go on, and a bad one changes nothing.
func TestReloadCertificate(t *testing.T) {
	first, flags := writeCertificate(t)
	cert, key := flags[3], flags[5]
	write := func(made certificate.Made) {
		t.Helper()
		if err := errors.Join(os.WriteFile(cert, made.Certificate, 0o644), os.WriteFile(key, made.Key, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	make := func(at time.Time) certificate.Made {
		made, err := certificate.Make([]string{"127.0.0.1"}, at)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	d := startDaemon(t, append(flags, smallCard)...)
	served := func() string {
		conn, err := tls.Dial("tcp", addressOf(d.secureURL()), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return certificate.Fingerprint(conn.ConnectionState().PeerCertificates[0].Raw)
	}
	old, err := newClient(t, d.secureURL(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	old.play()
	soon := make(time.Now().Add(-certificate.Validity + 5*24*time.Hour))
	second, other := make(time.Now()), make(time.Now())
	for _, c := range []struct {
		made   certificate.Made
		served string
		want   []string
	}{
		{second, second.Fingerprint, []string{"SIGHUP: read again", "--tls-cert " + cert, "fingerprint=" + second.Fingerprint, "valid_until="}},
		{certificate.Made{Certificate: first.Certificate, Key: other.Key}, second.Fingerprint, []string{"level=ERROR", "stays as it was", cert, "the key does not fit"}},
		{certificate.Made{}, second.Fingerprint, []string{"level=ERROR", "stays as it was", "no certificate"}},
		{make(time.Now().Add(-2 * certificate.Validity)), second.Fingerprint, []string{"level=ERROR", "stays as it was", "expired on"}},
		{soon, soon.Fingerprint, []string{"level=WARN", "the TLS certificate expires on"}},
	} {
		write(c.made)
		if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		d.awaitLog(c.want...)
		if got := served(); got != c.served {
			t.Errorf("%q: served is %s, want %s", c.want, got, c.served)
		}
	}
	old.consecutive(5)
	if strings.Contains(d.stderr.String(), "PRIVATE") {
		t.Error("a key is logged")
	}
}

// TestCertificateWarnings has a certificate expire while the daemon runs: it warns once a day from 14
// days before.
func TestCertificateWarnings(t *testing.T) {
	k := sim.New(1)
	l := loop.NewOn(k)
	defer l.Close()
	var log bytes.Buffer
	b, err := cast.New(l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	d := &service{broadcaster: b, log: slog.New(slog.NewTextHandler(&log, nil))}
	made, err := certificate.Make([]string{"cam"}, k.Wall().Add(-certificate.Validity+20*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	d.certificate.Set(&pair)
	d.warnOfCertificate()
	days := func(n int) (warnings, expired int) {
		t.Helper()
		log.Reset()
		if err := sim.RunFor(l, time.Duration(n)*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		return strings.Count(log.String(), "level=WARN"), strings.Count(log.String(), "the TLS certificate expired on")
	}
	if warnings, _ := days(5); warnings != 0 {
		t.Errorf("%d warnings before they are due", warnings)
	}
	if warnings, expired := days(13); warnings < 11 || warnings > 13 || expired > 0 {
		t.Errorf("%d warnings in 12 days, %d of them that it has expired", warnings, expired)
	}
	if warnings, expired := days(6); warnings < 6 || warnings > 8 || expired < 4 || expired > 5 {
		t.Errorf("%d warnings in 6 days, %d of them that it has expired", warnings, expired)
	}
}
