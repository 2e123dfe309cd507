package rtsp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
)

// goroutineGate answers each request from a goroutine of its own, when all of a lot have come, and
// then once more with something else.
type goroutineGate struct {
	lot     sync.WaitGroup
	answers sync.WaitGroup
}

func (g *goroutineGate) Admit(r cast.Request, answer func(cast.Grant, error)) {
	g.lot.Done()
	g.answers.Go(func() {
		g.lot.Wait()
		var err error
		if r.Peer.Port()%2 == 1 {
			err = fmt.Errorf("no odd ports such as %d", r.Peer.Port())
		}
		answer(cast.Grant{}, err)
		answer(cast.Grant{}, fmt.Errorf("too late"))
	})
}

// TestAnswersFromGoroutines has many connections wait at once on a real loop, and be answered by
// as many goroutines.
func TestAnswersFromGoroutines(t *testing.T) {
	const readers = 40
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := &goroutineGate{}
	g.lot.Add(readers)
	b, err := cast.New(l, cast.Config{Gate: g})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := rtsp.Listen(b, netip.MustParseAddrPort("127.0.0.1:0"), rtsp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	picture := jpeg.Append(nil, &jpeg.Image{Width: 64, Height: 48, Type: jpeg.Type420, Scan: make([]byte, 500)})
	params := &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}
	if err := stream.Publish(media.Frame{Params: params, Bytes: picture, Key: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			if err := describe(s.Port()); err != nil {
				t.Error(err)
			}
		})
	}
	go func() {
		all.Wait()
		cancel()
	}()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
	g.answers.Wait() // some find that nobody turns the loop any more
}

// describe asks twice in one segment, DESCRIBE and OPTIONS, and checks the answers.
func describe(port uint16) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "DESCRIBE rtsp://127.0.0.1:%d/cam RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n", port)
	in := textproto.NewReader(bufio.NewReader(conn))
	own := conn.LocalAddr().(*net.TCPAddr).Port
	for i, want := range []string{"RTSP/1.0 200 OK", "RTSP/1.0 200 OK"} {
		if i == 0 && own%2 == 1 {
			want = fmt.Sprintf("RTSP/1.0 403 Forbidden: no odd ports such as %d", own)
		}
		status, err := in.ReadLine()
		if err != nil {
			return err
		}
		header, err := in.ReadMIMEHeader()
		if err != nil {
			return err
		}
		if status != want || header.Get("CSeq") != fmt.Sprint(i+1) {
			return fmt.Errorf("request %d is answered by %q, CSeq %s; want %q", i+1, status, header.Get("CSeq"), want)
		}
		var length int
		_, _ = fmt.Sscan(header.Get("Content-Length"), &length) // none: 0
		body := make([]byte, length)
		if _, err := io.ReadFull(in.R, body); err != nil || length > 0 && !strings.HasPrefix(string(body), "v=0") {
			return fmt.Errorf("the description is %q, %v", body, err)
		}
	}
	return nil
}
