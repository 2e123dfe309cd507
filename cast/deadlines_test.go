package cast_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// over reports whether the server has closed the connection.
func (v *viewer) over() bool { return v.conn.Ended() || v.conn.Err() != nil }

// TestSlowRequests has connections send a byte of a request or of a frame every 4 s: each ends 10 s
// after the first byte, with a word about it. Others go on.
func TestSlowRequests(t *testing.T) {
	const request = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	w := newWorld(t, 1, nil)
	other := w.watch("10.0.2.1", true)
	playing := w.watch("10.0.2.2", true)
	var slow []*viewer
	for i, text := range []string{request, "\r\n" + request, "$\x01\x00\x40" + request, "$\x01\xff\xff" + request} {
		v := w.connect(fmt.Sprintf("10.0.1.%d", i+1))
		slow = append(slow, v)
		if text[0] == '\r' { // which begins no request
			w.send(v, "\r\n")
			text = request
		}
		for n := range 3 {
			w.k.After(time.Duration(n)*4*time.Second, func() { w.send(v, text[n:n+1]) })
		}
	}
	w.send(playing, "$\x01\x00\x40")
	w.run(9900 * time.Millisecond)
	for i, v := range append(slow, playing) {
		if v.over() {
			t.Errorf("connection %d has ended after 9.9 s", i)
		}
	}
	w.run(200 * time.Millisecond)
	for i, v := range append(slow, playing) {
		if !v.over() || !strings.HasPrefix(v.answers[len(v.answers)-1], "RTSP/1.0 408 Request Timeout\r\n") {
			t.Errorf("connection %d after 10.1 s: ended %v, %q", i, v.over(), v.answers)
		}
	}
	other.row(290)
	if counts := cast.Counts(w.b); counts.Connections != 1 || counts.Readers != 1 {
		t.Errorf("counted: %+v", counts)
	}
}

