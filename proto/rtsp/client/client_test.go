package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/credentials"
	"github.com/camcast/camcast/proto/rtsp"
	"github.com/camcast/camcast/proto/rtsp/client"
)

const url = "rtsp://192.0.2.1:8554/cam"

// receiver writes down what it is told.
type receiver struct {
	log     []string
	playing client.Playing
	// closing is closed at its first packet.
	closing *client.Client
}

func (r *receiver) Playing(p client.Playing) {
	r.playing = p
	r.log = append(r.log, fmt.Sprintf("playing udp=%v source=%v ports=%d-%d", p.UDP, p.Source, p.RTPPort, p.RTCPPort))
}
func (r *receiver) RTP(p []byte) {
	r.log = append(r.log, fmt.Sprintf("rtp %q", p))
	if r.closing != nil {
		r.closing.Close()
	}
}
func (r *receiver) RTCP(p []byte) { r.log = append(r.log, fmt.Sprintf("rtcp %q", p)) }

func (r *receiver) String() string { return strings.Join(r.log, "; ") }

// porch is our own server's stream.
type porch struct {
	udp     bool
	refusal rtsp.Answer                         // of DESCRIBE, if it has a status
	wants   func(*credentials.Credentials) bool // nil: no password
	reader  *rtsp.Session
	at      rtsp.Transport
	ended   rtsp.EndReason
	heard   []byte
	now     time.Duration // for the last sign of life
	alive   time.Duration
}

func (m *porch) Paths() iter.Seq[string] { return slices.Values([]string{"cam", "back door"}) }

func (m *porch) Resolve(path string) (string, bool) { return "cam", path == "cam" }

func (m *porch) Describe(c *rtsp.Conn, path string) (rtsp.Description, rtsp.Answer) {
	switch {
	case m.wants != nil && !m.wants(c.Credentials()):
		return rtsp.Description{}, rtsp.Answer{Status: rtsp.StatusUnauthorized}
	case path != "cam":
		return rtsp.Description{}, rtsp.Answer{Status: rtsp.StatusNotFound}
	case m.refusal.Status != 0:
		return rtsp.Description{}, m.refusal
	}
	return rtsp.Description{Path: "cam", Name: "Porch", SessionID: 1, PayloadType: 26, Encoding: "JPEG/90000", Width: 640, Height: 480}, rtsp.OK
}

func (m *porch) Setup(c *rtsp.Conn, s *rtsp.Session, _ string, t rtsp.Transport) (rtsp.TransportReply, rtsp.Answer) {
	if m.wants != nil && !m.wants(c.Credentials()) {
		return rtsp.TransportReply{}, rtsp.Answer{Status: rtsp.StatusUnauthorized}
	}
	if t.Protocol == rtsp.UDP && !m.udp {
		return rtsp.TransportReply{}, rtsp.Answer{Status: rtsp.StatusUnsupportedTransport}
	}
	m.reader, m.at = s, t
	return rtsp.TransportReply{SSRC: 1, Source: netip.MustParseAddr("192.0.2.9"), ServerRTPPort: 6970, ServerRTCPPort: 6971}, rtsp.OK
}
func (m *porch) Play(*rtsp.Conn, *rtsp.Session) (rtsp.Start, rtsp.Answer) {
	return rtsp.Start{}, rtsp.OK
}
func (m *porch) Pause(*rtsp.Session) {}
func (m *porch) Interleaved(_ *rtsp.Session, channel uint8, rtcp []byte) {
	m.heard = append(m.heard, rtcp...)
}
func (m *porch) Alive(*rtsp.Session)                     { m.alive = m.now }
func (m *porch) End(_ *rtsp.Session, why rtsp.EndReason) { m.ended = why }

// dialogue is a client and our own server, and the bytes between them.
type dialogue struct {
	t      *testing.T
	client *client.Client
	media  *porch
	server *rtsp.Server
	conn   *rtsp.Conn
	seen   receiver
	chunk  int // how many bytes arrive at a time
}

