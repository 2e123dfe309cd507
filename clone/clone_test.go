//go:build clone

package clone_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/clone"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// These tests have the real kernel run the program, at the end of a veth pair between two
// network namespaces, which only root can make. make test-clone runs them.

func TestMain(m *testing.M) {
	rig.Enclose()
	os.Exit(m.Run())
}

// device is the rig's near end.
const device = rig.Device

// hall is a sender and its readers, at the two ends of a link.
type hall struct {
	*testing.T
	rig     *rig.Rig
	loop    *loop.Loop
	program *clone.Program
	socket  *udp.Socket
	fan     *udp.Fan
	readers []*net.UDPConn
}

func newHall(t *testing.T, net string, source netip.Addr, readers []netip.AddrPort, prepare ...string) *hall {
	t.Helper()
	h := &hall{T: t}
	var err error
	if h.rig, err = rig.New(net); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.must(h.rig.Close()) })
	for _, command := range prepare {
		command = strings.NewReplacer("NEAR", h.rig.Near, "FAR", h.rig.Far).Replace(command)
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	for _, reader := range readers {
		h.addReader(reader)
	}
	h.loop, err = loop.New()
	h.must(err)
	t.Cleanup(func() { h.must(h.loop.Close()) })
	h.must(h.rig.Do(func() error {
		if h.program, err = clone.Open(device, len(readers)); err != nil {
			return err
		}
		h.socket, err = udp.Open(h.loop, netip.AddrPortFrom(source, 5004),
			udp.Options{Clones: h.program.Clones, Report: func(what string) { t.Error(what) }}, nil)
		return err
	}))
	t.Cleanup(func() { h.must(errors.Join(h.socket.Close(), h.program.Close())) })
	h.fan = h.socket.NewFan()
	for _, reader := range readers {
		h.fan.Add(reader, source)
	}
	return h
}

func (h *hall) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hall) addReader(at netip.AddrPort) {
	h.must(rig.Within(h.rig.Far, func() error {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		h.readers = append(h.readers, c)
		return c.SetReadBuffer(4 << 20)
	}))
	c := h.readers[len(h.readers)-1]
	h.Cleanup(func() { c.Close() })
}

// turn has the loop see the time.
func (h *hall) turn() {
	h.Helper()
	if _, err := h.loop.Turn(0); err != nil {
		h.Fatal(err)
	}
}

// learn sends runs until the readers, who wait for it after they have joined, are learned.
func (h *hall) learn(run udp.Run) {
	h.Helper()
	for end := h.loop.Now() + time.Second; h.socket.Counters().Cloned == 0; {
		if h.loop.Now() > end {
			h.Fatal("nothing is cloned a second after the readers have joined")
		}
		h.send(run)
		h.check(run)
	}
}

// send sends a run to everybody.
func (h *hall) send(run udp.Run) {
	h.Helper()
	h.turn()
	place, outcome := h.fan.Send(run, udp.Position{}, h.fan.All(), func(peer int, err error) { h.Errorf("reader %d: %v", peer, err) })
	if outcome != udp.Done {
		h.Fatalf("outcome %d at %+v", outcome, place)
	}
}

// check has every reader receive the run once, and nothing else.
func (h *hall) check(run udp.Run) {
	h.Helper()
	buffer := make([]byte, 2048)
	for i, c := range h.readers {
		h.must(c.SetReadDeadline(time.Now().Add(5 * time.Second)))
		for at := 0; at < len(run.Bytes); at += run.SegmentBytes {
			want := run.Bytes[at:min(at+run.SegmentBytes, len(run.Bytes))]
			n, from, err := c.ReadFromUDPAddrPort(buffer)
			if err != nil {
				h.Fatalf("reader %d, at byte %d: %v", i, at, err)
			}
			if !bytes.Equal(buffer[:n], want) || from.Port() != 5004 {
				h.Fatalf("reader %d, at byte %d: %d bytes from %v, or others, want %d", i, at, n, from, len(want))
			}
		}
	}
}

