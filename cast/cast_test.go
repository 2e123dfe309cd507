package cast_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

// seeds are those that a test is run with. One that has failed is added for good.
var seeds = []uint64{1, 2, 3, 4, 5}[:few(5)]

func TestEverybodySeesEverything(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		var viewers []*viewer
		for i := range 6 {
			viewers = append(viewers, w.watch(fmt.Sprintf("10.0.1.%d", i+1), i%2 == 1))
		}
		w.run(3200 * time.Millisecond) // the first report may take 3.08 s
		for _, v := range viewers {
			v.row(85)
			if v.gaps > 0 || v.depacketizer.Dropped > 0 {
				t.Errorf("%v: %d gaps, %d frames dropped", v.conn.Addr(), v.gaps, v.depacketizer.Dropped)
			}
			if len(v.reports) == 0 {
				t.Errorf("%v has heard no sender report", v.conn.Addr())
			}
			if status, _ := v.ask("TEARDOWN", streamURL, ""); status != 200 {
				t.Errorf("TEARDOWN: %d", status)
			}
		}
		if f := w.s.Figures(); f.Lags != 0 || f.Frames < 85 || w.b.Readers() != 0 {
			t.Errorf("%d frames, %d lags, %d readers", f.Frames, f.Lags, w.b.Readers())
		}
	}
}

// TestSameSeedSameBytes runs the same twice and compares every system call.
func TestSameSeedSameBytes(t *testing.T) {
	trace := func() []byte {
		var b bytes.Buffer
		w := newWorld(t, 7, nil)
		w.k.Trace(&b)
		w.k.SetLink(netip.MustParsePrefix("10.0.1.0/24"), sim.Link{Delay: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01})
		w.watch("10.0.1.1", false)
		w.watch("10.0.1.2", true)
		w.run(2 * time.Second)
		return b.Bytes()
	}
	if a, b := trace(), trace(); !bytes.Equal(a, b) || len(a) == 0 {
		t.Errorf("two runs differ: %d and %d bytes of trace", len(a), len(b))
	}
}

func TestMaxReaders(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 2 })
	first, second := w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)
	third := w.connect("10.0.1.3")
	if status := third.setupUDP(); status != 453 {
		t.Errorf("the third reader over UDP: %d, want 453", status)
	}
	if status := third.setupTCP(); status != 453 {
		t.Errorf("the third reader over TCP: %d, want 453", status)
	}
	w.run(time.Second)
	first.row(29)
	second.row(29)
	second.conn.Close()
	w.run(100 * time.Millisecond)
	if status := third.setupTCP(); status != 200 {
		t.Errorf("after one has left: %d, want 200", status)
	}
}

// TestVanishedReader has a reader go without a word: it is gone after its timeout. One
// beside it sends reports, and one requests, and stay.
func TestVanishedReader(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 10 * time.Second })
	vanished, reporting, asking := w.watch("10.0.1.1", false), w.watch("10.0.1.2", false), w.watch("10.0.1.3", false)
	vanished.conn.Close() // which does not end a session over UDP
	reporting.conn.Close()
	for range 6 {
		w.run(2 * time.Second)
		if err := reporting.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), []byte{0x80, 201, 0, 1, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		if status, _ := asking.ask("GET_PARAMETER", streamURL, ""); status != 200 {
			t.Fatalf("GET_PARAMETER: %d", status)
		}
	}
	if w.b.Readers() != 2 || w.s.Readers() != 2 {
		t.Errorf("%d readers, %d sent to; want 2", w.b.Readers(), w.s.Readers())
	}
	if n, _ := vanished.rtp.Received(); n == 0 || !strings.Contains(w.log.String(), "reason=timeout") {
		t.Errorf("no word of the timeout, or nothing was sent before it (%d)", n)
	}
	reporting.row(300)
	asking.row(300)
}

// TestSilentConnection is one that never asks for anything: it is closed, too.
func TestSilentConnection(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 5 * time.Second })
	silent := w.connect("10.0.1.1")
	w.run(12 * time.Second)
	if !silent.conn.Ended() {
		t.Error("a connection that says nothing is kept")
	}
}

// TestUnreachableReader is dropped after a while; the readers before and after it miss
// nothing.
func TestUnreachableReader(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EHOSTUNREACH, unix.EPERM} {
		w := newWorld(t, 1, nil)
		before, bad, after := w.watch("10.0.1.1", false), w.watch("10.0.1.2", false), w.watch("10.0.1.3", false)
		w.run(time.Second)
		w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.2/32"), errno))
		w.run(4 * time.Second)
		if w.s.Readers() != 3 {
			t.Errorf("%v: %d readers after 4 s, want 3: a route may come back", errno, w.s.Readers())
		}
		w.run(3 * time.Second)
		if w.s.Readers() != 2 || w.s.Figures().Unreachable == 0 {
			t.Errorf("%v: %d readers, %d refused", errno, w.s.Readers(), w.s.Figures().Unreachable)
		}
		before.row(230)
		after.row(230)
		bad.row(28)
	}
}

