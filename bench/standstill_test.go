package bench

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/model"
	"golang.org/x/sys/unix"
)

// standstills are when a CPU did not run anything of ours: a virtual machine is not given its
// CPUs all the time. A network that is made of namespaces stands still with them, and a queue in
// it fills that on a real network would have emptied; so whoever measures queues wants to know.
//
// A thread on each CPU, to which all others give way, is woken every standstillTick and notes when
// it was not.
type standstills struct {
	stop    atomic.Bool
	watches sync.WaitGroup
	procs   int

	mu   sync.Mutex
	gaps []span
}

// span is a time, by model.Now.
type span struct{ from, to time.Duration }

const (
	standstillTick = 500 * time.Microsecond
	// leastStandstill is what is noted: below it are the usual delays of timers.
	leastStandstill = time.Millisecond
)

// watchStandstills begins to watch, which takes the right to run threads before all others.
func watchStandstills(b *testing.B) *standstills {
	b.Helper()
	s := &standstills{}
	cpus := runtime.NumCPU()
	// Each watch has a thread of its own, and a place to run it, so that it takes none away.
	s.procs = runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + cpus)
	started := make(chan error, cpus)
	for cpu := range cpus {
		s.watches.Go(func() { s.watch(cpu, started) })
	}
	for range cpus {
		must(b, <-started)
	}
	return s
}

func (s *standstills) watch(cpu int, started chan<- error) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	ticks, err := openTicks(cpu)
	started <- err
	if err != nil {
		return
	}
	defer unix.Close(ticks)
	var missed [8]byte
	for !s.stop.Load() {
		if _, err := unix.Read(ticks, missed[:]); err != nil {
			continue // a signal
		}
		late := time.Duration(binary.NativeEndian.Uint64(missed[:])-1) * standstillTick
		if late >= leastStandstill {
			now := model.Now()
			s.mu.Lock()
			s.gaps = append(s.gaps, span{now - late - standstillTick, now})
			s.mu.Unlock()
		}
	}
}

// openTicks binds the thread to a CPU, puts it before all others, and makes a timerfd(2) that a
// read waits for.
func openTicks(cpu int) (fd int, err error) {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return -1, err
	}
	first := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, &first, 0); err != nil {
		return -1, err
	}
	if fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC); err != nil {
		return -1, err
	}
	tick := unix.NsecToTimespec(standstillTick.Nanoseconds())
	return fd, unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: tick, Value: tick}, nil)
}

// end ends watching and returns when the machine stood still.
func (s *standstills) end() []span {
	s.stop.Store(true)
	s.watches.Wait()
	runtime.GOMAXPROCS(s.procs)
	return s.gaps
}

// overlaps reports whether one of the spans has something in common with another one.
func overlaps(spans []span, other span) bool {
	for _, s := range spans {
		if s.from < other.to && other.from < s.to {
			return true
		}
	}
	return false
}
