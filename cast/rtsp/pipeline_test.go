package rtsp

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	coded "github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

const (
	pipelined       = 100 // requests that a connection sends at once
	requestCost     = 100 * time.Microsecond
	framesPerSecond = 30
	packetsPerFrame = 15
)

// costly is a Media whose descriptions use CPU time.
type costly struct {
	protocol.Media
	k *sim.Kernel
}

func (c costly) Describe(conn *protocol.Conn, path string) (protocol.Description, protocol.Answer) {
	c.k.Spend(requestCost)
	return c.Media.Describe(conn, path)
}

// busy is a broadcast on a simulated kernel, whose requests and system calls use CPU time.
type busy struct {
	*testing.T
	k        *sim.Kernel
	l        *loop.Loop
	b        *cast.Broadcaster
	s        *cast.Stream
	rtsp     netip.AddrPort
	readers  []*sim.UDPPeer
	answered int
}

func newBusy(t *testing.T) *busy {
	server := netip.MustParseAddr("10.0.0.1")
	costs := sim.Costs{Call: 2 * time.Microsecond, Message: 10 * time.Microsecond}
	w := &busy{T: t, k: sim.New(1, sim.WithAddresses(server), sim.WithCosts(costs)), rtsp: netip.AddrPortFrom(server, 8554)}
	w.l = loop.NewOn(w.k)
	var err error
	w.b, err = cast.New(w.l, cast.Config{
		RTP: netip.AddrPortFrom(server, 5004), Random: w.k.Random, MaxConnectionsPerAddress: cast.NoLimit,
	})
	w.check(err)
	t.Cleanup(func() { w.check(w.b.Close()) })
	front, err := Listen(w.b, w.rtsp, Options{})
	w.check(err)
	front.protocol = protocol.NewServer(front.config(), costly{(*media)(front), w.k})
	params := &coded.Params{Format: coded.JPEG, Width: 640, Height: 480, FramesPerSecond: framesPerSecond}
	w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: params})
	w.check(err)
	picture := jpeg.Append(nil, &jpeg.Image{Width: 640, Height: 480, Type: jpeg.Type420, Scan: make([]byte, 20000)})
	ticker, err := w.k.NewTicker(time.Second / framesPerSecond)
	w.check(err)
	_, err = w.l.Register(ticker, loop.Readable, func(loop.Interest) {
		if _, err := w.k.ReadTicks(ticker); err != nil { // several ticks are one frame, as of a camera
			t.Error(err)
		}
		w.check(w.s.Publish(coded.Frame{Params: params, Bytes: picture, Captured: w.l.Now(), Key: true}))
	})
	w.check(err)
	for i := range 20 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i + 1)}), 6000)
		peer, err := w.k.NewUDPPeer(at)
		w.check(err)
		peer.CountOnly()
		_, err = w.s.Join(cast.Address{RTP: at, RTCP: netip.AddrPortFrom(at.Addr(), 6001)}, nil)
		w.check(err)
		w.readers = append(w.readers, peer)
	}
	return w
}

func (w *busy) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// pipeline has one host connect so often and ask for descriptions all the time: some at once, and
// as many more whenever these are answered.
func (w *busy) pipeline(connections int) {
	w.Helper()
	requests := bytes.Repeat([]byte("DESCRIBE rtsp://10.0.0.1:8554/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n"), pipelined)
	for range connections {
		c, err := w.k.DialTCP(netip.MustParseAddrPort("10.9.0.1:0"), w.rtsp)
		w.check(err)
		open := pipelined
		c.OnData(func(p []byte) {
			n := bytes.Count(p, []byte("RTSP/1.0 200"))
			w.answered += n
			if open -= n; open <= 0 {
				open += pipelined
				if _, err := c.Write(requests); err != nil {
					w.Error(err)
				}
			}
		})
		_, err = c.Write(requests)
		w.check(err)
	}
}

// received is how many packets each reader has.
func (w *busy) received() (all []uint64) {
	for _, peer := range w.readers {
		packets, _ := peer.Received()
		all = append(all, packets)
	}
	return all
}

// TestPipelinedRequests has one host pipeline requests on many connections: the readers beside are
// to get all frames, in time, no turn of the loop is to be long, and the loop is to sleep between.
func TestPipelinedRequests(t *testing.T) {
	for _, connections := range []int{40, 400} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			w := newBusy(t)
			w.check(sim.RunFor(w.l, time.Second))
			w.pipeline(connections)
			w.check(sim.RunFor(w.l, time.Second/2)) // all have connected
			before, frames, answered, busy := w.received(), w.s.Figures().Frames, w.answered, w.l.Stats().TurnCPU.Sum
			const seconds = 2
			w.check(sim.RunFor(w.l, seconds*time.Second))

			f := w.s.Figures()
			if got := f.Frames - frames; got < seconds*framesPerSecond*99/100 {
				t.Errorf("%d frames were taken from the source, want %d", got, seconds*framesPerSecond)
			}
			for i, got := range w.received() {
				if got -= before[i]; got < seconds*framesPerSecond*packetsPerFrame*99/100 {
					t.Errorf("reader %d got %d packets, want %d", i, got, seconds*framesPerSecond*packetsPerFrame)
				}
			}
			if f.Late > 0 || f.Lags > 0 || f.FirstAge.Max > 5*time.Millisecond {
				t.Errorf("%d frames were late, %d missed, the oldest %v", f.Late, f.Lags, f.FirstAge.Max)
			}
			s, p := w.l.Stats(), w.b.PutOff()
			if s.TurnCPU.Max > 5*time.Millisecond || p.Requests == 0 || s.PutOff < p.Requests {
				t.Errorf("turns of up to %v; put off %d times, %+v", s.TurnCPU.Max, s.PutOff, p)
			}
			if share := (s.TurnCPU.Sum - busy).Seconds() / seconds; share > 0.45 {
				t.Errorf("the loop used %.0f %% of the time", 100*share)
			}
			if most := int(seconds * time.Second / requestCost); w.answered-answered < most/5 {
				t.Errorf("%d requests were answered, want a quarter of %d", w.answered-answered, most)
			}
			// Somebody else's request is answered soon.
			began, replied := w.l.Now(), false
			c, err := w.k.DialTCP(netip.MustParseAddrPort("10.8.0.1:0"), w.rtsp)
			w.check(err)
			c.OnData(func([]byte) { replied = true })
			_, err = c.Write([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
			w.check(err)
			w.check(sim.RunUntil(w.l, func() bool { return replied }, 2*time.Second))
			t.Logf("turns of up to %v, put off %d times; another was answered after %v", s.TurnCPU.Max, p.Requests, w.l.Now()-began)
		})
	}
}
