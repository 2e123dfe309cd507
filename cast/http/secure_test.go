package http_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/tlsbridge"
)

// newSecure makes a site with TLS besides, and a client that trusts it.
func newSecure(t *testing.T, change func(*cast.Config)) (w *site, secure *front.Server, client *http.Client) {
	t.Helper()
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.Certificate)
	w = newSite(t, change)
	bridge := tlsbridge.NewServer(&tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	w.do(func() {
		if secure, err = front.Serve(w.b, netip.MustParseAddrPort("127.0.0.1:0"), front.Options{TLS: bridge}); err != nil {
			t.Error(err)
		}
	})
	if secure == nil {
		t.FailNow()
	}
	w.url = fmt.Sprintf("https://127.0.0.1:%d", secure.Port())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return w, secure, &http.Client{Transport: transport}
}

// TestSecure takes a picture and a stream over TLS, by HTTP/1.1 though the client would speak HTTP/2, too.
func TestSecure(t *testing.T) {
	w, _, client := newSecure(t, nil)
	p := jpegOf(t, 640, 480, 100)
	w.publish(media.JPEG, p, 640, 480)
	for range 3 { // on one connection
		answer, err := client.Get(w.url + "/cam.jpg")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.ProtoMajor != 1 || answer.TLS.NegotiatedProtocol != "http/1.1" || !bytes.Equal(body, p) {
			t.Fatalf("%v %v: %d bytes, %v", answer.Proto, answer.Status, len(body), err)
		}
	}
	answer, err := client.Get(w.url + "/cam.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	parts := multipart.NewReader(answer.Body, "camcast")
	const frames = 21
	for i := range frames {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(part); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("part %d: %d bytes, %v", i, len(got), err)
		}
		if i == frames-1 {
			break
		}
		p = append(jpegOf(t, 640, 480, byte(i)), make([]byte, i*10_000)...)
		w.publish(media.JPEG, p, 640, 480)
	}
	w.do(func() {
		for s := range w.b.Sessions() {
			if f := s.Figures(); f.Frames != frames || !f.Secure || s.Peer().Addr().String() != "127.0.0.1" {
				t.Errorf("%v: %+v", s.Peer(), f)
			}
		}
	})
}

// TestPlainTextOnSecurePort has clients not speak TLS.
func TestPlainTextOnSecurePort(t *testing.T) {
	w, _, _ := newSecure(t, nil)
	answer, err := http.Get(strings.Replace(w.url, "https", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "https://") {
		t.Errorf("%v %q", answer.Status, text)
	}
}

// TestBasicOverTLS has a password come in clear text, which TLS allows.
func TestBasicOverTLS(t *testing.T) {
	w, _, client := newSecure(t, func(c *cast.Config) { c.Gate = anybody{} })
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	for password, want := range map[string]int{"": 401, "right": 200} {
		r, err := http.NewRequest(http.MethodGet, w.url+"/cam.jpg", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			r.SetBasicAuth("anna", password)
		}
		answer, err := client.Do(r)
		if err != nil || answer.StatusCode != want || want == 401 && len(answer.Header.Values("WWW-Authenticate")) != 3 {
			t.Errorf("%q: %v, %v", password, answer, err)
		}
		answer.Body.Close()
	}
}

// anybody admits who brings any credentials on a secure connection.
type anybody struct{}

func (anybody) Admit(r cast.Request, answer func(cast.Grant, error)) {
	if r.Credentials == nil || !r.Secure {
		answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized})
		return
	}
	answer(cast.Grant{User: r.User()}, nil)
}

// TestSilentHandshakes has clients connect and say nothing: there is a limit, others are served beside them, and nothing is
// left of them when the server is closed.
func TestSilentHandshakes(t *testing.T) {
	w, secure, client := newSecure(t, func(c *cast.Config) { c.MaxConnections = 40 })
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	var silent []net.Conn
	for range 30 {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	answer, err := client.Get(w.url + "/cam.jpg")
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	w.do(func() {
		if err := secure.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range silent {
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a silent client is told something")
		} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Error("a silent client's connection is still open")
		}
	}
	at := netip.MustParseAddrPort("127.0.0.1:1")
	for tries, begun := 0, 0; begun < cast.MaxHandshakesPerAddress; tries++ { // the server learns of the ends soon
		if tries == 10_000 {
			t.Fatalf("only %d handshakes may begin when all have ended", begun)
		}
		w.do(func() {
			for ; begun > 0; begun-- {
				w.b.EndHandshake(at)
			}
			for w.b.BeginHandshake(at) == nil {
				begun++
			}
		})
	}
}