// TestComingAndGoing has readers join and leave at random: all get whole frames, and the
// readers that stay get all frames.
func TestComingAndGoing(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, func(c *cast.Config) { c.Burst = 3 })
		random := rand.New(rand.NewPCG(seed, 0))
		steady := w.watch("10.0.1.1", false)
		var guests []*viewer
		for i := range 40 {
			w.run(time.Duration(random.IntN(30)) * time.Millisecond)
			if len(guests) > 0 && random.IntN(2) == 0 {
				at := random.IntN(len(guests))
				guest := guests[at]
				guests = append(guests[:at], guests[at+1:]...)
				if status, _ := guest.ask("TEARDOWN", streamURL, ""); status != 200 {
					t.Fatalf("TEARDOWN: %d", status)
				}
				continue
			}
			guests = append(guests, w.watch(fmt.Sprintf("10.0.2.%d", i+1), random.IntN(3) == 0))
		}
		w.run(time.Second)
		for _, v := range append(guests, steady) {
			v.row(25)
			if v.gaps > 0 || v.depacketizer.Dropped > 0 {
				t.Errorf("seed %d: %v: %d gaps, %d broken off", seed, v.conn.Addr(), v.gaps, v.depacketizer.Dropped)
			}
		}
		if got := w.b.Readers(); got != len(guests)+1 {
			t.Errorf("seed %d: %d readers, want %d", seed, got, len(guests)+1)
		}
	}
}

// TestFirstReaderRotates looks who is sent to first.
func TestFirstReaderRotates(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Spread = cast.AllAtOnce })
	first := map[netip.AddrPort]int{}
	var last time.Duration
	w.k.SetLink(netip.MustParsePrefix("10.0.0.0/16"), sim.Link{BytesPerSecond: 100_000_000, Shared: true})
	for i := range 4 {
		v := w.watch(fmt.Sprintf("10.0.1.%d", i+1), false)
		v.rtp.OnReceive(func(d sim.Datagram) {
			if now := w.k.Monotonic(); now-last > 20*time.Millisecond {
				first[v.rtp.Addr()]++
			}
			last = w.k.Monotonic()
		})
	}
	w.run(4 * time.Second)
	for peer, times := range first {
		if times < 15 || times > 60 {
			t.Errorf("%v was first %d times of 120", peer, times)
		}
	}
	if len(first) != 4 {
		t.Errorf("%d readers were ever first, want 4", len(first))
	}
}

// TestPacing looks at how a frame is spread over its interval.
func TestPacing(t *testing.T) {
	for _, c := range []struct {
		spread      float64
		least, most time.Duration
	}{{cast.AllAtOnce, 0, time.Millisecond}, {0.5, 10 * time.Millisecond, 17 * time.Millisecond}, {1, 20 * time.Millisecond, 34 * time.Millisecond}} {
		w := newWorld(t, 1, func(config *cast.Config) { config.Spread, config.Burst = c.spread, 2 })
		v := w.watch("10.0.1.1", false)
		var began, longest time.Duration
		v.rtp.OnReceive(func(d sim.Datagram) {
			if d.Payload[13] == 0 && d.Payload[14] == 0 && d.Payload[15] == 0 { // the fragment offset
				began = w.k.Monotonic()
			}
			longest = max(longest, w.k.Monotonic()-began)
			v.packet(d.Payload)
		})
		w.run(time.Second)
		v.row(29)
		if longest < c.least || longest > c.most {
			t.Errorf("spread %v: a frame takes %v, want %v to %v", c.spread, longest, c.least, c.most)
		}
	}
}

