package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
)

// fullSocket is a reader over UDP behind a network interface of its own, which sends a packet
// in a second or two: what waits there fills the socket. nil: there is none.
type fullSocket struct {
	b      *testing.B
	near   string
	reader *cast.UDPReader
	loop   *loop.Loop
	// next is the sequence number after the newest frame when the interface became fast:
	// the first whole frame should be that one, or a later one.
	next    int
	resumed bool
	first   chan error
}

var (
	fullSource = netip.MustParseAddr("10.97.0.1")
	fullReader = netip.MustParseAddrPort("10.97.0.2:5004")
)

const slowQueue = "tbf rate 8kbit burst 3000 limit 400000000"

// newFullSocket makes the interface, and the machine at its other end.
func newFullSocket(b *testing.B, r *rig.Rig) *fullSocket {
	b.Helper()
	if missing := rig.Missing(); missing != "" {
		absent = append(absent, "absent: a reader behind a full socket needs "+missing)
		return nil
	}
	f := &fullSocket{b: b, near: r.Near, first: make(chan error, 1)}
	far := rig.NewName() + "-full"
	must(b, rig.All("netns add "+far,
		fmt.Sprintf("link add ccs0 netns %s type veth peer name ccs1 netns %s", r.Near, far),
		"-n "+r.Near+" addr add 10.97.0.1/24 dev ccs0", "-n "+far+" addr add 10.97.0.2/24 dev ccs1",
		"-n "+r.Near+" link set ccs0 up", "-n "+far+" link set ccs1 up"))
	b.Cleanup(func() { must(b, rig.IP("netns del "+far)) })
	var err error
	f.loop, err = loop.New()
	must(b, err)
	must(b, rig.Within(far, func() error {
		var depacketizer rtp.JPEGDepacketizer
		_, err := udp.Open(f.loop, fullReader, udp.Options{}, func(d udp.Datagram) {
			_, whole, err := depacketizer.Push(d.Payload)
			if f.resumed && (whole || err != nil) {
				f.resumed = false
				f.first <- f.newest(binary.BigEndian.Uint16(d.Payload[2:]), err)
			}
		})
		return err
	}))
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- f.loop.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		must(b, <-stopped)
		must(b, f.loop.Close())
	})
	return f
}

// newest says what is wrong with the first frame, if anything.
func (f *fullSocket) newest(last uint16, err error) error {
	if behind := int16(uint16(f.next) - 1 - last); err == nil && behind > 0 {
		return fmt.Errorf("the first frame after a full socket is %d packets behind the newest", behind)
	}
	return err
}

// join has the reader join, and be stuck.
func (f *fullSocket) join(m *broadcast) {
	if f == nil {
		return
	}
	must(f.b, rig.IP("netns exec "+f.near+" tc qdisc add dev ccs0 root "+slowQueue))
	at := cast.Address{RTP: fullReader, RTCP: netip.AddrPortFrom(fullReader.Addr(), fullReader.Port()+1), Source: fullSource}
	// The socket for its source is opened by this.
	must(f.b, rig.Within(f.near, func() (err error) {
		f.reader, err = m.Stream.Join(at, nil)
		return err
	}))
}

// resume has the interface be fast, and wants the newest frame, whole.
func (f *fullSocket) resume(m *broadcast) {
	if f == nil {
		return
	}
	next := int(m.Stream.NextSequence())
	told := make(chan struct{})
	must(f.b, f.loop.Post(func() { f.next, f.resumed = next, true; close(told) }))
	<-told
	m.whileServing(f.b, func() error {
		if err := rig.IP("netns exec " + f.near + " tc qdisc del dev ccs0 root"); err != nil {
			return err
		}
		select {
		case err := <-f.first:
			return err
		case <-time.After(20 * time.Second):
			return fmt.Errorf("nothing came after a full socket")
		}
	})
	f.reader.Leave()
}
