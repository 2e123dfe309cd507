package bench

import (
	"context"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

const (
	feedbackReaders  = 10000
	feedbackInterval = 360 * time.Millisecond // ffmpeg's, at 6 Mbit/s
	feedbackSeconds  = 5
	// reportSlices is in how many parts the readers report, one after the other.
	reportSlices = 36
)

// BenchmarkFeedback has ten thousand readers report as often as ffmpeg does, ignoring the
// interval of RFC 3550, and reports what that costs the loop, of a core.
func BenchmarkFeedback(b *testing.B) {
	for b.Loop() {
		r := needRig(b, "lo")
		readers := newBroadcast(b, r, feedbackReaders)
		must(b, r.Do(readers.start))
		var send func(slice int)
		must(b, r.Do(func() (err error) { send, err = reporters(readers); return err }))
		idle, _ := spend(b, readers, func(int) {})
		busy, received := spend(b, readers, send)
		must(b, readers.Close())
		b.ReportMetric(100*busy, "core-%")
		b.ReportMetric(100*idle, "core-%-idle")
		b.ReportMetric(received/feedbackSeconds, "read/s")
		b.ReportMetric(feedbackReaders/feedbackInterval.Seconds(), "sent/s")
		b.ReportMetric(0, "ns/op")
	}
}

// reporters opens a socket that reports come from, each from its reader's address.
func reporters(b *broadcast) (send func(slice int), err error) {
	k, err := loop.NewKernel()
	if err != nil {
		return nil, err
	}
	port := b.to.Readers[0].Port() + 1
	fd, err := k.OpenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), port), loop.UDPOptions{SendBufferBytes: 8 << 20})
	if err != nil {
		return nil, err
	}
	report := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 1, SSRC: 2}, "reader")
	var to loop.Address
	var payload loop.Vector
	to.Set(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), b.Cast.RTPPort()+1))
	payload.Set(report)
	controls, messages := make([]loop.Control, len(b.to.Readers)), make([]loop.Message, len(b.to.Readers))
	for i, reader := range b.to.Readers {
		controls[i].Set(0, reader.Addr())
		messages[i].Point(&to, &payload, &controls[i])
	}
	return func(slice int) {
		part := messages[slice*len(messages)/reportSlices : (slice+1)*len(messages)/reportSlices]
		for len(part) > 0 {
			n, err := k.Sendmmsg(fd, part[:min(64, len(part))])
			if err != nil && err != unix.EAGAIN {
				panic(err)
			}
			part = part[n:]
		}
	}, nil
}

// spend runs the loop for a while and returns which part of a core its thread has used,
// and how many datagrams it has received.
func spend(b *testing.B, m *broadcast, send func(slice int)) (share, received float64) {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		ticker := time.NewTicker(feedbackInterval / reportSlices)
		defer ticker.Stop()
		for n := range int(feedbackSeconds * time.Second * reportSlices / feedbackInterval) {
			<-ticker.C
			send(n % reportSlices)
		}
		stop()
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := m.Cast.ControlSockets().Received
	began, cpu := time.Now(), threadCPU(b)
	must(b, m.Loop.Run(ctx))
	cpu = threadCPU(b) - cpu
	return cpu.Seconds() / time.Since(began).Seconds(), float64(m.Cast.ControlSockets().Received - before)
}

func threadCPU(b *testing.B) time.Duration {
	var usage unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_THREAD, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