// nothingMore checks that nobody has been sent more, nor anything that was not sound.
func (h *hall) nothingMore() {
	h.Helper()
	for i, c := range h.readers {
		h.must(c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		if n, _, err := c.ReadFromUDPAddrPort(make([]byte, 2048)); err == nil {
			h.Errorf("reader %d has %d bytes more", i, n)
		}
	}
	out, err := exec.Command("ip", "netns", "exec", h.rig.Far, "cat", "/proc/net/snmp", "/proc/net/snmp6").Output()
	h.must(err)
	names, values := []string(nil), []string(nil)
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); fields[0] == "Udp:" && names == nil {
			names = fields
		} else if fields[0] == "Udp:" {
			values = fields
		} else if fields[0] == "Udp6InCsumErrors" && fields[1] != "0" {
			h.Errorf("%s packets over IPv6 had a wrong checksum", fields[1])
		}
	}
	for i, name := range names {
		if name == "InCsumErrors" && values[i] != "0" {
			h.Errorf("%s packets had a wrong checksum", values[i])
		}
	}
}

func newRun(packets, size, last int, seed byte) udp.Run {
	b := make([]byte, (packets-1)*size+last)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) + seed
	}
	return udp.Run{Bytes: b, SegmentBytes: size}
}

// readers4 are a few hosts behind the far one, with ports of their own.
func readers4(n int) (readers []netip.AddrPort, prepare []string) {
	for i := range n {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, 0, byte(1 + i)}), 6000+uint16(i%5))
		readers = append(readers, at)
		prepare = append(prepare, fmt.Sprintf("ip -n FAR addr add %v/32 dev lo", at.Addr()))
	}
	return readers, prepare
}

// readers6 are addresses of the far host itself.
func readers6(n int) (readers []netip.AddrPort, prepare []string) {
	prepare = []string{"ip -n NEAR addr add fd00::1/64 dev cctx nodad"}
	for i := range n {
		at := netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("fd00::1:%x", 1+i)), 6000+uint16(i%5))
		readers = append(readers, at)
		prepare = append(prepare, fmt.Sprintf("ip -n FAR addr add %v/64 dev ccrx nodad", at.Addr()))
	}
	return readers, prepare
}

var (
	source4 = netip.MustParseAddr("10.99.0.1")
	source6 = netip.MustParseAddr("fd00::1")
)

// TestEveryReaderGetsItsCopy sends runs of many packets and of one, over links that do and
// do not cut them, and to readers who check every sum.
func TestEveryReaderGetsItsCopy(t *testing.T) {
	const readers, frames = 40, 300
	noChecksums := "ip netns exec NEAR ethtool -K cctx tx off"
	for _, test := range []struct {
		name, net string
		six       bool
		prepare   []string
	}{
		{name: "the link cuts", net: "veth"},
		{name: "the kernel cuts", net: "veth-nooffload"},
		{name: "the kernel makes the checksums", net: "veth", prepare: []string{noChecksums}},
		{name: "IPv6, the link cuts", net: "veth", six: true},
		{name: "IPv6, the kernel makes the checksums", net: "veth", six: true, prepare: []string{noChecksums}},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, prepare := readers4(readers)
			source := source4
			if test.six {
				at, prepare = readers6(readers)
				source = source6
			}
			h := newHall(t, test.net, source, at, append(prepare, test.prepare...)...)
			h.learn(newRun(3, 1200, 7, 0))
			before := h.socket.Counters()
			for i := range frames {
				run := newRun(1+i%30, 1200, 1+i%1199, byte(i))
				h.send(run)
				h.check(run)
			}
			h.nothingMore()
			c := h.socket.Counters()
			c.Messages, c.Calls, c.Cloned = c.Messages-before.Messages, c.Calls-before.Calls, c.Cloned-before.Cloned
			t.Logf("%d messages by %d calls, %d of them cloned", c.Messages, c.Calls, c.Cloned)
			if c.Messages != readers*frames || c.Cloned < readers*frames*9/10 {
				t.Errorf("%+v: want %d messages, nearly all of them cloned", c, readers*frames)
			}
		})
	}
}

// TestNoAllocationsWithClones sends as a broadcast does.
func TestNoAllocationsWithClones(t *testing.T) {
	at, prepare := readers4(40)
	h := newHall(t, "veth", source4, at, prepare...)
	run := newRun(20, 1200, 100, 0)
	h.learn(run)
	if n := testing.AllocsPerRun(1000, func() { h.send(run) }); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
}

