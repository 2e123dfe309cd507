package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// The full hall: as many readers as a thread can serve at 30 frames/s, on the veth pair,
// for ten seconds. Some of the readers are real, and check every packet; the far
// interface's counter says whether all the others were sent theirs.
const (
	hallSeconds = 10
	mostHall    = 10000
	hallReal    = 20
	// hallFirst frames are sent before the rate counts, as fast as they go: nobody's readers
	// all come in the same instant. They are in all other figures.
	hallFirst = 2
	// headerBytes is what Ethernet, IPv4 and UDP put before a message. A segmented one
	// crosses a veth pair whole, with one header.
	headerBytes = 14 + 20 + 8
)

// BenchmarkHall reports, for each number of readers, with a message for each and with
// copies that the kernel makes, how many frames they missed, whether the bytes that
// arrived are those that were owed, and how old a frame is when the last reader has it. It
// fails if bytes are missing but for lags, and if the full hall, with copies, has lags or
// frames older than an interval.
func BenchmarkHall(b *testing.B) {
	for _, way := range []struct{ name, cloneAt string }{{"clones", rig.Device}, {"messages", ""}} {
		for _, readers := range []int{2500, 5000, mostHall} {
			b.Run(fmt.Sprintf("net=veth/send=%s/readers=%d", way.name, readers), func(b *testing.B) {
				for range b.N {
					fillHall(b, readers, way.cloneAt)
				}
			})
		}
	}
}

func fillHall(b *testing.B, readers int, cloneAt string) {
	if _, err := exec.LookPath("nft"); err != nil {
		skip(b, "absent: the hall needs Debian's package nftables")
	}
	r := needRig(b, "veth")
	for _, namespace := range []string{r.Near, r.Far} { // IPv6 would talk by itself
		must(b, rig.IP("netns exec "+namespace+" sysctl -qw net.ipv6.conf.all.disable_ipv6=1"))
	}
	must(b, r.DropEarly(hallReal))
	checks := newChecks(b, r)
	m := newBroadcast(b, r, readers)
	m.CloneAt = cloneAt
	before := farBytes(b, r)
	err := r.Do(m.start)
	if errors.Is(err, errors.ErrUnsupported) {
		skip(b, fmt.Sprintf("absent: the hall with clones: %v", err))
	}
	must(b, err)
	checks.start(m.frame.Picture)
	for range hallFirst {
		must(b, m.send())
	}

	cpu, frames := measure.UsageOf(os.Getpid()).CPU, 0
	ctx, done := context.WithCancel(context.Background())
	due := m.Loop.Now() + 10*time.Millisecond
	var beat *loop.Timer
	beat = m.Loop.NewTimer(func() {
		if frames == hallSeconds*framesPerSecond {
			done()
			return
		}
		frames++
		if err := m.Publish(m.frame.Picture, m.Loop.Now()); err != nil {
			b.Error(err)
		}
		due += time.Second / framesPerSecond
		beat.Set(due)
	})
	beat.Set(due)
	must(b, m.Loop.Run(ctx))
	for m.Stream.Swept() < uint64(hallFirst+frames)-m.lagsPerReader(readers) {
		if _, err := m.Loop.Turn(time.Second); err != nil {
			b.Fatal(err)
		}
	}
	cpu = measure.UsageOf(os.Getpid()).CPU - cpu
	figures := m.Stream.Figures()
	control := m.Cast.RTCPSockets()
	missed := figures.Lags
	published := uint64(hallFirst + frames)
	owed := (published*uint64(readers)-missed)*uint64(len(m.frame.Packets.Bytes)+headerBytes) + control.Bytes + control.Messages*headerBytes
	arrived := farBytes(b, r) - before
	must(b, m.Close())
	whole := checks.finish()
	if arrived != owed {
		b.Errorf("%d bytes arrived, %d were owed", arrived, owed)
	}
	if want := hallReal * m.Stream.Swept(); whole != want {
		b.Errorf("%d whole frames at the readers that check, want %d", whole, want)
	}
	age := figures.LastAge.Quantile(0.99)
	if full := cloneAt != "" && readers == mostHall; full && (missed > 0 || age > time.Second/framesPerSecond) {
		b.Errorf("%d frames were missed, and the last reader had them after %v", missed, age)
	}
	b.ReportMetric(float64(missed)/float64(readers), "lags/reader")
	b.ReportMetric(milliseconds(age), "p99-age-ms")
	b.ReportMetric(cpu.Seconds()/hallSeconds*100, "cpu-%")
	b.ReportMetric(float64(arrived)/float64(owed), "arrived/owed")
	b.ReportMetric(0, "ns/op")
}

// lagsPerReader is how many frames the sweep has passed over.
func (m *broadcast) lagsPerReader(readers int) uint64 {
	return m.Stream.Figures().Lags / uint64(readers)
}

// farBytes is what has arrived at the far interface.
func farBytes(tb testing.TB, r *rig.Rig) uint64 {
	tb.Helper()
	out, err := exec.Command("ip", "netns", "exec", r.Far, "cat", "/sys/class/net/ccrx/statistics/rx_bytes").Output()
	must(tb, err)
	n, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	must(tb, err)
	return n
}

// checks are readers at the far end who look at every packet.
type checks struct {
	b       *testing.B
	loop    *loop.Loop
	stop    context.CancelFunc
	stopped chan error
	whole   uint64
	want    []byte // the scan
}

func newChecks(b *testing.B, r *rig.Rig) *checks {
	b.Helper()
	c := &checks{b: b, stopped: make(chan error, 1)}
	var err error
	c.loop, err = loop.New()
	must(b, err)
	for i := range hallReal {
		reader := r.Reader(i)
		must(b, rig.IP(fmt.Sprintf("-n %s addr add %v/32 dev lo", r.Far, reader.Addr())))
		must(b, rig.Within(r.Far, func() error { return c.open(reader) }))
	}
	return c
}

// open opens a reader, which wants the packets of every frame in a row.
func (c *checks) open(at netip.AddrPort) error {
	var depacketizer rtp.JPEGDepacketizer
	var sequence uint16
	begun := false
	o := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 8 << 20}}
	_, err := udp.Open(c.loop, at, o, func(d udp.Datagram) {
		next := uint16(d.Payload[2])<<8 | uint16(d.Payload[3])
		// A lag passes over whole frames; what is sent of a frame comes whole.
		if begun && (next-sequence-1)%packetsPerFrame != 0 {
			c.b.Errorf("%v: packet %d after %d", at, next, sequence)
		}
		begun, sequence = true, next
		picture, ok, err := depacketizer.Push(d.Payload)
		if err != nil {
			c.b.Errorf("%v: %v", at, err)
		}
		if !ok {
			return
		}
		var img jpeg.Image
		if err := img.Parse(picture); err != nil || !bytes.Equal(img.Scan, c.want) {
			c.b.Errorf("%v: a picture that was not sent (%v)", at, err)
		}
		c.whole++
	})
	return err
}

func (c *checks) start(picture []byte) {
	var img jpeg.Image
	must(c.b, img.Parse(picture))
	c.want = bytes.Clone(img.Scan)
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	go func() { c.stopped <- c.loop.Run(ctx) }()
}

// finish returns how many whole frames came, over all readers that check.
func (c *checks) finish() uint64 {
	_, _ = unix.Poll([]unix.PollFd{{Fd: -1}}, 300) // what is on its way comes within a moment
	c.stop()
	must(c.b, <-c.stopped)
	must(c.b, c.loop.Close())
	return c.whole
}
