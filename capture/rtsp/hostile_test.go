package rtsp_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/loop/sim"
)

// impostor is a server that says what a test has it say: it answers each request with the next text, in
// which # is the request's CSeq.
type impostor struct {
	*stage
	listener    *sim.TCPListener
	answers     []string
	then        func(p *sim.TCPPeer) // what it does after the last answer, each 100 ms
	asked       []string
	connections int
}

var impostorAddr = netip.MustParseAddrPort("10.0.0.9:554")

const impostorURL = "rtsp://anna:geheim@10.0.0.9/cam"

func newImpostor(s *stage, then func(*sim.TCPPeer), answers ...string) *impostor {
	s.t.Helper()
	m := &impostor{stage: s, answers: answers, then: then}
	var err error
	m.listener, err = s.k.ListenTCPPeer(impostorAddr)
	s.check(err)
	m.listener.OnAccept(func(p *sim.TCPPeer) {
		m.connections++
		next, heard := 0, ""
		p.OnData(func(b []byte) {
			heard += string(b)
			for next < len(m.answers) {
				request, rest, whole := strings.Cut(heard, "\r\n\r\n")
				if !whole {
					return
				}
				heard = rest
				m.asked = append(m.asked, request)
				_, after, _ := strings.Cut(request, "CSeq: ")
				cseq, _, _ := strings.Cut(after, "\r\n")
				_, _ = p.Write([]byte(strings.ReplaceAll(m.answers[next], "#", cseq)))
				if next++; next == len(m.answers) && m.then != nil {
					m.again(p)
				}
			}
		})
		if len(m.answers) == 0 && m.then != nil {
			m.again(p)
		}
	})
	return m
}

func (m *impostor) again(p *sim.TCPPeer) {
	m.k.After(100*time.Millisecond, func() {
		if !p.Ended() && p.Err() == nil {
			m.then(p)
			m.again(p)
		}
	})
}

const ok = "RTSP/1.0 200 OK\r\nCSeq: #\r\n"

// described is DESCRIBE's answer.
func described(media string) string {
	body := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" + media
	return fmt.Sprintf("%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", ok, len(body), body)
}

const h264Media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

var plays = []string{ok + "\r\n", described(h264Media), ok + "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n", ok + "\r\n"}

// write has an impostor say something each 100 ms.
func write(text string) func(*sim.TCPPeer) {
	return func(p *sim.TCPPeer) { _, _ = p.Write([]byte(text)) }
}

// frameOf is an interleaved packet.
func frameOf(channel byte, packet string) string {
	return string([]byte{'$', channel, byte(len(packet) >> 8), byte(len(packet))}) + packet
}

