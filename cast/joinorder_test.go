package cast_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
)

// forger sends requests to join that have no valid cookie, from a new address each.
type forger struct {
	w    *world
	sent int
	bad  bool // they have a cookie that looks like one
}

// send sends n requests.
func (f *forger) send(n int) {
	f.w.t.Helper()
	r := join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")}
	if f.bad {
		binary.BigEndian.PutUint32(r.Cookie[:], uint32(f.w.l.Now()/time.Millisecond)-1)
	}
	request := join.AppendRequest(nil, r)
	for range n {
		ip := [4]byte{11, byte(f.sent >> 16), byte(f.sent >> 8), byte(f.sent)}
		f.sent++
		peer, err := f.w.k.NewUDPPeer(netip.AddrPortFrom(netip.AddrFrom4(ip), 7000))
		if err != nil {
			f.w.t.Fatal(err)
		}
		peer.CountOnly()
		if err := peer.Send(rtpAddr, request); err != nil {
			f.w.t.Fatal(err)
		}
		peer.Close()
	}
}

// TestJoiningInAFlood has 12 readers come while 30000 requests a second do from as many addresses.
// Each of them asks again as its client says.
func TestJoiningInAFlood(t *testing.T) {
	for _, bad := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a forged cookie %v", bad), func(t *testing.T) {
			w := newWorld(t, 1, nil)
			flood := &forger{w: w, bad: bad}
			var readers []*joiner
			joined := func() (n int) {
				for _, j := range readers {
					if next, waiting := j.client.Next(); waiting && next <= w.l.Now() {
						out, err := j.client.Expire(w.l.Now(), nil)
						if err != nil {
							t.Fatal(err)
						}
						j.send(out)
					}
					if j.client.Accepted() != nil {
						n++
					}
				}
				return n
			}
			const steps = 200
			for step := range steps {
				for i := range 3 { // 300 in 10 ms, with readers among them
					flood.send(100)
					if n := len(readers); i == 1 && n < 12 && step >= 50+5*n {
						readers = append(readers, w.joins(fmt.Sprintf("10.0.1.%d:7000", n), "cam"))
					}
				}
				w.run(10 * time.Millisecond)
				joined()
			}
			if n := joined(); n != 12 || w.b.Readers() != 12 {
				t.Errorf("%d of 12 have joined, %d readers", n, w.b.Readers())
			}
		})
	}
}

// TestValidCookiesFirst has answering take long. Others have their turn after a millisecond, a
// request with a cookie is answered before those that came earlier without one, and in a second
// less than a third of the time goes into answers.
func TestValidCookiesFirst(t *testing.T) {
	w := newWorld(t, 1, nil)
	j := w.joins("10.0.1.1:7000", "cam")
	w.until(func() bool { return j.client.Accepted() != nil })
	answers, before := 0, 0 // before: how many there were when the reader was answered
	w.k.Inject(func(c sim.Call) error {
		if c.Name != "Sendmmsg" || c.Bytes > 100 || c.Peer.Port() != 7000 {
			return nil
		}
		w.k.Advance(100 * time.Microsecond)
		if answers++; c.Peer == j.peer.Addr() {
			before = answers
		}
		return nil
	})
	flood := &forger{w: w}
	flood.send(100)
	j.client = join.NewClient("cam", 5, join.Nonce{2})
	j.client.Start(w.l.Now(), nil)
	again := join.Request{SSRC: 5, Nonce: join.Nonce{2}, Stream: []byte("cam"), Cookie: j.cookie}
	j.send(join.AppendRequest(nil, again))
	var turns []int // answers when others had theirs
	var tick *loop.Timer
	tick = w.l.NewTimer(func() {
		turns = append(turns, answers)
		if len(turns) < 4 {
			tick.SetAfter(0)
		}
	})
	tick.SetAfter(0)
	w.run(5 * time.Millisecond)
	if before != 1 {
		t.Errorf("the reader was answered as number %d", before)
	}
	for i := 1; i < len(turns); i++ {
		if n := turns[i] - turns[i-1]; n > 10 {
			t.Errorf("%d answers of 100 µs in one turn: %v", n, turns)
		}
	}
	w.run(time.Second)
	answers = 0
	for range 100 {
		flood.send(100) // twice as many as are answered
		w.run(10 * time.Millisecond)
	}
	if took := time.Duration(answers) * 100 * time.Microsecond; took < 150*time.Millisecond || took > 400*time.Millisecond {
		t.Errorf("%v of a second went into answers", took)
	}
}
