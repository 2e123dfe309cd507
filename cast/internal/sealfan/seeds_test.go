package sealfan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/srtp"
	"golang.org/x/sys/unix"
)

// TestNoIndexTwice has readers do all that there is, in any order, on a network that loses, holds back and repeats packets, and
// with a socket that is full at times. Another implementation opens all that is handed to the kernel: no two different
// packets are ever sealed with one index of one key (opened.packet), and each frame that has come can be decoded.
func TestNoIndexTwice(t *testing.T) {
	total := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { total += mayhem(t, seed) })
	}
	if total < 20*seeds {
		t.Errorf("%d packets were sent twice: the test shows nothing", total)
	}
}

// mayhem is one seed. It returns how many packets were sent more than once.
func mayhem(t *testing.T, seed uint64) (again int) {
	h := newSimHall(t, seed)
	random := rand.New(rand.NewPCG(seed, 22))
	h.kernel.SetFaults(sim.Faults{PartialBatches: 0.1, LateWakeups: time.Millisecond})
	narrow := netip.AddrPort{}
	h.kernel.Inject(func(c sim.Call) error {
		switch {
		case c.Name != "Sendmmsg":
		case c.Peer == narrow && c.Bytes > c.SegmentBytes && c.SegmentBytes > 0:
			return unix.EIO
		case h.guests[c.Peer] != nil && random.IntN(300) == 0:
			return []error{unix.ENOBUFS, unix.ENOBUFS, unix.EHOSTUNREACH}[random.IntN(3)]
		}
		return nil
	})
	var here, all []*guest
	one := func() *guest {
		if len(here) == 0 {
			return nil
		}
		return here[random.IntN(len(here))]
	}
	for step := range 120 {
		h.packets = 1 + random.IntN(30)
		h.publish([]rune("Kdddxxd")[random.IntN(7)])
		g := one()
		switch action := random.IntN(12); {
		case g == nil || action == 0 && len(here) < 25:
			profile := []srtp.Profile{gcm, gcm, cm}[random.IntN(3)]
			form := []Form{plainForm, atOnce, later}[random.IntN(3)]
			first := uint64(random.IntN(1 << 15))
			if len(all)%5 == 0 {
				first = 1<<16 - 1 - uint64(random.IntN(1<<10)) // its numbers wrap soon
			}
			g = h.enters(fmt.Sprint("guest of step ", step), profile, form, first)
			here, all = append(here, g), append(all, g)
			if random.IntN(2) == 0 {
				g.CatchUp()
			}
		case action == 1:
			i := random.IntN(len(here))
			here[i].Leave()
			here = append(here[:i], here[i+1:]...)
		case action == 2:
			h.listen(g)
			g.Move(Address{Socket: h.socket, Peer: g.at})
		case action == 3:
			h.listen(g)
			g.Move(Address{Socket: h.other, Peer: g.at})
		case action == 4:
			g.setLevel(uint8(random.IntN(3)))
		case action == 5:
			g.Rest(g.resting == 0)
			g.ahead.end = min(g.ahead.end, max(g.keys.Next(), 1)) // as if it had reported nothing for long
		case action == 10:
			g.Acknowledged(uint16(g.wired.highest) - uint16(random.IntN(3)))
			g.Acknowledged(uint16(random.IntN(1 << 16)))
		case action == 6 && random.IntN(3) == 0:
			h.fillSome(random.IntN(2) == 0)
		case action == 7:
			narrow = g.at
		case action == 8:
			h.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{
				Delay: time.Millisecond, Jitter: time.Duration(random.IntN(5)) * time.Millisecond,
				Loss: random.Float64() / 5, Duplicate: random.Float64() / 10, Reorder: random.Float64() / 10,
			})
		case action == 9:
			for range 20 { // whatever it has
				g.Resend(uint16(g.wired.highest) - uint16(random.IntN(600)))
			}
		default:
			for _, sequence := range g.missing() {
				g.Resend(sequence)
			}
		}
		h.run(time.Duration(random.IntN(15)) * time.Millisecond)
	}
	h.run(2 * time.Second)
	for _, g := range all {
		g.decodable()
		again += g.wired.again
	}
	for _, g := range here {
		g.Leave()
	}
	h.run(time.Second)
	if h.fan.Readers() > 0 || len(h.fan.groups)+len(h.fan.layouts)+len(h.fan.catching.List) > 0 || h.ring.InUse() || h.figures.Resting+h.figures.Thinned+h.figures.HeldBack != 0 || h.fan.answers.waiting > 0 || h.fan.answers.unused != nil {
		t.Errorf("something is left of readers who have left: %+v", h.figures)
	}
	h.fan.Stop()
	return again
}

// decodable fails unless each frame that was sent whole can be decoded, if all that was sent before had come.
func (g *guest) decodable() {
	g.t.Helper()
	came := g.came
	g.came = g.wired
	g.decodes()
	g.came = came
}

// fillSome fills the socket for a moment, or a queue behind it.
func (h *simHall) fillSome(long bool) {
	h.port += 2
	sink := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(h.port)}), h.port)
	link := sim.Link{BytesPerSecond: 100_000_000}
	if long {
		link.BytesPerSecond = 20_000_000
	}
	h.kernel.SetLink(netip.PrefixFrom(sink.Addr(), 32), link)
	peer, err := h.kernel.NewUDPPeer(sink)
	if err != nil {
		h.t.Fatal(err)
	}
	peer.CountOnly()
	for !errors.Is(h.socket.SendTo(make([]byte, 60_000), sink, netip.Addr{}), unix.EAGAIN) {
	}
}
