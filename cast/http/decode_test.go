package http

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
)

// TestDecodedPictures has many ask for pictures of H.264: each key frame is decoded once, and what fails is said to all who
// ask.
func TestDecodedPictures(t *testing.T) {
	f := newFilm(t, 10)
	decoded, fault := 0, error(nil)
	f.s.options.Decode = func(frame media.Frame) ([]byte, error) {
		decoded++
		if !frame.Key || frame.Bytes[4] != 0x65 {
			t.Errorf("decoded %x", frame.Bytes[:9])
		}
		return frame.Bytes, fault
	}
	peer := netip.MustParseAddrPort("10.0.0.1:1")
	var taken []*picture
	refused := 0
	ask := func() (stop func()) {
		return f.s.decode(f.cam, peer, func(p *picture, err error) {
			if err == nil {
				taken = append(taken, p)
			} else if refused++; cast.RefusalOf(err).Kind != cast.NotCarried {
				t.Error(err)
			}
		})
	}
	f.frames(15)
	until := func() {
		t.Helper()
		if err := sim.RunUntil(f.l, func() bool { return len(f.s.snapshots.decoding) == 0 }, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		ask()
	}
	stop := ask()
	stop()
	until()
	ask() // at once
	if decoded != 1 || len(taken) != 6 || refused > 0 {
		t.Fatalf("decoded %d times for %d, %d refused", decoded, len(taken), refused)
	}
	f.frames(10)
	ask()
	until()
	fault = errors.New("no decoder")
	f.frames(10)
	ask()
	ask()
	until()
	ask() // at once
	if decoded != 3 || len(taken) != 7 || refused != 3 {
		t.Errorf("decoded %d times for %d, %d refused", decoded, len(taken), refused)
	}
	fault = nil
	f.frames(10)
	ask()
	until()
	if decoded != 4 || len(taken) != 8 {
		t.Errorf("the next key frame is decoded %d times for %d", decoded-3, len(taken)-7)
	}
	for _, p := range taken {
		f.s.snapshots.give(p, peer)
	}
	if n := f.s.snapshots; n.bytes != 0 || len(n.byAddress) != 0 {
		t.Errorf("%d bytes are counted when all is given", n.bytes)
	}
	f.s.options.Decode = nil
	if ask(); refused != 4 {
		t.Error("a picture without a decoder")
	}
}
