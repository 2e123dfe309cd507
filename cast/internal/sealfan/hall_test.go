package sealfan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
	pionrtp "github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

const testSSRC = 0x01020304

// hall is a Fan with two sockets on a kernel.
type hall struct {
	t       testing.TB
	loop    *loop.Loop
	ring    *ring.Ring
	fan     *Fan
	socket  *udp.Socket
	other   *udp.Socket
	params  *media.Params
	figures sending.Figures
	asked   int // for a key frame
	keys    byte

	// packets is how many there are in a frame.
	packets int
	// needed is the newest frame that others need.
	needed uint64
	bytes  []byte
}

const (
	hallPacket = 200
	hallRun    = 8
)

func newHall(t testing.TB, l *loop.Loop, local netip.AddrPort) *hall {
	t.Helper()
	h := &hall{t: t, loop: l, params: &media.Params{Format: media.H264}, packets: 3}
	h.ring = ring.New(ring.Limits{Frames: 5, Lag: 50 * time.Millisecond, GroupBytes: 1 << 20, GroupTime: 10 * time.Second})
	for _, s := range []**udp.Socket{&h.socket, &h.other} {
		var err error
		if *s, err = udp.Open(l, local, udp.Options{}, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*s).Close() })
		if local.Port() != 0 {
			local = netip.AddrPortFrom(local.Addr(), local.Port()+2)
		}
	}
	sweeps, answers := l.NewBudget(4*time.Millisecond), l.NewBudget(time.Millisecond)
	answers.LimitShare(0.1)
	h.fan = New(Config{
		Loop: l, Budget: sweeps, Answers: answers, Ring: h.ring, Log: slog.New(slog.DiscardHandler), Figures: &h.figures, Thin: true,
		RequestKey: func() { h.asked++ }, SSRC: testSSRC, Clock: rtp.NewClock(5), PacketBytes: hallPacket, RunPackets: hallRun,
	})
	h.fan.SetPace(10*time.Millisecond, 5*time.Millisecond)
	return h
}

// publish publishes a frame: 'K' is a key frame, 'd' one that depends on those before, 'x' one that no other needs, and 'l'
// one that leads to the last key frame.
func (h *hall) publish(kind rune) {
	h.t.Helper()
	number, needs := h.ring.Newest()+1, h.needed
	if kind == 'K' {
		needs = number
	}
	if kind != 'x' && kind != 'l' {
		h.needed = number
	}
	unit := h.bytes[:0]
	unit = append(unit, map[rune]byte{'K': 0x65, 'd': 0x41, 'x': 0x01, 'l': 0x41}[kind])
	unit = binary.BigEndian.AppendUint64(unit, number)
	unit = binary.BigEndian.AppendUint64(unit, needs)
	for i := len(unit); i < (h.packets-1)*(hallPacket-40)+50; i++ {
		unit = append(unit, byte(i)+byte(number))
	}
	h.bytes = unit
	f := media.Frame{Params: h.params, Bytes: nal.Append(nil, unit), Key: kind == 'K', Disposable: kind == 'x', Leading: kind == 'l', Captured: h.loop.Now()}
	if _, err := h.ring.Publish(f); err != nil {
		h.t.Fatal(err)
	}
	h.fan.FrameReady()
}

// publishBytes publishes a frame of a few packets, and allocates nothing.
func (h *hall) publishBytes(key bool) {
	h.t.Helper()
	if h.bytes == nil {
		h.bytes = nal.Append(nil, append([]byte{0x41}, make([]byte, 3000)...))
	}
	if _, err := h.ring.Publish(media.Frame{Params: h.params, Bytes: h.bytes, Key: key, Captured: h.loop.Now()}); err != nil {
		h.t.Fatal(err)
	}
	h.fan.FrameReady()
}

// frames publishes frames some time apart.
func (h *hall) frames(kinds string) {
	h.t.Helper()
	for _, kind := range kinds {
		h.publish(kind)
		h.run(10 * time.Millisecond)
	}
}

func (h *hall) run(d time.Duration) {
	h.t.Helper()
	if err := sim.RunFor(h.loop, d); err != nil {
		h.t.Fatal(err)
	}
}

// turn has what waits be sent, without any time passing.
func (h *hall) turn() {
	h.t.Helper()
	if _, err := h.loop.Turn(0); err != nil {
		h.t.Fatal(err)
	}
}

// sendAll turns the loop until a reader of all frames, from the first on, has been sent those that there are.
func (h *hall) sendAll(r *Reader) {
	h.t.Helper()
	for r.Frames() < h.ring.Newest() {
		if ran, err := h.loop.Turn(time.Second); err != nil || ran == 0 {
			h.t.Fatalf("%d of %d frames are sent, and nothing happens: %v", r.Frames(), h.ring.Newest(), err)
		}
	}
}