func (w *world) send(v *viewer, text string) {
	w.t.Helper()
	if _, err := v.conn.Write([]byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// TestWaitingHasNoDeadline has a request come slowly, the gate take its time for it, and the next
// one not be whole meanwhile.
func TestWaitingHasNoDeadline(t *testing.T) {
	gate := &slowGate{}
	w := newWorld(t, 1, func(c *cast.Config) { c.Gate = gate })
	gate.w = w
	v := w.connect("10.0.1.1")
	gate.takes = 9 * time.Second
	w.send(v, "DESCRIBE ")
	w.run(5 * time.Second)
	w.send(v, streamURL+" RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTI")
	w.run(15 * time.Second) // it is answered after 9 s
	w.send(v, "ONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n")
	w.run(time.Second)
	if v.heads() != "1:200 2:200" {
		t.Errorf("answered by %s", v.heads())
	}
}

// slowGate admits everybody, when some time has passed.
type slowGate struct {
	w     *world
	takes time.Duration
}

func (g *slowGate) Admit(_ cast.Request, answer func(cast.Grant, error)) {
	g.w.k.After(g.takes, func() { answer(cast.Grant{}, nil) })
}

// TestIdleConnections has connections without a session be of no use, each in its way: they end
// when the session timeout is over, and not before.
func TestIdleConnections(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(w *world, v *viewer)
		lasts time.Duration
	}{
		"says nothing":     {func(*world, *viewer) {}, time.Minute},
		"asked once":       {func(w *world, v *viewer) { w.run(20 * time.Second); v.ask("OPTIONS", "*", "") }, 80 * time.Second},
		"empty lines":      {func(w *world, v *viewer) { w.chatter(v, "\r\n\r\n") }, time.Minute},
		"frames of nobody": {func(w *world, v *viewer) { w.chatter(v, "$\x01\x00\x01x") }, time.Minute},
		"answers nobody":   {func(w *world, v *viewer) { w.chatter(v, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n") }, time.Minute},
		"has watched": {func(w *world, v *viewer) {
			v.setupTCP()
			v.play()
			w.run(30 * time.Second)
			v.ask("TEARDOWN", streamURL, "")
		}, 90 * time.Second},
		"was set up": {func(_ *world, v *viewer) { v.setupUDP() }, cast.SetupTimeout + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, nil)
			v := w.connect("10.0.1.1")
			opened := w.k.Monotonic()
			c.begin(w, v)
			w.run(opened + c.lasts - time.Second - w.k.Monotonic())
			if v.over() {
				t.Errorf("the connection has ended before %v", c.lasts)
			}
			w.run(2 * time.Second)
			if !v.over() {
				t.Errorf("the connection has not ended after %v", c.lasts)
			}
			w.checkNoCounts()
		})
	}
}

// chatter sends a text every second, for ten minutes.
func (w *world) chatter(v *viewer, text string) {
	for n := range 600 {
		w.k.After(time.Duration(n)*time.Second, func() { _, _ = v.conn.Write([]byte(text)) })
	}
}

// TestSessionsKeepTheirConnection has a reader over UDP say nothing on its connection for ten
// minutes, and one be interleaved: both go on.
func TestSessionsKeepTheirConnection(t *testing.T) {
	w := newWorld(t, 1, nil)
	overUDP, overTCP := w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)
	r := reportOf(overUDP)
	w.reportFor(4*time.Minute, 20*time.Second, r) // four times as long as an idle connection may be
	if overUDP.over() || overTCP.over() || w.b.Readers() != 2 {
		t.Errorf("the connections have ended: %v and %v; %d readers", overUDP.over(), overTCP.over(), w.b.Readers())
	}
}

// TestKeepAliveOfTheOnlySession has a player keep its session alive without naming it.
func TestKeepAliveOfTheOnlySession(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.1.1", false)
	v.session = ""
	for range 8 { // four times as long as an idle session may be
		w.run(30 * time.Second)
		v.ask("OPTIONS", streamURL, "")
	}
	if w.b.Readers() != 1 {
		t.Error("the session has ended")
	}
}

// buffer is what the simulated kernel keeps for a connection that is not read.
const buffer = 208 << 10

// TestUnreadAnswers has peers read nothing while they ask, or report, again and again: each
// connection ends. What kept it alive was what it sent.
func TestUnreadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		tcp   bool
		says  string
		every time.Duration
	}{
		"asks":                     {false, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 10 * time.Second},
		"reports on its channel":   {true, "$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x01", 10 * time.Second},
		"asks, and is sent frames": {true, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, nil)
			v := w.connect("10.0.1.1")
			if c.tcp {
				v.setupTCP()
				v.play()
			}
			w.run(time.Second)
			if c.tcp {
				v.conn.SetReceiveBuffer(100)
				v.conn.OnData(nil)
			} else { // more than fits in the kernel's buffer, and less than with the connection's queue
				_, answer := v.ask("OPTIONS", "*", "")
				v.conn.SetReceiveBuffer(100)
				v.conn.OnData(nil)
				w.send(v, strings.Repeat(c.says, (buffer+40<<10)/len(answer)))
			}
			w.run(5 * time.Second)
			for n := range 30 {
				w.k.After(time.Duration(n)*c.every, func() { _, _ = v.conn.Write([]byte(c.says)) })
			}
			w.run(50 * time.Second)
			if v.over() {
				t.Error("the connection has ended within 50 s")
			}
			w.run(90 * time.Second)
			if cast.Counts(w.b).Connections > 0 {
				t.Error("the connection has not ended after two minutes and more")
			}
			w.checkNoCounts()
		})
	}
}

// TestDeadlinesAfterAStop has the process be stopped for 70 s, in the middle of a request whose
// rest comes meanwhile, and of a connection that is used meanwhile: both are answered.
func TestDeadlinesAfterAStop(t *testing.T) {
	w := newWorld(t, 1, nil)
	asking, idle, silent := w.connect("10.0.1.1"), w.connect("10.0.1.2"), w.connect("10.0.1.3")
	w.send(asking, "$\x01\xff\xffOPT")
	w.run(time.Second)
	w.k.After(30*time.Second, func() {
		w.send(asking, strings.Repeat("x", 0xffff-3)+"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
		w.send(idle, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	})
	w.k.Advance(70 * time.Second)
	w.run(5 * time.Second)
	if asking.heads() != "1:200" || idle.heads() != "1:200" || asking.over() || idle.over() {
		t.Errorf("answered by %q and %q; ended: %v and %v", asking.heads(), idle.heads(), asking.over(), idle.over())
	}
	w.run(54*time.Second + 500*time.Millisecond) // a minute and more has passed without the stop
	if !silent.over() || idle.over() {
		t.Errorf("of one that has said nothing, and of one that has, ended: %v and %v", silent.over(), idle.over())
	}
}
