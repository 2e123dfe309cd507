package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// denied is the address of the reader that is refused: another one of this machine.
const denied = "127.0.0.9"

// program is the example, as it runs.
type program struct {
	t                       *testing.T
	http, rtsp, rtsps, page string
}

// start runs the example on free ports of the loopback.
func start(t *testing.T, o options) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	o.http, o.rtsp, o.rtp, o.rtsps, o.page = "127.0.0.1:0", loopback, loopback, loopback, loopback
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, o, write)
		write.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p := &program{t: t}
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	urls := strings.Fields(line)
	p.http, p.rtsp, p.page = urls[0], urls[1], urls[len(urls)-1]
	if len(urls) == 4 {
		p.rtsps = urls[2]
	}
	return p
}

// ask makes an HTTP request.
func (p *program) ask(method, path string) (status int, body string) {
	p.t.Helper()
	request, err := http.NewRequest(method, p.http+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// reader is a player over RTSP, interleaved. Its goroutine reads until the connection ends.
type reader struct {
	t      *testing.T
	conn   net.Conn
	client *client.Client

	mutex        sync.Mutex
	changed      *sync.Cond
	depacketizer rtp.JPEGDepacketizer
	sequence     uint16
	begun        bool
	pictures     int
	gaps, byes   int
	err          error // how it ended
}

// watch has a reader watch from an address of this machine.
func (p *program) watch(from string) *reader {
	p.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	address, _, _ := strings.Cut(strings.TrimPrefix(p.rtsp, "rtsp://"), "/")
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.watchOn(conn, p.rtsp)
}

// watchOn has a reader watch on a connection.
func (p *program) watchOn(conn net.Conn, url string) *reader {
	p.t.Helper()
	r := &reader{t: p.t, conn: conn}
	r.changed = sync.NewCond(&r.mutex)
	var err error
	if r.client, err = client.New(client.Config{URL: url}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	go r.read()
	return r
}

// read is the reader's goroutine.
func (r *reader) read() {
	began := time.Now()
	_, err := r.conn.Write(r.client.Start(0, nil))
	buffer := make([]byte, 64<<10)
	for err == nil {
		var n int
		if n, err = r.conn.Read(buffer); err != nil {
			break
		}
		r.mutex.Lock()
		var out []byte
		if out, err = r.client.Receive(time.Since(began), buffer[:n], nil, r); len(out) > 0 && err == nil {
			_, err = r.conn.Write(out)
		}
		r.changed.Broadcast()
		r.mutex.Unlock()
	}
	r.mutex.Lock()
	r.err = err
	r.changed.Broadcast()
	r.mutex.Unlock()
}

// Playing, RTP and RTCP are a client.Receiver's.
func (r *reader) Playing(client.Playing) {}

func (r *reader) RTP(packet []byte) {
	sequence := binary.BigEndian.Uint16(packet[2:])
	if r.begun && sequence != r.sequence+1 {
		r.gaps++
	}
	r.begun, r.sequence = true, sequence
	picture, whole, err := r.depacketizer.Push(packet)
	if err != nil {
		r.t.Error(err)
	}
	if whole {
		if size, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Width != width {
			r.t.Errorf("a picture of %d pixels: %v", size.Width, err)
		}
		r.pictures++
	}
}

func (r *reader) RTCP(packet []byte) {
	_ = rtcp.Parse(packet, rtcp.Visitor{Bye: func(uint32) { r.byes++ }})
}

// wait waits until something is so, and returns how the reader has ended, if it has.
func (r *reader) wait(so func() bool) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for !so() && r.err == nil {
		r.changed.Wait()
	}
	return r.err
}

// more waits for n more pictures.
func (r *reader) more(n int) {
	r.t.Helper()
	r.mutex.Lock()
	had := r.pictures
	r.mutex.Unlock()
	if err := r.wait(func() bool { return r.pictures >= had+n }); err != nil {
		r.t.Fatalf("a reader ends after %d pictures: %v", r.pictures-had, err)
	}
}

// whole fails if the reader has lost anything.
func (r *reader) whole() {
	r.t.Helper()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.gaps > 0 || r.depacketizer.Dropped > 0 {
		r.t.Errorf("packets are missing in %d places, and %d pictures", r.gaps, r.depacketizer.Dropped)
	}
}

// end waits for the end.
func (r *reader) end() error { return r.wait(func() bool { return false }) }

// TestEmbed runs the example: one reader is refused, another one is ended, the stream is removed
// and added again; the others lose nothing.
func TestEmbed(t *testing.T) {
	p := start(t, options{denied: netip.MustParseAddr(denied)})
	stays := p.watchWhenPublished()
	ends := p.watch("127.0.0.2")
	stays.more(3)
	ends.more(3)

	refused := p.watch(denied)
	if status, ok := errors.AsType[*client.StatusError](refused.end()); !ok || status.Status != 403 || !strings.Contains(status.Reason, "not from your address") {
		t.Errorf("the reader that is denied ends with %v", refused.err)
	}

	_, list := p.ask("GET", "/sessions")
	id := ""
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); strings.HasPrefix(fields[5], "127.0.0.2:") {
			id = fields[0]
		}
	}
	if strings.Count(list, " clock guest rtsp tcp 127.0.0.") != 2 || id == "" {
		t.Fatalf("the list of sessions is\n%s", list)
	}
	if status, text := p.ask("DELETE", "/sessions/"+id); status != 200 {
		t.Fatalf("ending session %s: %d %s", id, status, text)
	}
	if err := ends.end(); err != io.EOF || ends.byes != 1 {
		t.Errorf("the reader that was ended: %v, %d goodbyes", err, ends.byes)
	}
	if status, _ := p.ask("DELETE", "/sessions/"+id); status != 400 {
		t.Errorf("ending it again: %d", status)
	}
	stays.more(5)

	if status, text := p.ask("DELETE", "/streams/clock"); status != 200 {
		t.Fatalf("removing the stream: %d %s", status, text)
	}
	if err := stays.wait(func() bool { return stays.byes == 1 }); err != nil {
		t.Error(err)
	}
	stays.whole()
	if status, ok := errors.AsType[*client.StatusError](p.watch("127.0.0.1").end()); !ok || status.Status != 404 {
		t.Errorf("watching what was removed: %v", status)
	}
	if status, text := p.ask("PUT", "/streams/clock"); status != 200 {
		t.Fatalf("adding the stream again: %d %s", status, text)
	}
	if status, _ := p.ask("PUT", "/streams/clock"); status != 400 {
		t.Errorf("adding the stream twice: %d, want 400", status)
	}
	again := p.watchWhenPublished()
	again.more(3)
	again.whole()
}

// watchWhenPublished watches the stream as soon as it has its first picture: before that it
// cannot be described, and readers are told to come again.
func (p *program) watchWhenPublished() *reader {
	p.t.Helper()
	for {
		r := p.watch("127.0.0.1")
		err := r.wait(func() bool { return r.pictures > 0 })
		if err == nil {
			return r
		}
		if status, ok := errors.AsType[*client.StatusError](err); !ok || status.Status != 503 {
			p.t.Fatal(err)
		}
	}
}
