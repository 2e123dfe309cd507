package cast_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestSilentJoinerInAFlood has others send more to the port that readers join at than is read of
// it: a reader's silence proves nothing then, so one that is silent stays four times as long, but
// not longer.
func TestSilentJoinerInAFlood(t *testing.T) {
	const timeout, step, perSecond = 10 * time.Second, 10 * time.Millisecond, 14000
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = timeout })
	silent, alive := w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "cam")
	crowd, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.9.0.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	crowd.CountOnly()
	w.run(100 * time.Millisecond)
	silent.peer.CountOnly()
	alive.peer.CountOnly()
	w.k.SetCosts(datagramCost)
	began := w.l.Now()
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "crowd")
	flood := func(until time.Duration) {
		for n := 0; w.l.Now() < began+until; n++ {
			for i := range int(perSecond * step / time.Second) {
				if err := crowd.Send(rtpAddr, report); err != nil {
					t.Fatal(err)
				}
				if n%49 == 0 && i == 0 { // at any time of the windows in which the RTP port is read
					alive.report()
				}
			}
			w.run(step)
		}
	}
	flood(4*timeout - time.Second)
	if n := w.b.Readers(); n != 2 {
		t.Errorf("%d readers before four timeouts are over, want 2", n)
	}
	flood(4*timeout + timeout/8)
	if n := w.b.Readers(); n != 1 || newest(w).Peer() != alive.peer.Addr() {
		t.Errorf("%d readers when they are over, want the one that reports", n)
	}
}

// TestJoinedReadersWhoseStreamEnds are told goodbye once, by whatever it ends, and what they send
// afterwards is no sign of anything.
func TestJoinedReadersWhoseStreamEnds(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"the source ends":   func(w *world) { w.camera.host.Ended() },
		"the stream closes": func(w *world) { _ = w.s.Close() },
		"it is replaced":    func(w *world) { replaceStream(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, nil)
			all := []*joiner{w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "")}
			w.run(time.Second)
			end(w)
			w.run(2 * time.Second / framesPerSecond)
			had := []int{all[0].frames, all[1].frames}
			for range 5 {
				w.run(time.Second)
				all[0].report()
			}
			for i, j := range all {
				if j.byes != 1 || j.frames != had[i] || j.depack.Dropped > 0 {
					t.Errorf("%d goodbyes, %d frames after them, %d cut short", j.byes, j.frames-had[i], j.depack.Dropped)
				}
			}
			w.checkNoCounts()
			again := w.joins("10.0.1.1:7001", "cam")
			w.run(time.Second)
			if replaced := name == "it is replaced"; replaced != (again.frames >= 28) || replaced == (again.err != nil) {
				t.Errorf("joining again: %d frames, %v", again.frames, again.err)
			}
		})
	}
}

// TestSessionIDCutShort names a session by a part of its id, and by the id of another address.
func TestSessionIDCutShort(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.1.1", false)
	id := v.session
	for _, wrong := range []string{id[:len(id)-1], id[:8], id[1:], id + "0", "*"} {
		v.session = wrong
		for _, method := range []string{"PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"} {
			if status, _ := v.ask(method, streamURL, ""); status != 454 {
				t.Errorf("%s for session %q of %q: %d, want 454", method, wrong, id, status)
			}
		}
	}
	other := w.connect("10.0.1.2")
	other.session = id
	if status, _ := other.ask("TEARDOWN", streamURL, ""); status != 454 {
		t.Errorf("TEARDOWN of another's session: %d, want 454", status)
	}
	w.run(time.Second)
	v.row(28)
}

// TestAnswersDoNotMix has the gate close a stream that another connection waits for: that one is
// answered in the middle of the answers to this one.
func TestAnswersDoNotMix(t *testing.T) {
	w, g := newGatedWorld(t)
	slow := newCamera(t, w.k)
	slow.slow, slow.unknown = true, true
	waited, err := w.b.AddStream("slow", slow, cast.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g.decide = func(r cast.Request, answer func(cast.Grant, error)) {
		if r.Stream == "cam" {
			if err := waited.Close(); err != nil {
				t.Error(err)
			}
		}
		answer(cast.Grant{}, nil)
	}
	waits, asks := w.connect("10.0.1.1"), w.connect("10.0.1.2")
	waits.tell("DESCRIBE", "rtsp://10.0.0.1:8554/slow", "")
	w.run(100 * time.Millisecond)
	waits.tell("OPTIONS", "*", "")
	for range 30 { // so that there is room for all answers
		asks.tell("OPTIONS", "*", "")
	}
	w.run(100 * time.Millisecond)
	asks.answers, asks.cseq = nil, 100
	asks.tell("OPTIONS", "*", "")
	asks.tell("OPTIONS", "*", "")
	asks.tell("DESCRIBE", streamURL, "")
	w.run(time.Second)
	if waits.heads() != "1:404 2:200" || asks.heads() != "101:200 102:200 103:200" {
		t.Errorf("answered by %q and %q", waits.heads(), asks.heads())
	}
}

// TestRefusalOf finds the refusal in any error.
func TestRefusalOf(t *testing.T) {
	given := &cast.Refusal{Kind: cast.Unavailable, Reason: "soon"}
	for err, want := range map[error]cast.Refusal{
		given:                               *given,
		errors.Join(errors.New("a"), given): *given,
		cast.ErrClosed:                      {Kind: cast.Unavailable, Reason: "the stream has ended"},
		errors.New("no"):                    {Kind: cast.Forbidden, Reason: "no"},
		&cast.Refusal{Reason: "no"}:         {Kind: cast.Forbidden, Reason: "no"},
	} {
		if got := *cast.RefusalOf(err); got != want {
			t.Errorf("%v is %+v, want %+v", err, got, want)
		}
	}
	if text := (&cast.Refusal{Kind: cast.LimitReached}).Error(); text != "limit reached" {
		t.Errorf("a refusal without a reason says %q", text)
	}
}
