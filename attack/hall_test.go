package attack

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

var full = flag.Bool("full", false, "attack with the full load, for longer, and judge the ages of frames too")

// load is a full load, or a tenth of it.
func load(n int) int {
	if *full {
		return n
	}
	return max(1, n/10)
}

const (
	// viewers is how many watch.
	viewers = 20
	// mostJoining is how long an honest viewer may need to be sent the stream.
	mostJoining = 2 * time.Second
	// leastFrames is the share of the frames of the run beside, and mostAge how many times
	// as old they may be (the 99th percentile).
	leastFrames = 0.99
	mostAge     = 1.5
)

// hall is a daemon and its viewers.
type hall struct {
	t       *testing.T
	daemon  *daemon
	viewers []*viewer
	// ways are those by which viewers watch, and comers those of viewers who come meanwhile.
	ways, comers []way
	joined       int
}

// way is how a viewer watches.
type way struct {
	name  string
	watch func(netip.Addr, target) (*viewer, error)
}

var ways = []way{{"RTSP over UDP", watchUDP}, {"join", joinUDP}, {"RTSP over TCP", watchTCP}}

// overTLS is one more, if the daemon has TLS.
var overTLS = way{"RTSP over TLS", watchTLS}

// newHall starts a daemon and has the viewers watch, in all ways.
func newHall(t *testing.T, s surroundings) *hall {
	t.Helper()
	if !*full && !s.alone {
		t.Parallel() // a tenth of the load leaves room for another attack, and a pair of runs that is disturbed is repeated
	}
	// Those who come over TCP would ask as those over UDP do.
	h := &hall{t: t, daemon: startDaemon(t, s), ways: ways, comers: ways[:2]}
	if s.tls {
		h.ways, h.comers = append(slices.Clone(ways), overTLS), []way{ways[0], overTLS}
	}
	if s.webrtc {
		h.ways, h.comers = append(slices.Clone(ways), overWebRTC), []way{ways[0], overWebRTC}
	}
	for i := range viewers {
		v, err := h.ways[i%len(h.ways)].watch(viewerAddress(i), h.daemon.target)
		if err != nil {
			t.Fatalf("viewer %d: %v", i, err)
		}
		t.Cleanup(v.close)
		h.viewers = append(h.viewers, v)
	}
	for _, v := range h.viewers {
		<-v.first
	}
	return h
}

// viewerAddress is the address of a viewer, none of which is an attacker's.
func viewerAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}) }

// joinAll has others come, in all ways, while an attack runs for a while; twelve with the full
// load. The function that it returns waits until each is sent the stream, or has given up, and
// says how long that took.
func (h *hall) joinAll(during time.Duration) (took func() []joining) {
	count := 4
	if *full {
		count = 12
	}
	all := make([]joining, count)
	var group sync.WaitGroup
	for i := range all {
		w := h.comers[i%len(h.comers)]
		h.joined++
		ip := netip.AddrFrom4([4]byte{127, 0, byte(2 + h.joined>>8), byte(h.joined)})
		start := time.NewTimer(during * time.Duration(i+1) / time.Duration(2*count))
		group.Go(func() {
			<-start.C
			all[i] = h.join(w, ip)
		})
	}
	return func() []joining {
		group.Wait()
		return all
	}
}

// joining is what became of one who came.
type joining struct {
	how  string
	took time.Duration
	err  error
}

func (h *hall) join(w way, ip netip.Addr) (j joining) {
	j.how = w.name
	began := time.Now()
	v, err := w.watch(ip, h.daemon.target)
	if err == nil {
		defer v.close()
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case <-v.first:
		case <-late.C:
			err = errors.New("nothing is sent to it")
		}
	}
	j.took, j.err = time.Since(began), err
	return j
}

// result is what came of one run.
type result struct {
	frames      int
	silent      int // viewers who got none
	ages        []time.Duration
	joins       []joining
	sent, bytes uint64
	fault       error
}

func (r *result) add(t tally) {
	if r.frames += t.frames; t.frames == 0 {
		r.silent++
	}
	r.ages = append(r.ages, t.ages...)
}

// p99 is the 99th percentile of the ages.
func (r *result) p99() time.Duration {
	if len(r.ages) == 0 {
		return 0
	}
	slices.Sort(r.ages)
	return r.ages[len(r.ages)*99/100]
}

func (r *result) String() string {
	return fmt.Sprintf("%d frames, p99 age %v, %d sends, %d bytes", r.frames, r.p99().Round(10*time.Microsecond), r.sent, r.bytes)
}

// tries is how many pairs of runs there are at most with a tenth of the load: the first one that
// passes is enough, as other work on the machine disturbs a short run more than a small attack
// may. What an attack itself does to viewers it does in each.
const tries = 5

// pairs is how many pairs of runs there are with the full load, of which the median counts.
const pairs = 3

// judge runs an attack beside the hall's viewers, and fails the test if it disturbs them.
func (h *hall) judge(attack func(*testing.T, *strike)) {
	h.t.Helper()
	discarder := startDiscarder(h.t)
	if !*full {
		var why error
		for range tries {
			p := h.pair(1200*time.Millisecond, discarder, attack)
			if why = p.judge(); why == nil {
				return
			}
			h.t.Log(why)
		}
		h.t.Error(why)
		return
	}
	var shares, ages []float64
	for range pairs {
		p := h.pair(10*time.Second, discarder, attack)
		if err := p.others(); err != nil {
			h.t.Error(err)
		}
		shares, ages = append(shares, p.share()), append(ages, p.age())
	}
	if share := median(shares); share < leastFrames {
		h.t.Errorf("the viewers get %.1f %% of the frames", 100*share)
	}
	if age := median(ages); age > mostAge {
		h.t.Errorf("the 99th percentile of the frames' ages is %.2f times as high", age)
	}
}

// runs are two runs of an attack, one after the other.
type runs struct{ beside, attacked result }

// pair runs an attack twice.
func (h *hall) pair(during time.Duration, discarder target, attack func(*testing.T, *strike)) (p runs) {
	h.t.Helper()
	p.beside = run(h.t, during, h, discarder, attack)
	if p.beside.silent > 0 {
		h.t.Fatalf("%d viewers get nothing any more without an attack", p.beside.silent)
	}
	p.attacked = run(h.t, during, h, h.daemon.target, attack)
	for i, v := range h.viewers {
		if v.wasLeft() {
			h.t.Fatalf("viewer %d was told goodbye", i)
		}
	}
	h.t.Logf("discarded: %v; attacked: %v", &p.beside, &p.attacked)
	return p
}

// judge says what is wrong with a pair, nil if nothing is.
func (p *runs) judge() error {
	if share := p.share(); share < leastFrames {
		return fmt.Errorf("the viewers get %.1f %% of the frames", 100*share)
	}
	return p.others()
}

// share is the share of the frames that the viewers get. One frame at the end of each run may be in
// another.
func (p *runs) share() float64 {
	return float64(p.attacked.frames+viewers) / float64(max(p.beside.frames, 1))
}

// age is how many times as old the frames are.
func (p *runs) age() float64 { return float64(p.attacked.p99()) / float64(max(p.beside.p99(), 1)) }

// others says what is wrong with those who came meanwhile, and with what the daemon answered.
func (p *runs) others() error {
	for _, j := range p.attacked.joins {
		if j.err != nil || j.took > mostJoining {
			return fmt.Errorf("one who came by %s was sent the stream after %v: %v", j.how, j.took, j.err)
		}
	}
	return p.attacked.fault
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