// TestHostileServers say what they like, for a minute: what is held is bounded, each error is a line,
// and the source tries again.
func TestHostileServers(t *testing.T) {
	number := byte(0)
	for name, c := range map[string]struct {
		answers []string
		then    func(*sim.TCPPeer)
		want    string
	}{
		"never answers":      {nil, nil, "no answer|does not answer"},
		"answers bytewise":   {nil, write("R"), "no answer|does not answer"},
		"speaks first":       {nil, write("hello\r\n"), "not RTSP"},
		"endless headers":    {[]string{ok}, write(strings.Repeat("X-Y: z\r\n", 500)), "without end"},
		"an endless line":    {[]string{ok}, write(strings.Repeat("x", 5000)), "not RTSP|without end"},
		"a huge body":        {[]string{ok + "Content-Length: 2000000000\r\n\r\n"}, write(strings.Repeat("x", 5000)), "Content-Length"},
		"a body that stops":  {[]string{ok + "Content-Length: 60000\r\n\r\n"}, nil, "no answer|does not answer"},
		"a huge description": {[]string{ok + "\r\n", described(h264Media + strings.Repeat("a=x:"+strings.Repeat("y", 996)+"\r\n", 62))}, nil, "no answer|does not answer"},
		"many media":         {[]string{ok + "\r\n", described(strings.Repeat("m=video 0 RTP/AVP 97\r\na=rtpmap:97 VP8\x1b[2J/90000\r\n", 1000))}, nil, "DESCRIBE"},
		"no video":           {[]string{ok + "\r\n", described("m=audio 0 RTP/AVP 0\r\n")}, nil, "no video"},
		"a rude refusal":     {[]string{"RTSP/1.0 500 \x1b[31m" + strings.Repeat("no", 5000) + "\r\nCSeq: #\r\n\r\n"}, nil, "OPTIONS: 500|without end|cannot be read"},
		"an URL of another":  {[]string{ok + "\r\n", described(h264Media + "a=control:rtsp://10.9.9.9:1/x\r\n")}, nil, "no answer|does not answer"},
		"silent":             {plays, nil, "sends nothing"},
		"no RTP":             {plays, write(frameOf(0, "hello")), "sends nothing that is RTP"},
		"garbage": {plays, func(p *sim.TCPPeer) {
			number += 3
			_, _ = p.Write([]byte(frameOf(0, "\x80\xe0\x00"+string([]byte{number})+"\x00\x00\x00\x00\x00\x00\x00\x09"+strings.Repeat("\x7c\x05", 20000))))
		}, "no picture|no key frame"},
		"parameter sets alone": {plays, func(p *sim.TCPPeer) {
			number++
			_, _ = p.Write([]byte(frameOf(0, "\x80\xe0\x00"+string([]byte{number})+"\x00\x00"+string([]byte{number})+"\x00\x00\x00\x00\x09\x67\x42\xc0\x1e")))
		}, "no picture|no key frame"},
		"bad reports":                {plays, write(frameOf(1, "\x81\xc8\x00\x06aaaaaaaaaaaaaaaaaaaaaaaa")), "sends nothing"},
		"requests":                   {plays, write(strings.Repeat("OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", 50)), "sends nothing|queue is full"},
		"hangs up":                   {plays, func(p *sim.TCPPeer) { p.Close() }, "closed the connection"},
		"resets":                     {plays, func(p *sim.TCPPeer) { p.Reset() }, "reset|closed the connection"},
		"UDP that was not asked for": {[]string{ok + "\r\n", described(h264Media), ok + "Session: 1\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n\r\n"}, nil, "another transport"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 1)
			before := len(s.k.OpenFDs())
			m := newImpostor(s, c.then, c.answers...)
			heap := heapBytes()
			s.watch(func(o *rtsp.Options) { o.URL, o.Transport = impostorURL, rtsp.OnlyTCP })
			s.run(70 * time.Second)
			if grown := heapBytes() - heap; grown > 8<<20 {
				t.Errorf("%d MB are held", grown>>20)
			}
			if len(s.host.reports) < 2 || m.connections < 2 {
				t.Fatalf("%q, %d connections: it is not tried again", s.host.reports, m.connections)
			}
			for _, r := range s.host.reports {
				if !slices.ContainsFunc(strings.Split(c.want, "|"), func(want string) bool { return strings.Contains(r, want) }) {
					t.Fatalf("%q, want %q", r, c.want)
				}
			}
			for _, a := range m.asked {
				if strings.Contains(a, "geheim") || strings.Contains(a, "10.9.9.9") {
					t.Fatalf("asked %q", a)
				}
			}
			s.host.close()
			m.listener.Close()
			s.run(time.Second)
			if n := len(s.k.OpenFDs()); n != before {
				t.Errorf("%d fds are open, %d were before", n, before)
			}
		})
	}
}

