package cast_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// everyNth fails every n-th message of a send.
func everyNth(n uint64, errno unix.Errno) func(sim.Call) error {
	count := uint64(0)
	return func(c sim.Call) error {
		if c.Name == "Sendmmsg" {
			if count++; count%n == 0 {
				return errno
			}
		}
		return nil
	}
}

// scanFor is how long a scan is that makes so many packets of an MTU.
func scanFor(packets, mtu, lastPayload int) int {
	payload := mtu - 48 - 20
	return (packets-1)*payload + lastPayload - 132
}

// TestFramesOfAllSizesOverAllLinks has every reader, over IPv4 and IPv6 and TCP, get the
// right bytes of frames of every awkward size over every link that refuses something.
func TestFramesOfAllSizesOverAllLinks(t *testing.T) {
	t.Parallel()
	everywhere := netip.MustParsePrefix("10.0.0.0/8")
	frames := map[string]struct{ mtu, burst, scan int }{
		"one packet":             {1500, 64, 500},
		"one full packet":        {1500, 64, scanFor(1, 1500, 1432)},
		"one full message":       {1500, 64, scanFor(45, 1500, 1432)},
		"one byte more":          {1500, 64, scanFor(45, 1500, 1432) + 1},
		"64 segments":            {1000, 64, scanFor(64, 1000, 900)},
		"MTU of 1280":            {1280, 16, 30000},
		"400 kB":                 {1500, 16, 400_000},
		"400 kB, a packet a run": {1500, 1, 400_000},
		"1 MB":                   {1500, 32, 1_000_000}, // more vectors than one writev takes
	}
	links := map[string]func(*sim.Kernel){
		"perfect":                   func(*sim.Kernel) {},
		"EIO on segments":           func(k *sim.Kernel) { k.SetLink(everywhere, sim.Link{NoSegmentation: true}) },
		"EIO on some readers' link": func(k *sim.Kernel) { k.Inject(sim.FailSegmentsTo(netip.MustParsePrefix("10.0.1.2/32"), unix.EIO)) },
		"EINVAL on segments":        func(k *sim.Kernel) { k.Inject(sim.FailSegmentsTo(everywhere, unix.EINVAL)) },
		"ENOBUFS in the middle":     func(k *sim.Kernel) { k.Inject(everyNth(31, unix.ENOBUFS)) },
		"EAGAIN in the middle":      func(k *sim.Kernel) { k.Inject(everyNth(5, unix.EAGAIN)) },
	}
	for frameName, frame := range frames {
		for linkName, prepare := range links {
			if raced && frame.scan >= 400_000 && linkName != "EAGAIN in the middle" {
				continue // the other links have smaller frames; all is run without the race detector
			}
			t.Run(frameName+"/"+linkName, func(t *testing.T) {
				w := newWorld(t, 1, func(c *cast.Config) { c.MTU, c.Burst, c.Spread = frame.mtu, frame.burst, 0 })
				w.camera.scan = frame.scan
				prepare(w.k)
				viewers := []*viewer{w.watch("10.0.1.1", false), w.watch("10.0.1.2", false), w.watch("10.0.1.3", true)}
				w.run(time.Second / 3)
				for _, v := range viewers {
					v.row(8)
					if v.gaps > 0 || v.depacketizer.Dropped > 0 {
						t.Errorf("%v: %d gaps, %d broken off", v.conn.Addr(), v.gaps, v.depacketizer.Dropped)
					}
				}
			})
		}
	}
}

// TestIPv6Reader watches over IPv6 beside one over IPv4: both families have sockets of
// their own.
func TestIPv6Reader(t *testing.T) {
	w := newWorldOfBothFamilies(t)
	v4 := w.watch("10.0.1.1", false)
	v6 := w.watchAt("2001:db8::99", server6Addr)
	var from netip.Addr
	v6.rtp.OnReceive(func(d sim.Datagram) { from = d.From.Addr(); v6.packet(d.Payload) })
	w.run(time.Second)
	v4.row(28)
	v6.row(28)
	if from != server6Addr {
		t.Errorf("answered from %v, want %v, which was asked", from, server6Addr)
	}
}

// TestAnswersFromTheAddressAsked has readers ask two addresses of the machine.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	second := netip.MustParseAddr("10.0.0.2")
	w := newWorldAt(t, 1, []netip.Addr{serverAddr, second}, nil)
	for i, asked := range []netip.Addr{serverAddr, second} {
		v := w.watchAt(fmt.Sprintf("10.0.1.%d", i+1), asked)
		v.rtp.OnReceive(func(d sim.Datagram) {
			if d.From.Addr() != asked {
				t.Errorf("RTP from %v, want %v, which was asked", d.From, asked)
			}
			v.packet(d.Payload)
		})
		v.rtcp.OnReceive(func(d sim.Datagram) {
			if d.From.Addr() != asked {
				t.Errorf("RTCP from %v, want %v, which was asked", d.From, asked)
			}
		})
		w.run(3 * time.Second)
		v.row(80)
	}
}
