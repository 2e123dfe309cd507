package loop

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// countedWaits is a kernel that counts its waits.
type countedWaits struct {
	Kernel
	waits int
}

func (k *countedWaits) Wait(ready []Ready, timeout time.Duration) (int, error) {
	k.waits++
	return k.Kernel.Wait(ready, timeout)
}

// TestSignalsDoNotEndATurn has signals interrupt the system call all the time (EINTR). It
// makes them with SIGURG, by which Go preempts goroutines, and which does nothing else.
func TestSignalsDoNotEndATurn(t *testing.T) {
	for name, nanoseconds := range map[string]bool{"epoll_pwait2": true, "epoll_wait": false} {
		t.Run(name, func(t *testing.T) {
			kernel, err := NewKernel()
			if err != nil {
				t.Fatal(err)
			}
			kernel.(*linux).nanosecondWait = nanoseconds
			k := &countedWaits{Kernel: kernel}
			l := NewOn(k)
			defer l.Close()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			stop := signalThread(t, unix.Gettid())
			defer stop()
			for _, timeout := range []time.Duration{20 * time.Millisecond, Forever} {
				timer, fires := l.NewTimer(func() {}), 0
				for k.waits = 0; k.waits < 2; { // until a signal has interrupted one
					k.waits = 0
					due := kernel.Monotonic() + 20*time.Millisecond
					if timeout == Forever {
						timer.Set(due)
						fires = 1
					}
					ran, err := l.Turn(timeout)
					if early := due - kernel.Monotonic(); err != nil || ran != fires || early > 0 {
						t.Fatalf("timeout %v: ran %d, %v, and ended %v early", timeout, ran, err, early)
					}
				}
			}
		})
	}
}

// signalThread sends a thread signals until stop is called.
func signalThread(t *testing.T, thread int) (stop func()) {
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !over.Load() {
			if err := unix.Tgkill(unix.Getpid(), thread, unix.SIGURG); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	return func() {
		over.Store(true)
		<-ended
	}
}

// TestEvents has each interest be that of epoll, and back; what is not wanted is told all the same.
func TestEvents(t *testing.T) {
	for want, events := range map[Interest]uint32{
		0: 0, Readable: unix.EPOLLIN, Writable: unix.EPOLLOUT, Urgent: unix.EPOLLPRI, Readable | Urgent: unix.EPOLLIN | unix.EPOLLPRI,
	} {
		if got := epollEvents(want); got != events {
			t.Errorf("interest %#x: events %#x, want %#x", want, got, events)
		}
		if got := interest(events); got != want {
			t.Errorf("events %#x: interest %#x, want %#x", events, got, want)
		}
	}
	if got := interest(unix.EPOLLHUP | unix.EPOLLERR); got != HungUp|Failed || epollEvents(HungUp|Failed) != 0 {
		t.Errorf("failures are %#x", got)
	}
}

func TestMilliseconds(t *testing.T) {
	for timeout, want := range map[time.Duration]int{
		Forever: -1, 0: 0, 1: 1, time.Millisecond - 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 5 * time.Second: 5000,
		(1<<31 - 1) * time.Millisecond: 1<<31 - 1, (1<<31 - 1) * time.Second: 1<<31 - 1,
	} {
		if got := milliseconds(timeout); got != want {
			t.Errorf("%v: %d, want %d", timeout, got, want)
		}
	}
}

// TestWakeOfAFullCounter: a kernel that was woken as often as can be counted is as awake as can be. A wake-up
// that fails for another reason is an error.
func TestWakeOfAFullCounter(t *testing.T) {
	kernel, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	k := kernel.(*linux)
	full := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	full[0]-- // the most that an eventfd holds, on a machine of either byte order
	if [2]byte{1, 0} != *(*[2]byte)(unsafe.Pointer(&[]uint16{1}[0])) {
		full[0], full[7] = full[7], full[0]
	}
	if _, err := unix.Write(k.wakeup, full[:]); err != nil {
		t.Fatal(err)
	}
	if err := k.Wake(); err != nil {
		t.Errorf("a full counter: %v", err)
	}
	if n, err := k.Wait(make([]Ready, 1), 0); n != 0 || err != nil {
		t.Errorf("waiting: %d ready, %v", n, err)
	}
	if err := kernel.Close(); err != nil {
		t.Fatal(err)
	}
	if k.Wake() == nil {
		t.Error("a closed kernel can be woken")
	}
}

// TestAWaitOfNoTime asks what is ready, and nothing is: the kernel answers at once. One that waits is interrupted
// by the runtime's signals, after 10 ms or more.
func TestAWaitOfNoTime(t *testing.T) {
	k, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	const calls, limit = 20, 100 * time.Millisecond
	took := limit
	for range 10 { // a busy machine may hold one round up
		began := k.Monotonic()
		for range calls {
			if n, err := k.Wait(make([]Ready, 1), 0); n != 0 || err != nil {
				t.Fatalf("%d ready, %v", n, err)
			}
		}
		if took = k.Monotonic() - began; took < limit {
			return
		}
	}
	t.Errorf("%d waits take %v", calls, took)
}
