package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/tlsbridge"
)

// secureURL has a broadcast served over TLS, too, with a certificate that is for a host.
func (s *broadcast) secureURL(host string) (url string, made certificate.Made) {
	s.t.Helper()
	made, err := certificate.Make([]string{host}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(func() { s.secrets.AddFile(string(made.Key)) })
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.loop.Do(s.t.Context(), func() {
		front, listenErr := rtsp.Listen(s.cast, netip.AddrPortFrom(loopback, 0), rtsp.Options{
			TLS: tlsbridge.NewServer(&tls.Config{Certificates: []tls.Certificate{pair}}),
		})
		if listenErr != nil {
			s.t.Error(listenErr)
			return
		}
		url = fmt.Sprintf("rtsps://127.0.0.1:%d/cam", front.Port())
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return url, made
}

// TestRTSPS watches over TLS, if the server is trusted.
func TestRTSPS(t *testing.T) {
	s := startBroadcast(t, "cam")
	own, made := s.secureURL("127.0.0.1")
	foreign, other := s.secureURL("cam.example.org")
	folder := t.TempDir()
	ca, otherCA, empty := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "other.pem"), filepath.Join(folder, "empty.pem")
	err := errors.Join(os.WriteFile(ca, made.Certificate, 0o600), os.WriteFile(otherCA, other.Certificate, 0o600), os.WriteFile(empty, nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		args []string
		want string // what is said when it fails, "": it does not
	}{
		{own, []string{"--tls-ca", ca}, ""},
		{own, []string{"--tls-fingerprint", made.Fingerprint}, ""},
		{own, []string{"--tls-fingerprint", strings.ToLower(strings.ReplaceAll(made.Fingerprint, ":", ""))}, ""},
		{foreign, []string{"--insecure"}, ""},
		{foreign, []string{"--tls-fingerprint", other.Fingerprint, "--readers", "5"}, ""},

		{own, nil, "--tls-fingerprint " + made.Fingerprint},
		{own, []string{"--tls-ca", otherCA}, "unknown authority"},
		{own, []string{"--tls-fingerprint", other.Fingerprint}, "is another one; its fingerprint is " + made.Fingerprint},
		{foreign, []string{"--tls-ca", otherCA}, "127.0.0.1"},
		{own, []string{"--tls-ca", empty}, "no certificate (PEM)"},
		{own, []string{"--tls-ca", filepath.Join(folder, "absent")}, "no such file"},
		{strings.Replace(own, "rtsps:", "rtsp:", 1), nil, "this port speaks TLS: use rtsps://"},
		{fmt.Sprintf("rtsps://127.0.0.1:%d/cam", s.rtsp), nil, "does this port speak TLS?"},
	} {
		status, _, stderr := runCamview(t, append(c.args, "--frames", "10", "--json", c.url)...)
		switch {
		case c.want == "" && status != 0:
			t.Errorf("%q: status %d, %s", c.args, status, stderr)
		case c.want != "" && (status != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want)):
			t.Errorf("%q of %s: status %d, %q; want 1, and one line with %q", c.args, c.url, status, stderr, c.want)
		}
	}
}

// TestSilentTLSServer has a server accept a connection and say nothing: the viewer can be ended
// meanwhile.
func TestSilentTLSServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	began := time.Now()
	status, _, stderr := runCamview(t, "--insecure", "--duration", "300ms", "--json", "rtsps://"+silent.Addr().String()+"/cam")
	if took := time.Since(began); status != 1 || took > 8*time.Second {
		t.Errorf("status %d after %v: %s", status, took, stderr)
	}
}

// TestClearTextPasswords has a server want the password in clear text: it is sent on a connection that nobody else
// reads, or where a person says so.
func TestClearTextPasswords(t *testing.T) {
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scheme string
		args   []string
		sent   bool
	}{
		{"rtsp", nil, false},
		{"rtsp", []string{"--allow-basic"}, true},
		{"rtsps", []string{"--insecure"}, false},
		{"rtsps", []string{"--insecure", "--allow-basic"}, true},
		{"rtsps", []string{"--tls-fingerprint", made.Fingerprint}, true},
	} {
		server, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		address := server.Addr().String()
		if c.scheme == "rtsps" {
			server = tls.NewListener(server, &tls.Config{Certificates: []tls.Certificate{pair}})
		}
		asked := make(chan string, 1)
		go func() { asked <- wantBasic(server) }()
		status, _, stderr := runCamview(t, append(c.args, "--json", c.scheme+"://anna:s3cret@"+address+"/cam")...)
		requests := <-asked
		if sent := strings.Contains(requests, "\r\nAuthorization: Basic YW5uYTpzM2NyZXQ="); sent != c.sent || status != 1 {
			t.Errorf("%s %q: status %d, asks %q", c.scheme, c.args, status, requests)
		}
		if strings.Contains(stderr, "s3cret") || strings.Contains(stderr, "--allow-basic") == c.sent || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s %q: it says %q", c.scheme, c.args, stderr)
		}
	}
}

// wantBasic serves one connection: it wants a password in clear text, and when it has one there is no such stream.
// It returns what was asked.
func wantBasic(server net.Listener) (asked string) {
	conn, err := server.Accept()
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		request := ""
		for !strings.HasSuffix(request, "\r\n\r\n") {
			line, err := in.ReadString('\n')
			if err != nil {
				return asked
			}
			request += line
		}
		asked += request
		_, cseq, _ := strings.Cut(request, "CSeq: ")
		cseq, _, _ = strings.Cut(cseq, "\r\n")
		answer := "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""
		if strings.Contains(request, "Authorization") {
			answer = "404 Not Found"
		}
		_, _ = fmt.Fprintf(conn, "RTSP/1.0 %s\r\nCSeq: %s\r\n\r\n", answer, cseq)
	}
}