func newDialogue(t *testing.T, c client.Config, m *porch, chunk int) *dialogue {
	t.Helper()
	cl, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	config := rtsp.Config{NewID: func() string { return "cc5f1e0b" }}
	if m.wants != nil {
		config.Realm = "camcast"
	}
	server := rtsp.NewServer(config, m)
	conn := server.Accept(netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("192.0.2.1:8554"))
	return &dialogue{t: t, client: cl, media: m, server: server, conn: conn, chunk: chunk}
}

// exchange carries bytes to and fro until nobody has anything to say.
func (d *dialogue) exchange(now time.Duration, toServer []byte) {
	d.t.Helper()
	for len(toServer) > 0 {
		toClient, err := d.conn.Receive(now, toServer, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		toServer = d.hear(now, toClient)
	}
}

// hear has the client receive, and returns what it says.
func (d *dialogue) hear(now time.Duration, data []byte) (said []byte) {
	d.t.Helper()
	for len(data) > 0 {
		n := min(d.chunk, len(data))
		var err error
		if said, err = d.client.Receive(now, data[:n], said, &d.seen); err != nil {
			d.t.Fatal(err)
		}
		data = data[n:]
	}
	return said
}

// refused starts the client and returns the error that it ends with.
func (d *dialogue) refused() (err error) {
	d.t.Helper()
	asked := d.client.Start(0, nil)
	for len(asked) > 0 && err == nil {
		answer, serverErr := d.conn.Receive(0, asked, nil)
		if serverErr != nil {
			d.t.Fatal(serverErr)
		}
		asked, err = d.client.Receive(0, answer, nil, &d.seen)
	}
	return err
}

// TestOwnServer plays from our own server, however the bytes are cut.
func TestOwnServer(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  client.Config
		udp     bool
		playing string
	}{
		{"udp", client.Config{URL: url, RTPPort: 5000}, true, "playing udp=true source=192.0.2.9 ports=6970-6971"},
		{"tcp", client.Config{URL: url, UserAgent: "test"}, false, "playing udp=false source=invalid IP ports=0-0"},
		{"fall back", client.Config{URL: url, RTPPort: 5000, FallBack: true}, false, "playing udp=false source=invalid IP ports=0-0"},
	} {
		for _, chunk := range []int{1, 7, 100000} {
			t.Run(fmt.Sprint(c.name, chunk), func(t *testing.T) {
				m := &porch{udp: c.udp}
				d := newDialogue(t, c.config, m, chunk)
				d.exchange(0, d.client.Start(0, nil))
				if d.seen.String() != c.playing {
					t.Fatalf("%q, want %q", d.seen.String(), c.playing)
				}
				d.hear(time.Second, []byte("$\x00\x00\x05hello$\x07\x00\x01?$\x01\x00\x00$\x01\x00\x03bye"))
				if want := c.playing + `; rtp "hello"; rtcp ""; rtcp "bye"`; !c.udp && d.seen.String() != want {
					t.Errorf("%q, want %q", d.seen.String(), want)
				}
				if c.udp && m.at.RTP.Port() != 5000 || c.udp && d.seen.String() != c.playing {
					t.Errorf("sent to %v; %q", m.at.RTP, d.seen.String())
				}
				if !c.udp {
					d.exchange(0, d.client.AppendRTCP(nil, []byte("\x80\xc9\x00\x01abcd")))
					if string(m.heard) != "\x80\xc9\x00\x01abcd" {
						t.Errorf("the server heard %q", m.heard)
					}
				}
				d.exchange(time.Minute, d.client.Leave(time.Minute, nil))
				if !d.client.Done() || m.ended != rtsp.EndTeardown {
					t.Errorf("done %v, ended by %v", d.client.Done(), m.ended)
				}
				if _, waiting := d.client.Next(); waiting {
					t.Error("something is waited for after the end")
				}
			})
		}
	}
}