func heapBytes() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestWrongPassword is no reason to try again and again: some cameras lock out who does.
func TestWrongPassword(t *testing.T) {
	s := newStage(t, 1)
	refused := "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"camera\", nonce=\"0a\"\r\n\r\n"
	m := newImpostor(s, nil, refused, refused)
	s.watch(func(o *rtsp.Options) { o.URL = impostorURL })
	s.run(time.Second)
	if len(s.host.reports) != 1 || !strings.HasPrefix(s.host.reports[0], "failed: ") || !strings.Contains(s.host.reports[0], "password is wrong") {
		t.Fatalf("%q", s.host.reports)
	}
	if !strings.Contains(m.asked[1], `username="anna"`) {
		t.Errorf("asked %q", m.asked)
	}
	s.run(2 * time.Minute)
	if m.connections < 3 || m.connections > 5 {
		t.Errorf("%d connections in two minutes, want one in 30 s", m.connections)
	}
}

// TestClearTextPassword is sent only where that is allowed.
func TestClearTextPassword(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		s := newStage(t, 1)
		refused := "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Basic realm=\"camera\"\r\n\r\n"
		m := newImpostor(s, nil, refused, refused)
		s.watch(func(o *rtsp.Options) { o.URL, o.AllowBasic = impostorURL, allowed })
		s.run(time.Second)
		if sent := strings.Contains(strings.Join(m.asked, ""), "Authorization"); sent != allowed || len(s.host.reports) != 1 || !strings.HasPrefix(s.host.reports[0], "failed: ") {
			t.Errorf("asked %q; %q", m.asked, s.host.reports)
		}
		if told := strings.Contains(s.host.reports[0], "allow-basic=1"); told == allowed {
			t.Errorf("%q", s.host.reports)
		}
	}
}

// TestNames are looked up on a worker, one at a time, however long the resolver takes.
func TestNames(t *testing.T) {
	s := newStage(t, 1)
	s.film = &film{clip: pictures(t)}
	s.plugIn()
	lookups := 0
	answer := func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	var held []func() func()
	s.host.work = func(job func() func()) { held = append(held, job) }
	release := func() {
		for _, job := range held {
			s.check(s.l.Post(job()))
		}
		held = nil
	}
	s.watch(func(o *rtsp.Options) {
		o.URL = "rtsp://porch.example:8554/cam"
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			if lookups++; host != "porch.example" {
				t.Errorf("%q is looked up", host)
			}
			return answer(ctx, host)
		}
	})
	s.run(time.Minute)
	if len(held) != 1 || len(s.host.reports) < 4 || !strings.Contains(s.host.reports[0], "name server does not answer") {
		t.Fatalf("%d jobs; %q", len(held), s.host.reports)
	}
	before := len(s.host.reports)
	release()
	s.run(100 * time.Millisecond)
	if last := s.host.reports[len(s.host.reports)-1]; len(s.host.reports) != before+1 || last != "lost: no such host" {
		t.Errorf("%q", s.host.reports[before:])
	}
	// The first address is none of the camera's: the next time it is the next one's turn.
	answer = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	for range 10 {
		s.run(5 * time.Second)
		release()
	}
	if s.host.count == 0 {
		t.Errorf("no frames; %q", s.host.reports)
	}
	s.host.close()
	s.host.open()
	s.run(time.Second)
	s.host.close()
	release() // a look-up that is done when the source is closed
	s.run(time.Second)
}

// FuzzServer has a server say anything after any part of a dialogue.
func FuzzServer(f *testing.F) {
	f.Add(uint8(0), "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
	f.Add(uint8(1), described(h264Media))
	f.Add(uint8(4), frameOf(0, "\x80\xe0\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09\x65\x88\x84\x21")+frameOf(1, "\x80\xc9\x00\x01abcd"))
	f.Fuzz(func(t *testing.T, after uint8, said string) {
		s := newStage(t, 1)
		m := newImpostor(s, nil, append(slices.Clone(plays[:int(after)%(len(plays)+1)]), said)...)
		if int(after)%(len(plays)+1) == len(plays) { // no request follows PLAY
			m.answers[len(plays)-1] += said
		}
		s.watch(func(o *rtsp.Options) { o.URL, o.Transport = impostorURL, rtsp.OnlyTCP })
		s.run(15 * time.Second)
		s.host.close()
	})
}