// TestPacingAfterALateTurn has the thread held up in the middle of a frame, between two bursts
// and in the send of one: the bursts that are left do not follow each other at once, and are
// out before the next frame all the same.
func TestPacingAfterALateTurn(t *testing.T) {
	const heldAt, held = 31*time.Second/framesPerSecond + 4*time.Millisecond, 16 * time.Millisecond
	for name, holdUp := range map[string]func(w *world){
		"between": func(w *world) { w.l.NewTimer(func() { w.k.Advance(held) }).SetAfter(heldAt) },
		"in the send": func(w *world) {
			begin := w.k.Monotonic() + heldAt
			w.k.Inject(func(c sim.Call) error {
				if c.Name == "Sendmmsg" && w.k.Monotonic() >= begin {
					begin = time.Hour
					w.k.Advance(held)
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, func(config *cast.Config) { config.Spread, config.Burst = 0.75, 4 })
			w.camera.scan = 28 * 1400 // some eight bursts
			v := w.watch("10.0.1.1", false)
			holdUp(w)
			times := timesOfFrame(w, v, framesPerSecond)
			w.run(2 * time.Second)
			v.row(59)
			most := mostTogether(*times, 500*time.Microsecond)
			if last := (*times)[len(*times)-1]; most > 4 || last > time.Second/framesPerSecond || last < 25*time.Millisecond {
				t.Errorf("%d packets came together, want at most a burst of 4; the last after %v: %v", most, last, *times)
			}
		})
	}
}

// timesOfFrame notes when after the first one the packets of a viewer's n-th frame come.
func timesOfFrame(w *world, v *viewer, n int) *[]time.Duration {
	var began time.Duration
	var times []time.Duration
	v.rtp.OnReceive(func(d sim.Datagram) {
		if len(v.numbers) == n {
			if d.Payload[13] == 0 && d.Payload[14] == 0 && d.Payload[15] == 0 { // the fragment offset
				began, times = w.k.Monotonic(), nil
			}
			times = append(times, w.k.Monotonic()-began)
		}
		v.packet(d.Payload)
	})
	return &times
}

// mostTogether returns how many times follow each other within a gap, at most.
func mostTogether(times []time.Duration, gap time.Duration) (most int) {
	together := 0
	for i, at := range times {
		if i == 0 || at-times[i-1] > gap {
			together = 0
		}
		together++
		most = max(most, together)
	}
	return most
}

// TestStandstillIsNoSilence stops the process while the camera has nothing to give: it has the rest of
// its time when the process goes on.
func TestStandstillIsNoSilence(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.watch("10.0.1.1", true)
	w.run(time.Second)
	w.camera.silent = true
	w.run(800 * time.Millisecond)
	w.k.Advance(70 * time.Second)
	w.run(100 * time.Millisecond)
	w.camera.silent = false
	w.run(time.Second)
	if f := w.s.Figures(); f.Revived > 0 || f.Restarts > 0 {
		t.Errorf("watched anew %d times, restarted %d times", f.Revived, f.Restarts)
	}
	w.camera.silent = true
	w.run(1100 * time.Millisecond)
	if f := w.s.Figures(); f.Revived != 1 {
		t.Errorf("after a second of silence it was watched anew %d times", f.Revived)
	}
}

// TestWatchdog has the camera fall silent, with a wake-up lost, and has it unplugged: its
// reader stays.
func TestWatchdog(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.1.1", true)
	w.run(time.Second)
	w.camera.silent = true
	w.run(1500 * time.Millisecond)
	if got := w.s.Figures(); got.Revived == 0 || got.Restarts != 0 {
		t.Errorf("after a short silence: revived %d, restarted %d; want it watched anew and not restarted", got.Revived, got.Restarts)
	}
	if !strings.Contains(w.log.String(), `msg="source is silent; watching it anew" stream=cam seconds=1`+"\n") {
		t.Errorf("logged %q", w.log.String())
	}
	w.camera.silent = false
	w.run(time.Second)
	if w.s.Figures().Restarts != 0 {
		t.Error("a camera that delivers again was restarted")
	}
	w.camera.silent = true
	w.run(5 * time.Second)
	if got := w.s.Figures().Restarts; got != 1 {
		t.Errorf("%d restarts after a long silence, want 1", got)
	}
	had := len(v.numbers)
	w.camera.lost = true
	w.camera.opened = 0
	w.run(5 * time.Second)
	if w.camera.opened != 3 || w.s.Figures().Restarts != 2 {
		t.Errorf("%d tries, %d restarts; want 3 tries and a second restart", w.camera.opened, w.s.Figures().Restarts)
	}
	if len(v.numbers) < had+60 {
		t.Errorf("%d frames after the camera came back, want 60", len(v.numbers)-had)
	}
	v.row(100)
}

// TestLeave says goodbye to all and waits for them to hang up.
func TestLeave(t *testing.T) {
	w := newWorld(t, 1, nil)
	overUDP, overTCP := w.watch("10.0.1.1", false), w.watch("10.0.1.2", true)
	w.run(time.Second)
	gone := false
	w.b.Leave(func() { gone = true })
	w.run(100 * time.Millisecond)
	for _, v := range []*viewer{overUDP, overTCP} {
		said := 0
		for _, report := range v.reports {
			if err := rtcp.Parse(report, rtcp.Visitor{Bye: func(uint32) { said++ }}); err != nil {
				t.Fatal(err)
			}
		}
		if said != 1 {
			t.Errorf("%v has heard %d goodbyes, want 1", v.conn.Addr(), said)
		}
	}
	if status, _ := overUDP.ask("DESCRIBE", streamURL, ""); status != 404 {
		t.Errorf("DESCRIBE after the goodbye: %d, want 404", status)
	}
	overUDP.conn.Close()
	w.run(100 * time.Millisecond)
	if gone {
		t.Error("one is still there")
	}
	overTCP.conn.Close()
	w.until(func() bool { return gone })
	if err := w.b.Close(); err != nil {
		t.Error(err)
	}
	if open := w.k.OpenFDs(); len(open) != 0 || w.camera.host != nil {
		t.Errorf("fds %v are still open", open)
	}
}

// TestLeaveWaitsNotForever has nobody hang up.
func TestLeaveWaitsNotForever(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.watch("10.0.1.1", true)
	gone := false
	w.b.Leave(func() { gone = true })
	w.run(time.Second)
	if !gone {
		t.Error("a second is over and it still waits")
	}
}

// TestFixedDestination sends to an address that has not asked.
func TestFixedDestination(t *testing.T) {
	w := newWorld(t, 1, nil)
	for _, address := range []string{"10.0.3.1:7000", "239.1.2.3:7000"} {
		d := cast.Destination{Peer: netip.MustParseAddrPort(address), TTL: 4}
		local := "10.0.3.1:7000"
		if d.Peer.Addr().IsMulticast() {
			local = "10.0.3.2:7000"
		}
		v := &viewer{w: w}
		peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort(local))
		if err != nil {
			t.Fatal(err)
		}
		if d.Peer.Addr().IsMulticast() {
			peer.Join(d.Peer.Addr())
		}
		peer.OnReceive(func(d sim.Datagram) { v.packet(d.Payload) })
		if _, err := w.s.SendTo(d); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		if len(v.numbers) < 29 || v.gaps > 0 {
			t.Errorf("%s: %d frames, %d gaps", address, len(v.numbers), v.gaps)
		}
		sdp, err := w.s.SDPFor(d)
		if err != nil || !strings.Contains(string(sdp), "m=video 7000 RTP/AVP 26") {
			t.Errorf("%s: %v\n%s", address, err, sdp)
		}
	}
	for _, address := range []string{"0.0.0.0:7000", "10.0.3.1:0", "10.0.3.1:65535"} {
		if _, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort(address)}); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	nowhere := cast.Destination{Peer: netip.MustParseAddrPort("239.1.2.3:7000"), Interface: "nowhere0"}
	if _, err := w.s.SendTo(nowhere); err == nil || !strings.Contains(err.Error(), "nowhere0") || strings.Contains(err.Error(), "port") {
		t.Errorf("an interface that there is not: %v", err)
	}
}