// TestNeighbourMoves changes the network card of all readers' gateway.
func TestNeighbourMoves(t *testing.T) {
	at, prepare := readers4(20)
	h := newHall(t, "veth", source4, at, prepare...)
	run := newRun(10, 1200, 100, 0)
	h.learn(run)
	h.must(rig.All(
		"-n "+h.rig.Far+" link set ccrx address 02:00:00:00:00:77",
		"-n "+h.rig.Near+" neigh replace 10.99.0.2 dev cctx nud permanent lladdr 02:00:00:00:00:77"))
	// Within six seconds everybody has been learned anew. A datagram to the old card is
	// dropped by the new one.
	for end := h.loop.Now() + 7*time.Second; h.loop.Now() < end; {
		h.send(run)
	}
	h.drain()
	before := h.socket.Counters().Cloned
	for range 50 {
		h.send(run)
		h.check(run)
	}
	h.nothingMore()
	if h.socket.Counters().Cloned == before {
		t.Error("nothing is cloned any more")
	}
}

// drain takes what has come: what a sender has sent on this machine is there already.
func (h *hall) drain() {
	buffer := make([]byte, 2048)
	for _, c := range h.readers {
		for {
			h.must(c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)))
			if _, _, err := c.ReadFromUDPAddrPort(buffer); err != nil {
				break
			}
		}
	}
}

// TestReadersElsewhere has some readers behind another interface, which has no program.
func TestReadersElsewhere(t *testing.T) {
	at, prepare := readers4(20)
	prepare = append(prepare,
		"ip link add other netns NEAR type veth peer name rehto netns FAR",
		"ip -n NEAR link set other up", "ip -n FAR link set rehto up",
		"ip -n NEAR addr add 10.98.0.1/24 dev other", "ip -n FAR addr add 10.98.0.2/24 dev rehto")
	for i := range 20 {
		if i%4 < 2 {
			prepare = append(prepare, fmt.Sprintf("ip -n NEAR route add %v/32 via 10.98.0.2 dev other", at[i].Addr()))
		}
	}
	prepare = append(prepare, "ip netns exec FAR sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.rehto.rp_filter=0 net.ipv4.conf.ccrx.rp_filter=0")
	h := newHall(t, "veth", source4, at, prepare...)
	run := newRun(10, 1200, 100, 0)
	h.learn(run)
	for range 100 {
		h.send(run)
		h.check(run)
	}
	h.nothingMore()
}

// TestCutOnTheWay has the readers behind a bridge above the interface, which cuts messages
// before the program sees them. So it may not copy them.
func TestCutOnTheWay(t *testing.T) {
	at, prepare := readers4(20)
	prepare = append(prepare,
		"ip -n NEAR link add br0 type bridge", "ip -n NEAR addr del 10.99.0.1/16 dev cctx", "ip -n NEAR link set cctx master br0",
		"ip -n NEAR link set br0 up", "ip -n NEAR addr add 10.99.0.1/16 dev br0", "ip -n NEAR route add 10.100.0.0/16 via 10.99.0.2 dev br0",
		"ip netns exec NEAR ethtool -K br0 tx-udp-segmentation off tx-generic-segmentation on",
		// Its own address has changed, and the other side's is to be found out.
		"ip -n FAR neigh del 10.99.0.1 dev ccrx")
	h := newHall(t, "veth", source4, at, prepare...)
	for i := range 300 {
		run := newRun(1+i%30, 1200, 100, byte(i))
		h.send(run)
		h.check(run)
	}
	h.nothingMore()
}

// TestSomeErrors has clone say why it cannot.
func TestSomeErrors(t *testing.T) {
	for device, want := range map[string]string{
		"nosuch0": "network interface nosuch0: not found",
		"lo":      "network interface lo: not an Ethernet interface",
	} {
		if _, err := clone.Open(device, 10); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", device, err, want)
		}
	}
	at, prepare := readers4(1)
	h := newHall(t, "veth", source4, at, prepare...)
	want := "network interface cctx: another camcast has its program there, and there can be one"
	h.must(h.rig.Do(func() error {
		if _, err := clone.Open(device, 10); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
		return nil
	}))
}

// TestObjectIsOfItsSource compiles the program.
func TestObjectIsOfItsSource(t *testing.T) {
	made := t.TempDir() + "/fan.bpf.o"
	if out, err := exec.Command("make", "-s", "-C", "bpf", "OUTPUT="+made).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("bpf/fan.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("fan.bpf.o is not what make -C clone/bpf makes of fan.bpf.c: make it anew and commit it")
	}
}
