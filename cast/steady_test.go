package cast

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// still is a source from which nothing comes: the test publishes by itself.
type still struct {
	capture.Source
	fd int
}

func (s still) FD() int                    { return s.fd }
func (s still) Close() error               { return unix.Close(s.fd) }
func (still) Next() (capture.Frame, error) { return capture.Frame{}, capture.ErrNotReady }
func (still) Describe() capture.Description {
	return capture.Description{Width: 64, Height: 48, FramesPerSecond: 240}
}

// TestNoAllocationsForThinnedReaders has readers at every level, and one that moves between
// two, on the real kernel.
func TestNoAllocationsForThinnedReaders(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := New(l, Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.AddStream("cam", still{fd: fd}, StreamOptions{AwaitReader: true})
	if err != nil {
		t.Fatal(err)
	}
	picture := jpeg.Append(nil, &jpeg.Image{Width: 64, Height: 48, Type: jpeg.Type420, Scan: make([]byte, 5000)})
	var readers []*UDPReader
	for i := range thinLevels + 1 {
		at := Place{
			RTP:  netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", 20000+2*i)),
			RTCP: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", 20001+2*i)),
		}
		pair := b.pairFor(at.RTP.Addr())
		r := s.join(pair.rtp, pair.rtcp, at, nil)
		r.thinning = &thinning{}
		r.moveTo(uint8(i) % thinLevels)
		readers = append(readers, r)
	}
	send := func() {
		if err := s.Publish(picture, l.Kernel().Monotonic()); err != nil {
			t.Fatal(err)
		}
		readers[0].moveTo(uint8(s.ring.newest / 3 % 2))
		if err := sim.RunFor(l, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 { // until every slot of the ring has its buffer
		send()
	}
	if n := testing.AllocsPerRun(200, send); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
	for _, g := range s.groups {
		if want := uint64(300 >> g.level); g.sweep.frames < want-want/10 {
			t.Errorf("level %d was sent %d frames, want %d", g.level, g.sweep.frames, want)
		}
	}
}