// TestTenThousandReaders is the whole hall, for a second.
func TestTenThousandReaders(t *testing.T) {
	w := newWorld(t, 1, nil)
	peers := make([]*sim.UDPPeer, 10_000)
	for i := range peers {
		ip := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		var err error
		if peers[i], err = w.k.NewUDPPeer(netip.AddrPortFrom(ip, 6000)); err != nil {
			t.Fatal(err)
		}
		peers[i].CountOnly()
		at := cast.Address{RTP: netip.AddrPortFrom(ip, 6000), RTCP: netip.AddrPortFrom(ip, 6001)}
		if _, err := w.s.Join(at, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.run(time.Second)
	f := w.s.Figures()
	want := f.Packets / f.Delivered * f.Frames
	for i, p := range peers {
		if n, _ := p.Received(); n+20 < want || n > want {
			t.Errorf("reader %d has %d packets, want about %d", i, n, want)
		}
	}
	if f.Lags != 0 {
		t.Errorf("%d lags", f.Lags)
	}
}

// Example broadcasts a program's own pictures.
func Example() {
	l := loop.NewOn(sim.New(1)) // a real program: loop.New()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("[::]:5004")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	if _, err := rtsp.Listen(b, netip.MustParseAddrPort("[::]:8554"), rtsp.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	join.Serve(b)
	camera := newCamera(nil, l.Kernel().(*sim.Kernel)) // a real program: v4l2.New, testcard.New
	stream, err := b.AddStream("cam", camera, cast.StreamOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := sim.RunFor(l, time.Second); err != nil { // a real program: l.Run(ctx)
		fmt.Println(err)
	}
	fmt.Println(stream.Name(), stream.Figures().Frames >= 29, stream.Readers())
	// Output: cam true 0
}
