package rtsp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
)

// serve has a broadcaster with the streams cam and door run on real sockets, while visit asks.
func serve(t *testing.T, visit func(b *cast.Broadcaster, port uint16)) {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("0.0.0.0:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := rtsp.Listen(b, netip.MustParseAddrPort("0.0.0.0:0"), rtsp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	picture := jpeg.Append(nil, &jpeg.Image{Width: 64, Height: 48, Type: jpeg.Type420, Scan: make([]byte, 500)})
	params := &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}
	for _, name := range []string{"cam", "door"} {
		stream, err := b.AddStream(name, nil, cast.StreamOptions{})
		if err == nil {
			err = stream.Publish(media.Frame{Params: params, Bytes: picture, Key: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		visit(b, s.Port())
	}()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestStrangers has a browser, an SSH client and others come to the RTSP
// port: each is told what this is, in its own words as far as there are any, and the connection is
// closed in order.
func TestStrangers(t *testing.T) {
	serve(t, func(_ *cast.Broadcaster, port uint16) {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			at := fmt.Sprintf("%s:%d", host, port)
			answer, err := http.Get("http://" + at + "/cam?x=1")
			if err != nil {
				t.Errorf("%s: %v", at, err)
				continue
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != 400 || !strings.HasSuffix(string(body), fmt.Sprintf("\nrtsp://%s/cam\nrtsp://%s/door\n", at, at)) {
				t.Errorf("%s: %v, %v, %q", at, answer.Status, err, body)
			}
		}
		for said, want := range map[string]string{
			"GET / HTTP/1.1\r\n\r\n":                               fmt.Sprintf("\nrtsp://127.0.0.1:%d/cam\n", port),
			"POST / HTTP/1.1\r\n\r\n" + strings.Repeat("x", 60000): "HTTP/1.1 400 Bad Request\r\n",
			"SSH-2.0-OpenSSH_9.2p1\r\n":                            "RTSP/1.0 400 Bad Request\r\n",
		} {
			if got, err := say(port, said); err != nil || !strings.Contains(got, want) {
				t.Errorf("%.30q is answered by %q, %v", said, got, err)
			}
		}
		if got, err := say(port, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"); err != nil || got != "" {
			t.Errorf("TLS is answered by %q, %v", got, err)
		}
	})
}

// say sends a text, and reads until the server has closed the connection.
func say(port uint16, text string) (string, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	got, err := io.ReadAll(conn)
	return string(got), err
}

// TestOwnPorts asks for RTP at the server's own ports on the loopback, by each address of it.
func TestOwnPorts(t *testing.T) {
	serve(t, func(b *cast.Broadcaster, port uint16) {
		var rtp uint16
		if err := b.Loop().Do(t.Context(), func() { rtp = b.RTPPort() }); err != nil {
			t.Error(err)
			return
		}
		for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
			for _, ports := range [][2]uint16{{rtp, rtp + 1}, {40000, rtp}, {rtp + 1, 40000}, {40000, 40001}} {
				want := "RTSP/1.0 461 Unsupported Transport: port "
				if ports[1] == 40001 {
					want = "RTSP/1.0 200 OK\r\n"
				}
				got, err := setUp(from, port, ports)
				if err != nil || !strings.HasPrefix(got, want) {
					t.Errorf("from %s, ports %v: %q, %v", from, ports, got, err)
				}
			}
		}
	})
}

// setUp sends SETUP from an address, and returns what comes first.
func setUp(from string, port uint16, ports [2]uint16) (string, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "SETUP rtsp://127.0.0.1:%d/cam RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=%d-%d\r\n\r\n", port, ports[0], ports[1])
	answer := make([]byte, 1000)
	n, err := conn.Read(answer)
	return string(answer[:n]), err
}
