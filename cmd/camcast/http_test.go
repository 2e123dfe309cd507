package main

import (
	"crypto/tls"
	"image/jpeg"
	"io"
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
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/certificate"
)

// announcedPage is where the page is said to be.
var announcedPage = regexp.MustCompile(`In a browser: (https?://\S+/)`)

var announcedHTTP = regexp.MustCompile(`http://\S+/cam\.(mjpg|mp4)`)

// pictureURL is where a daemon with --http says that its stream is, without ".mjpg" or ".mp4".
func (d *daemon) pictureURL() string {
	d.t.Helper()
	u := announcedHTTP.FindString(d.stdout)
	if u == "" {
		d.t.Fatalf("no URL is announced: %s", d.stdout)
	}
	return strings.TrimSuffix(strings.TrimSuffix(u, ".mjpg"), ".mp4")
}

// TestHTTP has a daemon answer HTTP.
func TestHTTP(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "testcard:?size=320x240")
	answer, err := http.Get(d.pictureURL() + ".jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if size, err := jpeg.DecodeConfig(answer.Body); err != nil || size.Width != 320 || size.Height != 240 {
		t.Errorf("%v: %v, %v", answer.Status, size, err)
	}
	stream, err := http.Get(d.pictureURL() + ".mjpg")
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", stream, err)
	}
	d.awaitLog("reader joined", "stream=cam", "protocol=http", "transport=tcp")
	stream.Body.Close()
	d.awaitLog("reader left", "stream=cam", "protocol=http")
}

// TestLargePictureByHTTP has what RTP cannot carry be watched by HTTP, and RTSP's viewers be told why not.
func TestLargePictureByHTTP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.jpg")
	if err := os.WriteFile(path, []byte(largePicture(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, "--http", "127.0.0.1:0", path+"?loop=1&fps=20")
	answer, err := http.Get(d.pictureURL() + ".jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if size, err := jpeg.DecodeConfig(answer.Body); err != nil || size.Width != 2600 || size.Height != 16 {
		t.Errorf("%v: %v, %v", answer.Status, size, err)
	}
	u, err := base.ParseURL(d.url())
	if err != nil {
		t.Fatal(err)
	}
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Describe(u); err == nil || !containsAll(err.Error(), []string{"403", "too large for RTP/JPEG"}) {
		t.Errorf("RTSP: error %v", err)
	}
}

// TestHTTPS has a daemon answer HTTP over TLS alone, with the certificate that it reads again on SIGHUP.
func TestHTTPS(t *testing.T) {
	_, args := writeCertificate(t)
	args[1] = "off" // --rtsps
	d := startDaemon(t, append(args, "--https", "127.0.0.1:0", "testcard:?size=320x240")...)
	url := regexp.MustCompile(`https://\S+/cam\.mjpg`).FindString(d.stdout)
	if url == "" {
		t.Fatalf("no URL is announced: %s", d.stdout)
	}
	serial := func() string {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		answer, err := client.Get(strings.TrimSuffix(url, ".mjpg") + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if size, err := jpeg.DecodeConfig(answer.Body); err != nil || size.Width != 320 {
			t.Errorf("%v: %v, %v", answer.Status, size, err)
		}
		return answer.TLS.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range [][]byte{made.Certificate, made.Key} {
		if err := os.WriteFile(args[3+2*i], p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.awaitLog("SIGHUP: read again")
	if after := serial(); after == before {
		t.Error("the certificate is still the old one")
	}
}

// TestDefaultHTTP has the default port be in use: one warning says so, and the daemon serves all the same. With the
// flag it ends; "off" asks for no port.
func TestDefaultHTTP(t *testing.T) {
	taken, err := net.Listen("tcp", defaultHTTP)
	if err == nil {
		defer taken.Close()
	} // else another program has it
	d := startDaemon(t, "--http", "", "testcard:?size=320x240")
	if d.awaitLog("level=WARN", "there is no page", "port 8080 is in use"); strings.Contains(d.stdout, "http://") {
		t.Errorf("it announces %s", d.stdout)
	}
	if n := strings.Count(d.stderr.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, d.stderr)
	}
	status, stdout, stderr := runBinary(t, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--http", defaultHTTP, "testcard:")
	if status != 1 || !strings.Contains(stderr, "choose another with --http") || strings.Count(stderr, "\n") != 1 || stdout != "" {
		t.Errorf("with the flag: status %d, %q, %q", status, stdout, stderr)
	}
	if off := startDaemon(t, "--http", "off", "testcard:?size=320x240"); strings.Contains(off.stderr.String(), "WARN") || strings.Contains(off.stdout, "http://") {
		t.Errorf("off: %s %s", off.stdout, off.stderr)
	}
}

// TestPageByDefault has a daemon whose default port is free announce the page, which is there.
func TestPageByDefault(t *testing.T) {
	d := startDaemon(t, "--http", "", "testcard:?size=320x240")
	if !strings.Contains(d.stdout, "In a browser: http://"+defaultHTTP+"/\n") {
		t.Fatalf("%s%s", d.stdout, d.stderr)
	}
	for path, want := range map[string]string{"/": "<title>camcast</title>", "/api/v1/config": `"http":"` + defaultHTTP + `"`, "/metrics": "camcast_loop_turns_total", "/api/v1/streams": `"name":"cam"`} {
		answer, err := http.Get("http://" + defaultHTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %v, %v, %.300s", path, answer.Status, err, body)
		}
	}
}
