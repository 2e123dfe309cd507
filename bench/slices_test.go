package bench

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// BenchmarkSlices measures what frames of several slices cost the sender, on a link that segments:
// each slice as runs of its own, and all of them as one run, with padding. A frame of one slice
// is what both are compared to.
func BenchmarkSlices(b *testing.B) {
	for _, bytes := range []int{8400, 24000} {
		for _, slices := range []int{1, 3, 4, 8} {
			frames := slicedFrames(bytes, slices)
			b.Run(fmt.Sprintf("bytes=%d/slices=%d/runs=own", bytes, slices), func(b *testing.B) { sendSlices(b, frames, true) })
			if slices > 1 {
				b.Run(fmt.Sprintf("bytes=%d/slices=%d/runs=padded", bytes, slices), func(b *testing.B) { sendSlices(b, frames, false) })
			}
		}
	}
}

// slicedFrames makes frames whose slices' sizes vary by a third.
func slicedFrames(bytes, slices int) (frames []media.Frame) {
	random := rand.New(rand.NewPCG(uint64(bytes), uint64(slices)))
	params := &media.Params{Format: media.H264}
	for range 32 {
		f := media.Frame{Params: params}
		for range slices {
			unit := make([]byte, bytes/slices*(100+random.IntN(67)-33)/100)
			unit[0] = 0x41
			f.Bytes = nal.Append(f.Bytes, unit)
		}
		frames = append(frames, f)
	}
	return frames
}

// runsOf lays a frame out: as one, or each slice by itself.
func runsOf(b *testing.B, p *rtp.NALPacketizer, f *media.Frame, own bool) (runs []udp.Run, packets int) {
	b.Helper()
	parts := []media.Frame{*f}
	if own {
		parts = nil
		for rest := f.Bytes; len(rest) > 0; {
			unit, behind, err := nal.Next(rest)
			must(b, err)
			parts = append(parts, media.Frame{Params: f.Params, Bytes: nal.Append(nil, unit)})
			rest = behind
		}
	}
	for i := range parts {
		laid, err := p.Packetize(nil, &parts[i], 0)
		must(b, err)
		for n := range laid.Runs() {
			runs = append(runs, udp.Run{Bytes: laid.Run(n), SegmentBytes: laid.PacketSize})
		}
		packets += laid.Count
	}
	return runs, packets
}

func sendSlices(b *testing.B, frames []media.Frame, own bool) {
	if missing := rig.Missing(); missing != "" {
		skip(b, "slices need "+missing)
	}
	const readers = 1000
	r, err := rig.New("veth")
	must(b, err)
	defer func() { must(b, r.Close()) }()
	packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PayloadType: 96, PacketSize: 1200, RunPackets: 64})
	must(b, err)
	must(b, r.Do(func() error {
		l, err := loop.New()
		must(b, err)
		socket, err := udp.Open(l, netip.AddrPortFrom(netip.IPv4Unspecified(), 0), udp.Options{}, func(udp.Datagram) {})
		must(b, err)
		fan := socket.NewFan()
		for i := range readers {
			fan.Add(r.Reader(i), netip.Addr{})
		}
		runs, packets, bytes := 0, 0, 0
		var laid [][]udp.Run
		for i := range frames {
			list, n := runsOf(b, packetizer, &frames[i], own)
			laid = append(laid, list)
			runs, packets = runs+len(list), packets+n
			for _, run := range list {
				bytes += len(run.Bytes)
			}
		}
		failed := func(int, error) { b.Fatal("a reader could not be sent to") }
		before, sent := cpu(b), 0
		for b.Loop() {
			for _, run := range laid[sent%len(laid)] {
				for position := (udp.Position{}); position.Peer < readers; {
					if position, _ = fan.Send(run, position, fan.All(), failed); position.Peer < readers {
						b.Fatal("the socket is full")
					}
				}
			}
			sent++
		}
		b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/1000/float64(sent*readers), "cpu-us/reader-frame")
		b.ReportMetric(float64(runs)/float64(len(frames)), "runs/frame")
		b.ReportMetric(float64(packets)/float64(len(frames)), "packets/frame")
		b.ReportMetric(float64(bytes)/float64(len(frames)), "bytes/frame")
		must(b, socket.Close())
		return l.Close()
	}))
}

// cpu is the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
