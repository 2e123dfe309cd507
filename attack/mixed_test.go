package attack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// stalling is how many of those who watch in a way stall at times.
	stalling = 3
	// smallBuffer is the kernel's buffer of those who stall, which is soon full, and usualBuffer that of those who go on.
	smallBuffer, usualBuffer = 4096, 1 << 20
	// card is the pictures of both streams: at this rate the viewers, who are in this process, take them all, and in 3 s
	// there are more JPEGs than the kernel holds for one who takes none, and than that one may be behind.
	card = "size=640x480&fps=15"
	// mostStalledAge is how many times as old as without stalled viewers the 99th percentile of frames may be.
	mostStalledAge = 1.3
	// mostGrowth is by how much the daemon's memory may grow, in megabytes a minute.
	mostGrowth = 0.2
)

// mixed is a daemon with a stream of JPEG and one of H.264, and those who watch them in five ways.
type mixed struct {
	t      *testing.T
	daemon *daemon
	ways   []way
	keeper *timekeeper
	// viewers are those who never stall, by their ways.
	viewers [][]*viewer
	// sizes are samples of the daemon's memory, in megabytes, and minutes when they were taken since it began.
	minutes, sizes []float64
	began          time.Time
}

// ofEach is how many watch in each way.
func ofEach() int {
	if *full {
		return 100
	}
	return 25
}

// newMixed starts a daemon and has all watch who never stall.
func newMixed(t *testing.T) *mixed {
	t.Helper()
	m := &mixed{t: t, keeper: newTimekeeper(), began: time.Now()}
	m.daemon = startDaemon(t, surroundings{http: true, card: card, args: []string{filmName + "=testcard:?encode=h264&bitrate=2M&keyframe=1s&" + card}})
	film := func(watch func(netip.Addr, target) (*viewer, error), keeper *timekeeper) func(netip.Addr, target) (*viewer, error) {
		return func(ip netip.Addr, to target) (*viewer, error) {
			to.stream, to.coded, to.keeper = filmName, true, keeper
			return watch(ip, to)
		}
	}
	// Every second one who watches by RTSP watches H.264.
	both := func(watch func(netip.Addr, target) (*viewer, error)) func(netip.Addr, target) (*viewer, error) {
		coded := film(watch, nil)
		return func(ip netip.Addr, to target) (*viewer, error) {
			if ip.As4()[3]%2 == 0 {
				return coded(ip, to)
			}
			return watch(ip, to)
		}
	}
	m.ways = []way{
		{".mjpg", watchMJPEG(newRegister())}, {".mp4", film(watchMP4, nil)},
		{"RTSP over TCP", both(watchTCP)}, {"RTSP over UDP", both(watchUDP)}, {"WebRTC", film(watchWebRTC, nil)},
	}
	keeper, err := film(watchTCP, m.keeper)(netip.MustParseAddr("127.0.100.1"), m.daemon.target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keeper.close)
	for i := range m.ways {
		m.viewers = append(m.viewers, m.come(i, 0, ofEach()-stalling))
	}
	return m
}

// come has so many watch in a way, some at once, and waits until each is sent the stream.
func (m *mixed) come(i, from, count int) []*viewer {
	m.t.Helper()
	came, faults := make([]*viewer, count), make([]error, count)
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for n := range came {
		turns <- struct{}{}
		ip := netip.AddrFrom4([4]byte{127, 0, byte(101 + i), byte(from + n + 1)})
		all.Go(func() {
			came[n], faults[n] = m.ways[i].watch(ip, m.daemon.target)
			<-turns
		})
	}
	all.Wait()
	for _, v := range came {
		if v != nil {
			m.t.Cleanup(v.close)
		}
	}
	if err := errors.Join(faults...); err != nil {
		m.t.Fatalf("%s: %v", m.ways[i].name, err)
	}
	for _, v := range came {
		<-v.first
	}
	return came
}

// outcome is what the viewers of a way have got who never stall.
type outcome struct {
	result
	missed int
}

// run has others watch too, who stall for a while if they are to, and says what the viewers get meanwhile.
func (m *mixed) run(during time.Duration, stall bool) (got []outcome) {
	m.t.Helper()
	var others []*viewer
	for i := range m.ways {
		others = append(others, m.come(i, ofEach()-stalling, stalling)...)
	}
	over := time.NewTimer(during + time.Second)
	again := time.NewTimer(during)
	for _, all := range m.viewers {
		for _, v := range all {
			v.take()
		}
	}
	before := m.missed()
	if stall {
		for _, v := range others {
			v.reads.Lock()
			_ = v.socket.SetReadBuffer(smallBuffer)
		}
	}
	m.wait(again)
	if stall {
		for _, v := range others {
			_ = v.socket.SetReadBuffer(usualBuffer)
			v.reads.Unlock()
		}
	}
	m.wait(over)
	after := m.missed()
	for i, all := range m.viewers {
		o := outcome{missed: after[i] - before[i]}
		for _, v := range all {
			tally := v.take()
			tally.ages = append(tally.ages, m.keeper.ages(tally.endings)...)
			o.add(tally)
		}
		m.t.Logf("stalled %5v, %-13s: %v, %d ages, %d times something was missing", stall, m.ways[i].name, &o.result, len(o.ages), o.missed)
		got = append(got, o)
	}
	behind := make([]int, len(m.ways))
	for i, v := range others {
		if v.gaps() > 0 || v.wasLeft() {
			behind[i/stalling]++
		}
		v.close()
	}
	m.t.Logf("of the others so many have missed something so far, or were ended, by ways: %v", behind)
	return got
}

