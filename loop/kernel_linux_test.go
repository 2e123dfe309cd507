package loop

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

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
