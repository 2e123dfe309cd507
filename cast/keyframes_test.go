package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/rtcp"
	pion "github.com/pion/rtcp"
)

// inALongGroup makes a world 1.9 s into a group of 10 s.
func inALongGroup(t *testing.T, makesKeys bool) (*world, *film, *guest) {
	t.Helper()
	w, f := newGroupsWorld(t, 1, 8400, 10*framesPerSecond, nil)
	other := w.admit(overUDP, "10.0.1.1", f)
	w.run(1900 * time.Millisecond)
	f.makesKeys = makesKeys
	return w, f, other
}

// begins waits for the guest's first picture, and returns after how long it comes.
func (g *guest) begins() time.Duration {
	g.w.t.Helper()
	asked := g.w.k.Monotonic()
	g.w.until(func() bool { return len(g.sink.numbers) > 0 })
	return g.w.k.Monotonic() - asked
}

// TestFirstPicture has readers come into a long group. Where a key frame can be asked for they
// begin with that within 150 ms; else they are caught up, have the first picture at once and are
// live soon, by timestamps at the live edge.
func TestFirstPicture(t *testing.T) {
	for _, how := range []way{overUDP, overTCP, byJoining, byProgram} {
		w, f, other := inALongGroup(t, true)
		g := w.admit(how, "10.0.2.1", f)
		if took := g.begins(); took > 150*time.Millisecond || f.asked != 1 || g.sink.numbers[0] == 1 {
			t.Errorf("%v: the first picture, %d, comes after %v; a key frame was asked for %d times", how, g.sink.numbers[0], took, f.asked)
		}
		w.run(time.Second)
		g.hasAll(g.sink.numbers[0])
		other.hasAll(1)

		w, f, other = inALongGroup(t, false)
		g = w.admit(how, "10.0.2.1", f)
		live := w.s.RTPTime(w.k.Monotonic())
		if took := g.begins(); took > 50*time.Millisecond || g.sink.numbers[0] != 1 {
			t.Errorf("%v: caught up, the first picture, %d, comes after %v", how, g.sink.numbers[0], took)
		}
		if before := live - g.sink.firstTimestamp; before > 5000 { // a frame, and half of one
			t.Errorf("%v: the first timestamp is %d ticks before the live edge", how, before)
		}
		if s := g.session(); s != nil {
			if sequence, rtpTime, known := s.Begins(); !known || sequence != g.sink.firstSequence || rtpTime != g.sink.firstTimestamp {
				t.Errorf("%v: it is told to begin with %d at %d (%v), and begins with %d at %d", how, sequence, rtpTime, known, g.sink.firstSequence, g.sink.firstTimestamp)
			}
		}
		w.run(150 * time.Millisecond)
		if last := g.sink.numbers[len(g.sink.numbers)-1]; last+1 < f.number {
			t.Errorf("%v: 150 ms later it has frame %d of %d", how, last, f.number)
		}
		w.run(time.Second)
		g.hasAll(1)
		other.hasAll(1)
		if figures := w.s.Figures(); figures.Lags > 0 || figures.Late > 0 {
			t.Errorf("%v: %d lags, %d frames late", how, figures.Lags, figures.Late)
		}
	}
}

// TestFiftyJoin has fifty come within a second into a long group: those who are there lose no frame.
func TestFiftyJoin(t *testing.T) {
	for _, makesKeys := range []bool{true, false} {
		w, f, other := inALongGroup(t, makesKeys)
		var guests []*guest
		for i := range 50 {
			w.run(20 * time.Millisecond)
			guests = append(guests, w.admit([]way{overUDP, overTCP, byJoining, byProgram}[i%4], fmt.Sprintf("10.0.2.%d", i+1), f))
		}
		w.run(time.Second)
		for _, g := range append(guests, other) {
			g.hasAll(g.sink.numbers[0])
		}
		if f.asked > 2 {
			t.Errorf("%d key frames were asked for in a second", f.asked)
		}
		if figures := w.s.Figures(); figures.Lags > 0 || figures.Late > 0 {
			t.Errorf("%d lags, %d frames late", figures.Lags, figures.Late)
		}
	}
}

