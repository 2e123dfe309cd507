package udp_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// refusing is a kernel that refuses some times to change what an fd is waited for, as one may
// that is out of memory.
type refusing struct {
	loop.Kernel
	refuse int
}

func (k *refusing) Rewatch(fd int, want loop.Interest, token uint64) error {
	if k.refuse > 0 {
		k.refuse--
		return unix.ENOMEM
	}
	return k.Kernel.Rewatch(fd, want, token)
}

func TestWhenWritableIsRefused(t *testing.T) { onBoth(t, testWhenWritableIsRefused) }

func testWhenWritableIsRefused(t *testing.T, newKernel kernelMaker) {
	k := &refusing{Kernel: newKernel(t)}
	l := loop.NewOn(k)
	defer l.Close()
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	quiet := func() {
		t.Helper()
		if ran, err := l.Turn(0); ran != 0 || err != nil {
			t.Fatalf("a turn ran %d, %v; want nothing to do", ran, err)
		}
	}
	k.refuse = 1
	if err := s.WhenWritable(func() { t.Error("called, though WhenWritable has failed") }); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("error %v, want ENOMEM", err)
	}
	quiet()
	calls := 0
	if err := s.WhenWritable(func() { calls++; k.refuse = 1 }); err != nil {
		t.Fatal(err)
	}
	// The kernel refuses to stop waiting for it: it is reported once more, and no more.
	for turn, want := range []int{1, 1, 0} {
		if ran, err := l.Turn(0); ran != want || err != nil || calls != 1 {
			t.Errorf("turn %d ran %d, %v, after %d calls; want %d, and one", turn, ran, err, calls, want)
		}
	}
	quiet()
}

// TestReceivingBesideWaiting has a socket wait for being writable, as it does in each full frame: one that receives
// receives on, and one that does not is not woken by what comes in.
func TestReceivingBesideWaiting(t *testing.T) { onBoth(t, testReceivingBesideWaiting) }

func testReceivingBesideWaiting(t *testing.T, newKernel kernelMaker) {
	l, _ := newFaulty(t, newKernel)
	got := 0
	open := func(receive func(udp.Datagram)) *udp.Socket {
		s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, receive)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	deaf, listening := open(nil), open(func(udp.Datagram) { got++ })
	for sent := 1; sent <= 3; sent++ {
		writable := 0
		for _, s := range []*udp.Socket{deaf, listening} {
			if err := s.WhenWritable(func() { writable++ }); err != nil {
				t.Fatal(err)
			}
			if err := deaf.SendTo([]byte("x"), s.Local(), netip.Addr{}); err != nil {
				t.Fatal(err)
			}
		}
		turnUntil(t, l, func() bool { return writable == 2 && got == sent })
		if ran, err := l.Turn(0); ran != 0 || err != nil {
			t.Fatalf("a turn ran %d, %v; want nothing to do", ran, err)
		}
	}
}