// missed is how often something was missing, by ways.
func (m *mixed) missed() (sums []int) {
	for _, all := range m.viewers {
		sum := 0
		for _, v := range all {
			sum += v.gaps()
		}
		sums = append(sums, sum)
	}
	return sums
}

// judge says what is wrong with what was got beside stalled viewers, and by how much frames of each way are older.
func (m *mixed) judge(without, with []outcome) (older []float64, err error) {
	var all []error
	for i, o := range with {
		beside := without[i]
		switch share := float64(o.frames+len(m.viewers[i])) / float64(max(beside.frames, 1)); {
		case o.missed > 0:
			all = append(all, fmt.Errorf("%s: something was missing %d times beside stalled viewers", m.ways[i].name, o.missed))
		case o.silent > 0 || len(o.ages) == 0 || len(beside.ages) == 0:
			all = append(all, fmt.Errorf("%s: %d viewers got nothing, and %d ages are known", m.ways[i].name, o.silent, len(o.ages)))
		case share < leastFrames:
			all = append(all, fmt.Errorf("%s: %.1f %% of the frames", m.ways[i].name, 100*share))
		}
		older = append(older, float64(o.p99())/float64(max(beside.p99(), 1)))
	}
	return older, errors.Join(all...)
}

// TestStalledViewers has 100 viewers watch in each of five ways: .mjpg, .mp4, RTSP over TCP and over UDP, WebRTC. Three of
// each stall for 20 s. The others lose nothing and get frames as soon as otherwise, and the daemon's memory does not grow in ten
// minutes. Without -full they are 25, the stalls take 3 s, and ages and memory are told and not judged.
func TestStalledViewers(t *testing.T) {
	m := newMixed(t)
	if !*full {
		var why error
		for range tries {
			older, err := m.judge(m.run(3*time.Second, false), m.run(3*time.Second, true))
			t.Logf("p99 of the ages by ways: %.2f times as high; memory: %+.2f MB a minute", older, m.growth())
			if why = err; why == nil {
				return
			}
			t.Log(why)
		}
		t.Error(why)
		return
	}
	const stalled, runs, grows = 20 * time.Second, 5, 10 * time.Minute
	byWay := make([][]float64, len(m.ways))
	for range runs {
		older, err := m.judge(m.run(stalled, false), m.run(stalled, true))
		if err != nil {
			t.Error(err)
		}
		for i, o := range older {
			byWay[i] = append(byWay[i], o)
		}
	}
	for i, all := range byWay {
		if age := median(all); age > mostStalledAge {
			t.Errorf("%s: the 99th percentile of the frames' ages is %.2f times as high", m.ways[i].name, age)
		} else {
			t.Logf("%s: the 99th percentile of the frames' ages is %.2f times as high", m.ways[i].name, age)
		}
	}
	m.growth()
	for end := time.Now().Add(grows); time.Now().Before(end); {
		m.run(stalled, true)
	}
	if grown := m.growth(); grown > mostGrowth {
		t.Errorf("the daemon's memory grows by %.2f MB a minute", grown)
	}
}

// wait waits until a timer is due, and samples meanwhile how much memory the daemon has.
func (m *mixed) wait(until *time.Timer) {
	m.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-until.C:
			return
		case <-tick.C:
			m.minutes = append(m.minutes, time.Since(m.began).Minutes())
			m.sizes = append(m.sizes, float64(m.daemon.resident(m.t))/(1<<20))
		}
	}
}

// growth is by how many megabytes in a minute the daemon's memory has grown since it was last asked for, by a straight line
// through the samples.
func (m *mixed) growth() (megabytes float64) {
	m.t.Helper()
	megabytes = lineSlope(m.minutes, m.sizes)
	m.t.Logf("memory: %d samples, from %.1f to %.1f MB, %+.2f MB a minute", len(m.sizes), slices.Min(m.sizes), slices.Max(m.sizes), megabytes)
	m.minutes, m.sizes = nil, nil
	return megabytes
}

// lineSlope is the slope of the straight line through points with the least squares.
func lineSlope(x, y []float64) float64 {
	mean := func(values []float64) (sum float64) {
		for _, v := range values {
			sum += v / float64(len(values))
		}
		return sum
	}
	mx, my := mean(x), mean(y)
	var xy, xx float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
	}
	return xy / max(xx, 1e-9)
}
