package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
)

// TestGortsplibWithPassword plays by digest, over UDP and over the connection, and is refused with a wrong password and with
// none.
func TestGortsplibWithPassword(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--auth", writeUsers(t), smallCard)
	for name, protocol := range map[string]gortsplib.Protocol{"udp": gortsplib.ProtocolUDP, "tcp": gortsplib.ProtocolTCP} {
		t.Run(name, func(t *testing.T) {
			c, err := newClient(t, d.urlAs("anna", annasPassword), protocol)
			if err != nil {
				t.Fatal(err)
			}
			c.play()
			c.consecutive(10)
			close(c.silent)
			d.awaitLog("reader joined", "protocol=rtsp", "user=anna", "transport="+name)
			for _, address := range []string{d.url(), d.urlAs("anna", "wrong"), d.urlAs("otto", annasPassword)} {
				if _, err := newClient(t, address, protocol); err == nil || !strings.Contains(err.Error(), "401") {
					t.Errorf("%s: %v, want 401", address, err)
				}
			}
		})
	}
	d.stop()
	if log := d.stderr.String(); strings.Contains(log, "s3same") || strings.Contains(log, "Digest") {
		t.Errorf("the log shows a password:\n%s", log)
	}
}

// TestAllowBasic sends the password in clear text, which is taken only where that is allowed.
func TestAllowBasic(t *testing.T) {
	for flags, want := range map[string]string{"": "RTSP/1.0 401 ", "--allow-basic": "RTSP/1.0 200 "} {
		d := startDaemon(t, append([]string{"--auth", writeUsers(t), smallCard}, strings.Fields(flags)...)...)
		u, err := url.Parse(d.url())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		given := base64.StdEncoding.EncodeToString([]byte("anna:" + annasPassword))
		fmt.Fprintf(conn, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic %s\r\n\r\n", u, given)
		in := textproto.NewReader(bufio.NewReader(conn))
		status, err := in.ReadLine()
		if err != nil || !strings.HasPrefix(status, want) {
			t.Errorf("%q: %s, %v; want %s", flags, status, err, want)
		}
		header, err := in.ReadMIMEHeader()
		if offered := strings.Contains(strings.Join(header["Www-Authenticate"], " "), "Basic"); err != nil || offered {
			t.Errorf("%q: offered %q, %v", flags, header["Www-Authenticate"], err)
		}
	}
}
