package rtsp

import (
	"bufio"
	"bytes"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// stage is a Media with the streams cam and two, which writes down what it is told.
type stage struct {
	log      []string
	alive    []string                 // the sessions that gave signs of life, in order
	only     string                   // what the empty path is
	later    func() bool              // whether an answer has to wait; nil lets none
	describe Answer                   // zero describes what there is
	setup    func(t Transport) Answer // nil takes everything
	play     Answer                   // zero takes everything
	start    Start
	onRTCP   func(s *Session)
	onAlive  func(s *Session)
}

func (m *stage) note(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *stage) waits() bool { return m.later != nil && m.later() }

func (m *stage) Paths() iter.Seq[string] {
	return slices.Values([]string{"cam", "two", "dir/my cam", "busy"})
}

func (m *stage) Resolve(path string) (string, bool) {
	if path == "" {
		path = m.only
	}
	return path, path == "cam" || path == "two" || path == "dir/my cam" || path == "busy"
}

// busy is the refusal of the stream of that name.
var busy = Answer{Status: StatusServiceUnavailable, Reason: "the camera is being opened", RetryAfter: 1500 * time.Millisecond}

func (m *stage) Describe(_ *Conn, path string) (Description, Answer) {
	if m.waits() {
		return Description{}, Later
	}
	path, ok := m.Resolve(path)
	switch {
	case !ok:
		return Description{}, Answer{Status: StatusNotFound}
	case path == "busy":
		return Description{}, busy
	}
	answer := OK
	if m.describe.Status != 0 {
		answer = m.describe
	}
	return Description{
		Path: path, Name: "Porch", SessionID: 7, Version: 1,
		PayloadType: 26, Encoding: "JPEG/90000", Width: 640, Height: 480, FrameRate: 30,
	}, answer
}

func (m *stage) Setup(_ *Conn, s *Session, path string, t Transport) (TransportReply, Answer) {
	if m.waits() {
		return TransportReply{}, Later
	}
	if path == "busy" {
		return TransportReply{}, busy
	}
	if m.setup != nil {
		if answer := m.setup(t); answer != OK {
			return TransportReply{}, answer
		}
	}
	m.note("setup %s %s %s", s.ID(), path, describe(t))
	reply := TransportReply{SSRC: 0xCA3CA57, Source: netip.MustParseAddr("127.0.0.1"), ServerRTPPort: 8000, ServerRTCPPort: 8001}
	if t.Protocol == Multicast {
		reply.Group, reply.TTL = netip.MustParseAddrPort("239.1.2.3:5004"), 16
	}
	return reply, OK
}

func describe(t Transport) string {
	switch t.Protocol {
	case UDP:
		return fmt.Sprintf("udp %v %v", t.RTP, t.RTCP)
	case TCP:
		return fmt.Sprintf("tcp %d-%d", t.RTPChannel, t.RTCPChannel)
	}
	return t.Protocol.String()
}

func (m *stage) Play(_ *Conn, s *Session) (Start, Answer) {
	if m.waits() {
		return Start{}, Later
	}
	if m.play.Status != 0 {
		return Start{}, m.play
	}
	m.note("play %s", s.ID())
	return m.start, OK
}

func (m *stage) Pause(s *Session)                 { m.note("pause %s", s.ID()) }
func (m *stage) End(s *Session, reason EndReason) { m.note("end %s %s", s.ID(), reason) }
func (m *stage) Alive(s *Session) {
	m.alive = append(m.alive, s.ID())
	if m.onAlive != nil {
		m.onAlive(s)
	}
}

func (m *stage) Interleaved(s *Session, channel uint8, payload []byte) {
	m.note("rtcp %s %d %x", s.ID(), channel, payload)
	if m.onRTCP != nil {
		m.onRTCP(s)
	}
}

// newStage returns a server whose ids are session1, session2, ... An id that was given to no session is given again.
func newStage(cfg Config) (*stage, *Server) {
	m := &stage{only: "cam", start: Start{Sequence: 65535, RTPTime: 4294967295}}
	var s *Server
	if cfg.NewID == nil {
		cfg.NewID = func() string { return fmt.Sprintf("session%d", s.Stats().Sessions+1) }
	}
	s = NewServer(cfg, m)
	return m, s
}

var (
	alice  = netip.MustParseAddrPort("192.0.2.1:40000")
	bob    = netip.MustParseAddrPort("192.0.2.2:40000")
	server = netip.MustParseAddrPort("198.51.100.1:8554")
)

// told checks and forgets what the stage was told.
func (m *stage) told(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(m.log, "\n"); got != strings.Join(want, "\n") {
		t.Fatalf("media was told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	m.log = nil
}

// crlf turns lines into a message without body.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// ask sends a request that must be answered with one response, and returns that as another RTSP implementation reads it.
func ask(t *testing.T, c *Conn, now time.Duration, lines ...string) *base.Response {
	t.Helper()
	return askRaw(t, c, now, crlf(lines...))
}

func askRaw(t *testing.T, c *Conn, now time.Duration, request string) *base.Response {
	t.Helper()
	out, err := c.Receive(now, []byte(request), nil)
	if err != nil {
		t.Fatalf("Receive(%q): %v", request, err)
	}
	all := responses(t, out)
	if len(all) != 1 {
		t.Fatalf("%d responses to %q, want 1: %q", len(all), request, out)
	}
	return all[0]
}

func responses(t *testing.T, out []byte) []*base.Response {
	t.Helper()
	var all []*base.Response
	for in := bufio.NewReader(bytes.NewReader(out)); ; {
		if _, err := in.Peek(1); err != nil {
			return all
		}
		var r base.Response
		if err := r.Unmarshal(in); err != nil {
			t.Fatalf("response %d of %q: %v", len(all), out, err)
		}
		all = append(all, &r)
	}
}

// want checks a status and headers given as "Name: value"; "Name:" wants it absent.
func want(t *testing.T, r *base.Response, status Status, headers ...string) {
	t.Helper()
	if Status(r.StatusCode) != status {
		t.Fatalf("status %d %s, want %d: %v", r.StatusCode, r.StatusMessage, status, r.Header)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		got := strings.Join(r.Header[name], " | ")
		if got != strings.TrimSpace(value) {
			t.Fatalf("%s is %q, want %q", name, got, strings.TrimSpace(value))
		}
	}
}

const (
	udpOffer = "Transport: RTP/AVP;unicast;client_port=5000-5001"
	tcpOffer = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
	camURL   = "rtsp://cam.example:8554/cam"
	camTrack = camURL + "/trackID=0"
)