// simHall is a hall on a simulated kernel, whose guests open what they get.
type simHall struct {
	*hall
	t      *testing.T
	kernel *sim.Kernel
	port   uint16
	// guests are those by all addresses that they have had.
	guests map[netip.AddrPort]*guest
}

func newSimHall(t *testing.T, seed uint64) *simHall {
	t.Helper()
	k := sim.New(seed)
	h := &simHall{t: t, kernel: k, port: 20000, guests: map[netip.AddrPort]*guest{}}
	h.hall = newHall(t, loop.NewOn(wire{k, h}), netip.MustParseAddrPort("192.0.2.1:5004"))
	return h
}

// wire is a simulated kernel that shows the guests what it was given for them, also what is lost on the way.
type wire struct {
	*sim.Kernel
	hall *simHall
}

func (w wire) Sendmmsg(fd int, messages []loop.Message) (int, error) {
	n, err := w.Kernel.Sendmmsg(fd, messages)
	for i := range messages[:n] {
		g := w.hall.guests[messages[i].Peer()]
		if g == nil {
			continue
		}
		payload, segment := messages[i].Payload(), messages[i].SegmentBytes()
		if segment == 0 {
			segment = len(payload)
		}
		for packet := range slices.Chunk(payload, segment) {
			if !g.wired.begun { // a guest whose numbers wrap at once knows the first one, whatever is lost
				g.came.begin(packet)
			}
			g.wired.packet(g, packet)
		}
	}
	return n, err
}

// guest is a reader, and what has come to it.
type guest struct {
	Reader
	t    *testing.T
	name string
	at   netip.AddrPort
	form Form
	lost int
	// came is what has come, and wired what was sent.
	came, wired opened
	// lastReported is the newest packet of its last report.
	lastReported uint64
}

// opened are packets of one reader, opened by another implementation.
type opened struct {
	opener *pion.Context
	// packets are by their index, and highest is the newest one's.
	packets map[uint64][]byte
	highest uint64
	begun   bool
	again   int
	probes  int
}

// isProbe reports whether a packet is filler data. Probes have no header extension.
func isProbe(p []byte) bool { return rtp.IsFiller(media.H264, p[rtp.HeaderBytes:]) && p[0]&0x10 == 0 }

// begin notes the first packet.
func (o *opened) begin(p []byte) {
	o.begun, o.highest = true, uint64(binary.BigEndian.Uint16(p[2:]))
	_, _ = o.opener.DecryptRTP(nil, p, nil) // so that the opener knows the rollover counter
}

// keysOf makes keys and a salt for a profile.
func keysOf(p srtp.Profile, seed byte) []byte {
	key := make([]byte, p.KeyBytes())
	for i := range key {
		key[i] = seed*31 + byte(i)*7
	}
	return key
}

// enters has somebody come, whose first packet has this index.
func (h *simHall) enters(name string, profile srtp.Profile, form Form, first uint64) *guest {
	h.t.Helper()
	h.port += 2
	h.keys++
	g := &guest{t: h.t, name: name, form: form}
	ours := keysOf(profile, h.keys)
	keys, err := srtp.NewPrivate(profile, ours, keysOf(profile, h.keys+100), testSSRC, min(first, 1<<15-1))
	if err != nil {
		h.t.Fatal(err)
	}
	if n := first - keys.Next(); n > 0 { // packets that nobody gets
		blank := bytes.Repeat(append([]byte{0x80}, make([]byte, 11)...), int(n))
		if _, err := keys.SealRun(nil, blank, 12, srtp.Origin{}); err != nil {
			h.t.Fatal(err)
		}
	}
	kind := pion.ProtectionProfileAeadAes128Gcm
	if profile == srtp.AES128CMHMACSHA1 {
		kind = pion.ProtectionProfileAes128CmHmacSha1_80
	}
	for _, o := range []*opened{&g.came, &g.wired} {
		if o.opener, err = pion.CreateContext(ours[:16], ours[16:], kind); err != nil {
			h.t.Fatal(err)
		}
		o.packets = map[uint64][]byte{}
	}
	h.listen(g)
	if err := h.fan.Join(&g.Reader, Address{Socket: h.socket, Peer: g.at}, form, profile, keys, g); err != nil {
		h.t.Fatal(err)
	}
	return g
}

// listen has the guest listen at another address.
func (h *simHall) listen(g *guest) {
	h.t.Helper()
	h.port += 2
	g.at = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), h.port)
	peer, err := h.kernel.NewUDPPeer(g.at)
	if err != nil {
		h.t.Fatal(err)
	}
	peer.OnReceive(func(d sim.Datagram) { g.came.packet(g, d.Payload) })
	h.guests[g.at] = g
}

func (g *guest) Lost(error) { g.lost++ }