// TestRefusedByOwnServer has our own server refuse, and the client say why.
func TestRefusedByOwnServer(t *testing.T) {
	busy := rtsp.Answer{Status: rtsp.StatusServiceUnavailable, Reason: "the camera is unplugged", RetryAfter: 5 * time.Second}
	d := newDialogue(t, client.Config{URL: url}, &porch{refusal: busy}, 1000)
	if err := d.refused(); err == nil || err.Error() != "DESCRIBE: 503 the camera is unplugged: try again in 5 s" {
		t.Errorf("DESCRIBE: %v", err)
	}

	d = newDialogue(t, client.Config{URL: url}, &porch{}, 1000)
	d.client.Start(0, nil)
	full := rtsp.Answer{Status: rtsp.StatusServiceUnavailable, Reason: "connection limit reached"}
	_, err := d.client.Receive(0, d.server.AppendRefusal(nil, full), nil, &d.seen)
	if err == nil || err.Error() != "OPTIONS: 503 connection limit reached" {
		t.Errorf("the connection is refused: %v", err)
	}
}

// TestStreamsAreNamed asks our own server for a stream that it does not have.
func TestStreamsAreNamed(t *testing.T) {
	d := newDialogue(t, client.Config{URL: "rtsp://192.0.2.1:8554/none"}, &porch{}, 1000)
	if err := d.refused(); err == nil || err.Error() != "DESCRIBE: 404 Not Found: the streams are cam, back door" {
		t.Errorf("%v", err)
	}
}

// TestKeepsAlive lets ten minutes pass.
func TestKeepsAlive(t *testing.T) {
	d := newDialogue(t, client.Config{URL: url, RTPPort: 5000}, &porch{udp: true}, 1000)
	d.exchange(0, d.client.Start(0, nil))
	asked := 0
	for now := time.Duration(0); now < 10*time.Minute; {
		next, ok := d.client.Next()
		if !ok {
			t.Fatal("nothing is waited for")
		}
		now = next
		if d.media.now = now; now-d.media.alive >= rtsp.DefaultTimeout {
			t.Fatalf("no sign of life from %v to %v", d.media.alive, now)
		}
		request, err := d.client.Expire(now, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked += bytes.Count(request, []byte("RTSP/1.0"))
		d.exchange(now, request)
	}
	if d.media.ended != 0 || asked != 20 {
		t.Errorf("ended by %v, asked %d times, want 20", d.media.ended, asked)
	}
}

// TestCloseWhileReceiving closes the client in the middle of what it receives.
func TestCloseWhileReceiving(t *testing.T) {
	d := newDialogue(t, client.Config{URL: url}, &porch{}, 1000)
	d.exchange(0, d.client.Start(0, nil))
	d.seen = receiver{closing: d.client}
	_, err := d.client.Receive(0, []byte("$\x00\x00\x01a$\x00\x00\x01b"), nil, &d.seen)
	if !errors.Is(err, client.ErrClosed) || d.seen.String() != `rtp "a"` {
		t.Errorf("%v, %q", err, d.seen.String())
	}
}

// TestNoAnswer lets a request go unanswered.
func TestNoAnswer(t *testing.T) {
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	c.Start(time.Second, nil)
	next, waiting := c.Next()
	if request, err := c.Expire(next-1, nil); !waiting || len(request) > 0 || err != nil {
		t.Errorf("early: %v, %q, %v", waiting, request, err)
	}
	if _, err := c.Expire(next, nil); !errors.Is(err, client.ErrNoAnswer) || !strings.Contains(err.Error(), "OPTIONS") {
		t.Errorf("%v, want no answer to OPTIONS", err)
	}
	if c.Leave(next, nil) != nil {
		t.Error("something is said though there is no session")
	}
}

// TestPacketsAllocateNothing is about interleaved packets, whole and in pieces.
func TestPacketsAllocateNothing(t *testing.T) {
	d := newDialogue(t, client.Config{URL: url}, &porch{}, 1000)
	d.exchange(0, d.client.Start(0, nil))
	stream := bytes.Repeat([]byte("$\x00\x00\x0812345678"), 100)
	var counting counter
	cut := 0
	allocations := testing.AllocsPerRun(100, func() {
		cut = (cut + 7) % len(stream)
		for _, piece := range [][]byte{stream[:cut], stream[cut:]} {
			if _, err := d.client.Receive(0, piece, nil, &counting); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations > 0 || counting != 101*100 {
		t.Errorf("%v allocations, %d packets", allocations, counting)
	}
}

type counter int

func (c *counter) Playing(client.Playing) {}
func (c *counter) RTP([]byte)             { *c++ }
func (c *counter) RTCP([]byte)            {}
