package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtcp"
)

// Two thousand readers, which are camview's, keep to the interval of RFC 3550. The stream is
// a small one, as they all receive on one CPU.
const (
	viewersReaders = 2000
	viewersFPS     = 10
	viewersFrame   = 8000
	viewersMinute  = time.Minute
	// viewersPause is how long no frames are sent then, less than a viewer waits for the
	// next one: all that the loop does is to take reports.
	viewersPause = 8 * time.Second
	viewersSlack = 20 * time.Second // until all have come, and at the end
)

// BenchmarkViewers has camview watch as two thousand readers for a minute. It reports what
// their reports cost the loop's thread, and what part of the stream's bandwidth they have,
// of which RTCP is to have 5 % at most.
func BenchmarkViewers(b *testing.B) {
	b.Run(fmt.Sprintf("net=lo/readers=%d", viewersReaders), func(b *testing.B) {
		camview := filepath.Join(b.TempDir(), "camview")
		if out, err := exec.Command("go", "build", "-o", camview, "../cmd/camview").CombinedOutput(); err != nil {
			b.Fatalf("go build: %v\n%s", err, out)
		}
		for range b.N {
			watchByThousands(b, camview)
		}
	})
}

// used is what the loop has used, and what it has heard.
type used struct {
	at, cpu        time.Duration
	reports, bytes uint64
}

func (m *broadcast) used() used {
	c := m.Cast.RTCPSockets()
	return used{m.Loop.Kernel().Monotonic(), threadTime(), c.Received, c.ReceivedBytes}
}

func (u used) since(v used) used {
	return used{u.at - v.at, u.cpu - v.cpu, u.reports - v.reports, u.bytes - v.bytes}
}

func (u used) corePercent() float64 { return 100 * u.cpu.Seconds() / u.at.Seconds() }

func watchByThousands(b *testing.B, camview string) {
	r := needRig(b, "lo")
	m := newBroadcast(b, r, 0)
	framer, err := model.NewFramer(viewersFrame)
	must(b, err)
	m.frame, err = framer.Next()
	must(b, err)
	m.to.FramesPerSecond = viewersFPS
	m.RTSP = netip.MustParseAddrPort("127.0.0.1:0")
	must(b, r.Do(m.start))
	runtime.LockOSThread() // the thread's time is to be the loop's
	defer runtime.UnlockOSThread()

	args := rig.Command(r.Near, -1, camview, "--json", "--readers", fmt.Sprint(viewersReaders),
		"--duration", (viewersMinute + viewersPause + viewersSlack).String(), fmt.Sprintf("rtsp://127.0.0.1:%d/bench", m.Front.Port()))
	cmd := exec.Command(args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	p := m.phases(b)
	m.runUntil(b, cmd.Run)
	must(b, m.Close())

	var summary struct {
		Served  int    `json:"readers_served"`
		Frames  uint64 `json:"frames"`
		Lost    uint64 `json:"frames_lost"`
		Skipped uint64 `json:"frames_skipped"`
	}
	must(b, json.Unmarshal(out.Bytes(), &summary))
	if summary.Served != viewersReaders || p.pause.at == 0 {
		b.Fatalf("%d of %d readers got pictures: %s", summary.Served, viewersReaders, out.String())
	}
	const headers = 28 // IPv4 and UDP
	stream := float64(len(m.frame.Packets.Bytes)+m.frame.Packets.Count*headers) * viewersFPS
	share := 100 * float64(p.minute.bytes+p.minute.reports*headers) / p.minute.at.Seconds() / stream
	if most := 100 * rtcp.BandwidthShare; share > most {
		b.Errorf("reports have %.2f %% of the stream's bandwidth, want at most %v", share, most)
	}
	if cost := p.pause.corePercent(); cost > mostFeedback {
		b.Errorf("reports take %.2f %% of a core, want at most %d", cost, mostFeedback)
	}
	b.ReportMetric(float64(p.minute.reports)/p.minute.at.Seconds(), "reports/s")
	b.ReportMetric(share, "rtcp-%-of-stream")
	b.ReportMetric(p.pause.corePercent(), "core-%-reports")
	b.ReportMetric(float64(p.pause.reports)/p.pause.at.Seconds(), "reports/s-then")
	b.ReportMetric(p.minute.corePercent(), "core-%-all")
	lost := summary.Lost + summary.Skipped
	b.ReportMetric(100*float64(lost)/float64(max(summary.Frames+lost, 1)), "frames-lost-%")
	b.ReportMetric(0, "ns/op")
}

// phases are the minute in which frames are sent, and the pause after it.
type phases struct{ minute, pause used }

// phases publishes frames at their rate, except in the pause, for as long as the loop runs.
func (m *broadcast) phases(b *testing.B) *phases {
	p := &phases{}
	var full, paused used
	due := m.Loop.Kernel().Monotonic()
	var beat *loop.Timer
	beat = m.Loop.NewTimer(func() {
		switch now := m.used(); {
		case full.at == 0 && m.Stream.Readers() == viewersReaders:
			full = now
		case full.at > 0 && paused.at == 0 && now.at-full.at >= viewersMinute:
			p.minute, paused = now.since(full), now
		case paused.at > 0 && p.pause.at == 0 && now.at-paused.at >= viewersPause:
			p.pause = now.since(paused)
		}
		if paused.at == 0 || p.pause.at > 0 {
			if err := m.Publish(m.frame.Picture, m.Loop.Now()); err != nil {
				b.Error(err)
			}
		}
		due += time.Second / viewersFPS
		beat.Set(due)
	})
	beat.Set(due)
	return p
}