// TestPausedWithinAGroup has a reader pause and play in one group: it goes on with a key frame, for its
// sequence numbers must not go back.
func TestPausedWithinAGroup(t *testing.T) {
	w, f, _ := inALongGroup(t, false)
	g := w.admit(overUDP, "10.0.2.1", f)
	w.run(time.Second)
	g.pause()
	w.run(time.Second)
	had := len(g.sink.numbers)
	g.play()
	w.run(time.Second)
	if n := len(g.sink.numbers); n > had {
		t.Errorf("it goes on with %v", g.sink.numbers[had:])
	}
	if _, _, known := g.session().Begins(); known {
		t.Error("it is said with which packet it begins")
	}
	w.run(6 * time.Second)
	if n := len(g.sink.numbers); n == had || !f.keys[g.sink.numbers[had]] {
		t.Errorf("it goes on with %v", &g.sink)
	}
}

// TestKeyFrameRequests has readers ask for key frames by RTCP, as often as they like: the source is
// asked at most once a second, and not by those who are thinned.
func TestKeyFrameRequests(t *testing.T) {
	w, f, g := inALongGroup(t, true)
	request := func(p pion.Packet) {
		data, err := pion.Marshal([]pion.Packet{&pion.ReceiverReport{SSRC: 1}, p})
		w.must(err)
		g.send(data)
		w.run(time.Millisecond)
	}
	asked := f.asked
	pli := &pion.PictureLossIndication{SenderSSRC: 1, MediaSSRC: w.s.SSRC()}
	request(pli)
	if f.asked != asked+1 {
		t.Errorf("%d key frames were asked for by PLI, want 1", f.asked-asked)
	}
	for range 100 {
		request(pli)
	}
	w.run(2 * time.Second)
	if n := f.asked - asked; n > 2 {
		t.Errorf("%d key frames were asked for by 100 PLI in 100 ms", n)
	}
	asked = f.asked
	request(&pion.FullIntraRequest{SenderSSRC: 1, FIR: []pion.FIREntry{{SSRC: w.s.SSRC()}}})
	if f.asked != asked+1 {
		t.Errorf("%d key frames were asked for by FIR, want 1", f.asked-asked)
	}
	w.run(2 * time.Second)
	asked = f.asked
	request(&pion.PictureLossIndication{SenderSSRC: 1, MediaSSRC: w.s.SSRC() + 1})
	g.send(rtcp.AppendPictureLoss(nil, rtcp.ReceptionReport{SSRC: 1}, "guest"))
	w.run(2 * time.Second)
	if f.asked != asked {
		t.Error("a key frame was asked for as another stream's was wanted")
	}
	for range 4 {
		g.lies += 50
		g.report()
		w.run(time.Second)
	}
	if w.s.Figures().Thinned != 1 {
		t.Fatal("it is not thinned")
	}
	w.run(2 * time.Second)
	asked = f.asked
	request(pli)
	if f.asked != asked {
		t.Error("a key frame was asked for by one who is thinned")
	}
	g.hasNoLooseEnds()
}

// hasNoLooseEnds fails if a frame was broken off.
func (g *guest) hasNoLooseEnds() {
	g.w.t.Helper()
	if g.sink.halves > 0 {
		g.wrong("%v", &g.sink)
	}
}

// TestProgramIsAskedForKeyFrames has a program publish by itself.
func TestProgramIsAskedForKeyFrames(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	f := newFilm(w.k, cast.Grouped, 5000, 1000)
	asked, refusal := 0, error(nil)
	var err error
	w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{RequestKeyFrame: func() error { asked++; return refusal }})
	w.must(err)
	publish := func(n int) {
		for range n {
			w.must(w.s.Publish(f.next()))
			w.run(time.Second / framesPerSecond)
		}
	}
	publish(30)
	first := w.admit(byProgram, "10.0.1.1", f)
	publish(40)
	if asked != 1 || len(first.sink.numbers) == 0 || first.sink.numbers[0] != 1 {
		t.Errorf("it was asked %d times; one who came has %v", asked, &first.sink)
	}
	refusal = errors.New("not now")
	second := w.admit(byProgram, "10.0.1.2", f)
	publish(2)
	if asked != 2 || len(second.sink.numbers) < 70 {
		t.Errorf("it was asked %d times; one who came has %v", asked, &second.sink)
	}
}

// TestGroupTooLarge has a group be larger than is kept: a new reader waits for the next key frame, and
// the log says so once.
func TestGroupTooLarge(t *testing.T) {
	w, f := newGroupsWorld(t, 1, 5000, 35*framesPerSecond, nil)
	w.run(30 * time.Second)
	g := w.admit(overUDP, "10.0.2.1", f)
	w.run(10 * time.Second)
	g.hasAll(35*framesPerSecond + 1)
	if n := w.s.Figures().GroupsCut; n != 1 {
		t.Errorf("%d groups were cut, want 1", n)
	}
}