// packet takes a packet: one with an index that has come before must be the same.
func (o *opened) packet(g *guest, p []byte) {
	if !o.begun {
		o.begin(p)
	}
	plain, err := o.opener.DecryptRTP(nil, p, nil)
	if err != nil {
		g.t.Fatalf("%s: %v", g.name, err)
	}
	sequence := binary.BigEndian.Uint16(p[2:])
	index := o.highest + uint64(int64(int16(sequence-uint16(o.highest))))
	o.highest = max(o.highest, index)
	if before := o.packets[index]; before != nil {
		if o.again++; !bytes.Equal(before, plain) {
			g.t.Fatalf("%s: two different packets were sealed with index %d:\n%x\n%x", g.name, index, before, plain)
		}
		return
	}
	o.packets[index] = plain
	if isProbe(plain) {
		o.probes++
		return
	}
	var h pionrtp.Header
	if _, err := h.Unmarshal(plain); err != nil || h.PayloadType != g.form.PayloadType || h.SSRC != testSSRC {
		g.t.Fatalf("%s: %v, %v", g.name, h, err)
	}
	if e := h.GetExtension(g.form.PlayoutDelayID); g.form.PlayoutDelayID > 0 &&
		!bytes.Equal(e, []byte{byte(g.form.DelayMin >> 4), byte(g.form.DelayMin<<4) | byte(g.form.DelayMax>>8), byte(g.form.DelayMax)}) {
		g.t.Fatalf("%s: the extension is %x", g.name, e)
	}
}

// missing are the sequence numbers that have not come, up to the highest.
func (g *guest) missing() (all []uint16) {
	lowest := g.came.highest
	for index := range g.came.packets {
		lowest = min(lowest, index)
	}
	for index := lowest; index < g.came.highest; index++ {
		if g.came.packets[index] == nil {
			all = append(all, uint16(index))
		}
	}
	return all
}

// sent is a frame as a guest has it.
type sent struct{ number, needs, timestamp uint64 }

// whole are the frames that have come whole, in their order.
func (g *guest) whole() (all []sent) {
	g.t.Helper()
	var indices []uint64
	for index := range g.came.packets {
		indices = append(indices, index)
	}
	slices.Sort(indices)
	var unit []byte
	begun, last := false, uint64(0)
	for _, index := range indices {
		var p pionrtp.Packet
		if err := p.Unmarshal(g.came.packets[index]); err != nil {
			g.t.Fatal(err)
		}
		if index != last+1 || isProbe(g.came.packets[index]) {
			begun = false
		}
		if last = index; isProbe(g.came.packets[index]) {
			continue
		}
		switch payload := p.Payload; {
		case payload[0]&31 == 28 && payload[1]&0x80 != 0:
			begun, unit = true, append([]byte{payload[0]&0xe0 | payload[1]&31}, payload[2:]...)
		case payload[0]&31 == 28:
			unit = append(unit, payload[2:]...)
		default:
			begun, unit = true, append([]byte(nil), payload...)
		}
		if !p.Marker || !begun {
			continue
		}
		begun = false
		f := sent{binary.BigEndian.Uint64(unit[1:]), binary.BigEndian.Uint64(unit[9:]), uint64(p.Timestamp)}
		for i := 17; i < len(unit); i++ {
			if unit[i] != byte(i)+byte(f.number) {
				g.t.Fatalf("%s: byte %d of frame %d is wrong", g.name, i, f.number)
			}
		}
		all = append(all, f)
	}
	return all
}

// decodes fails unless each frame that has come can be decoded, and returns their numbers.
func (g *guest) decodes() (numbers []uint64) {
	g.t.Helper()
	has := map[uint64]bool{}
	for _, f := range g.whole() {
		if len(numbers) > 0 && f.number <= numbers[len(numbers)-1] {
			g.t.Errorf("%s: frame %d comes after frame %d", g.name, f.number, numbers[len(numbers)-1])
		}
		if f.number != f.needs && !has[f.needs] {
			g.t.Errorf("%s: frame %d comes, which needs frame %d", g.name, f.number, f.needs)
		}
		has[f.number] = true
		numbers = append(numbers, f.number)
	}
	return numbers
}

// fill fills the socket, for about a quarter of a second.
func (h *simHall) fill() {
	h.t.Helper()
	h.port += 2
	sink := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), h.port)
	h.kernel.SetLink(netip.PrefixFrom(sink.Addr(), 32), sim.Link{BytesPerSecond: 1_000_000})
	peer, err := h.kernel.NewUDPPeer(sink)
	if err != nil {
		h.t.Fatal(err)
	}
	peer.CountOnly()
	for {
		err := h.socket.SendTo(make([]byte, 60_000), sink, netip.Addr{})
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// numbers are the whole numbers from one to another.
func numbers(from, to uint64) (all []uint64) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// has fails unless these frames have come whole, and nothing else.
func (g *guest) has(want ...uint64) {
	g.t.Helper()
	if got := g.decodes(); !slices.Equal(got, want) || g.Frames() != uint64(len(want)) {
		g.t.Errorf("%s has frames %v, and %d are counted; want %v", g.name, got, g.Frames(), want)
	}
}
