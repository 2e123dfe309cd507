package cast_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
)

// These tests have others give the loop far more to do than it has time for, on a kernel whose
// system calls and requests use CPU time, and look at the readers beside.

// costlyGate admits everybody, and takes its time for each question.
type costlyGate struct {
	w    **world
	cost time.Duration
}

func (g costlyGate) Admit(_ cast.Request, answer func(cast.Grant, error)) {
	(*g.w).k.Spend(g.cost)
	answer(cast.Grant{}, nil)
}

const (
	requestCost = 100 * time.Microsecond
	busyReaders = 20
)

// busyCosts are those of a machine that sends to a reader in 10 us, more or less.
var busyCosts = sim.Costs{Call: 2 * time.Microsecond, Message: 10 * time.Microsecond}

// newBusyWorld makes a world with readers over UDP, in which requests have a cost.
func newBusyWorld(t *testing.T) (w *world, readers []*viewer) {
	gate := costlyGate{&w, requestCost}
	w = newWorld(t, 1, func(c *cast.Config) { c.Gate, c.MaxConnectionsPerAddress = gate, cast.NoLimit })
	for i := range busyReaders {
		readers = append(readers, w.watch(fmt.Sprintf("10.0.1.%d", i+1), false))
	}
	w.run(time.Second)
	w.k.SetCosts(busyCosts)
	return w, readers
}

// pipeline has connections of one host that ask for descriptions all the time: a hundred
// at once, and a hundred more whenever these are answered.
func (w *world) pipeline(connections int) {
	w.t.Helper()
	const lot = 100
	request := "DESCRIBE " + streamURL + " RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	requests := bytes.Repeat([]byte(request), lot)
	for range connections {
		c, err := w.k.DialTCP(netip.MustParseAddrPort("10.9.0.1:0"), rtspAddr)
		if err != nil {
			w.t.Fatal(err)
		}
		open := lot
		c.OnData(func(p []byte) {
			if open -= bytes.Count(p, []byte("RTSP/1.0 200")); open <= 0 {
				open += lot
				if _, err := c.Write(requests); err != nil {
					w.t.Error(err)
				}
			}
		})
		if _, err := c.Write(requests); err != nil {
			w.t.Fatal(err)
		}
	}
}

// checkReaders has a while pass, and checks that the readers get all frames in it, in time, and
// that no turn is long.
func (w *world) checkReaders(readers []*viewer, d time.Duration) {
	w.t.Helper()
	frames, before := w.s.Figures().Frames, w.s.Figures()
	had := make([]int, len(readers))
	for i, v := range readers {
		had[i] = len(v.numbers)
	}
	w.run(d)
	want := int(d * framesPerSecond / time.Second)
	f := w.s.Figures()
	if got := int(f.Frames - frames); got < want*99/100 {
		w.t.Errorf("the source was read %d frames, want %d", got, want)
	}
	for i, v := range readers {
		if got := len(v.numbers) - had[i]; got < want*99/100 {
			w.t.Errorf("%v got %d frames, want %d", v.conn.Addr(), got, want)
		}
	}
	const longest = sweepMost + datagramMost + acceptMost + requestMost + 2*time.Millisecond
	if s := w.l.Stats(); s.TurnCPU.Max > longest || s.MaxTurn > longest {
		w.t.Errorf("turns of up to %v of CPU, %v in all, want at most %v", s.TurnCPU.Max, s.MaxTurn, longest)
	}
	if f.Late > before.Late || f.Lags > before.Lags || f.LastAge.Max > 20*time.Millisecond {
		w.t.Errorf("%d frames were late, %d missed, and the oldest was %v old when all had it", f.Late-before.Late, f.Lags-before.Lags, f.LastAge.Max)
	}
}

// The budgets, as the documentation has them.
const (
	sweepMost    = 4 * time.Millisecond
	datagramMost = time.Millisecond
	acceptMost   = 250 * time.Microsecond
	requestMost  = 500 * time.Microsecond
)

// TestFloodsTogether has requests, reports and requests to join come all at once.
func TestFloodsTogether(t *testing.T) {
	w, readers := newBusyWorld(t)
	w.pipeline(40)
	crowd, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.9.0.2:7000"))
	if err != nil {
		t.Fatal(err)
	}
	crowd.CountOnly()
	var send func()
	send = func() {
		for i := range 100 { // a hundred thousand a second, of which there is time for less
			to := netip.AddrPortFrom(serverAddr, 5004+uint16(i%2))
			if err := crowd.Send(to, []byte{0x80, 201, 0, 1, 0, 0, 0, 1}); err != nil {
				t.Error(err)
			}
		}
		w.k.After(time.Millisecond, send)
	}
	send()
	w.run(time.Second / 2)
	w.checkReaders(readers, 2*time.Second)
	if p := w.b.PutOff(); p.Requests == 0 || p.Datagrams == 0 {
		t.Errorf("put off: %+v", p)
	}
}

// TestSweepsShareABudget has so many readers that one stream takes longer than the budget, and
// another stream beside it that does not.
func TestSweepsShareABudget(t *testing.T) {
	w, readers := newBusyWorld(t)
	var more []*viewer
	for i := range 600 {
		v := w.watch(fmt.Sprintf("10.0.%d.%d", 3+i/200, i%200+1), false)
		v.rtp.CountOnly()
		more = append(more, v)
	}
	beside := newCamera(t, w.k)
	other, err := w.b.AddStream("other", beside, cast.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := w.connect("10.0.7.1")
	v.name = "other"
	if status := v.setupUDP(); status != 200 {
		t.Fatal(status)
	}
	v.play()
	w.run(time.Second)
	had := len(v.numbers)
	w.checkReaders(readers, 2*time.Second)
	if got := len(v.numbers) - had; got < 59 {
		t.Errorf("the reader beside got %d frames, want 60", got)
	}
	if f := other.Figures(); f.Late > 0 || f.Lags > 0 || f.FirstAge.Max > 12*time.Millisecond {
		t.Errorf("the stream beside: %d frames late, %d missed, the oldest %v", f.Late, f.Lags, f.FirstAge.Max)
	}
	for _, v := range more {
		if packets, _ := v.rtp.Received(); packets == 0 {
			t.Errorf("%v got nothing", v.conn.Addr())
		}
	}
	if w.b.PutOff().Sweeps == 0 {
		t.Error("nothing was put off: the test shows nothing")
	}
	readers[0].row(60)
}

// TestLateFrames has the loop held up, and wants the frames that began to be sent over an interval
// after their capture counted.
func TestLateFrames(t *testing.T) {
	w, readers := newBusyWorld(t)
	w.run(time.Second)
	if late := w.s.Figures().Late; late != 0 {
		t.Fatalf("%d frames were late, and nothing has held up the loop", late)
	}
	const interval = time.Second / framesPerSecond
	publish := func(age time.Duration) {
		f := w.camera.frame(w.camera.number)
		f.Captured -= age
		if err := w.s.Publish(f); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
	}
	w.camera.silent = true
	publish(interval - time.Millisecond)
	if late := w.s.Figures().Late; late != 0 {
		t.Errorf("%d frames were late, want none", late)
	}
	publish(interval + time.Millisecond)
	if late := w.s.Figures().Late; late != 1 {
		t.Errorf("%d frames were late, want one", late)
	}
	if len(readers[0].numbers) < 2 {
		t.Error("nothing came")
	}
}
