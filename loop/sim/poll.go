package sim

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// ErrDeadlock is returned by a Wait that nothing could end: no timeout, no fd ready,
// and nothing on its way. On a real machine the program would hang.
var ErrDeadlock = errors.New("sim: deadlock: nothing can end this wait")

// ErrLivelock is returned by Wait when the clock has stood still for very many Waits:
// on a real machine the program would spin. Mostly a handler does not take what its fd
// offers, or a timer sets itself for now.
var ErrLivelock = errors.New("sim: livelock: the loop turns but time does not pass")

// Watch begins to report fd with token, like EPOLL_CTL_ADD.
func (k *Kernel) Watch(fd int, want loop.Interest, token uint64) error {
	return k.changeWatch("Watch", fd, func(d *descriptor) error {
		if d.watched {
			return unix.EEXIST
		}
		d.watched, d.want, d.token = true, want, token
		k.touch(d)
		return nil
	})
}

// Rewatch changes what fd is waited for and its token, like EPOLL_CTL_MOD.
func (k *Kernel) Rewatch(fd int, want loop.Interest, token uint64) error {
	return k.changeWatch("Rewatch", fd, func(d *descriptor) error {
		if !d.watched {
			return unix.ENOENT
		}
		d.want, d.token = want, token
		k.touch(d)
		return nil
	})
}

// Unwatch stops reporting fd, like EPOLL_CTL_DEL.
func (k *Kernel) Unwatch(fd int) error {
	return k.changeWatch("Unwatch", fd, func(d *descriptor) error {
		if !d.watched {
			return unix.ENOENT
		}
		d.watched = false
		return nil
	})
}

func (k *Kernel) changeWatch(name string, fd int, change func(*descriptor) error) error {
	err := k.enter(Call{Name: name, FD: fd})
	if err == nil {
		if d := k.descriptor(fd); d == nil {
			err = unix.EBADF
		} else {
			err = change(d)
		}
	}
	if err != nil {
		err = fmt.Errorf("fd %d: %w", fd, os.NewSyscallError("epoll_ctl", err))
	}
	if k.tracer.w != nil {
		detail := ""
		if d := k.descriptor(fd); d != nil {
			detail = fmt.Sprintf("want=%#x", uint8(d.want))
		}
		k.trace(name, fd, detail, 0, err)
	}
	return err
}

// touch notes that what d's file offers may have changed.
func (k *Kernel) touch(d *descriptor) {
	if d != nil && d.watched && !d.candidate {
		d.candidate = true
		k.candidates = append(k.candidates, d)
	}
}

// Wait moves the clock to when the next fd is ready, or to the timeout, or until Wake.
// It fails with ErrDeadlock or ErrLivelock rather than hang.
func (k *Kernel) Wait(ready []loop.Ready, timeout time.Duration) (int, error) {
	err := k.enter(Call{Name: "Wait", FD: -1})
	n := 0
	if err == nil {
		n, err = k.wait(ready, timeout)
	}
	if k.tracer.w != nil {
		k.traceWait(ready[:n], timeout, err)
	}
	return n, err
}

func (k *Kernel) wait(ready []loop.Ready, timeout time.Duration) (int, error) {
	if k.closed {
		return 0, os.NewSyscallError("epoll_wait", unix.EBADF)
	}
	if k.idleWaits++; k.options.idleLimit > 0 && k.idleWaits > k.options.idleLimit {
		return 0, fmt.Errorf("%w for %d waits, at %v%s", ErrLivelock, k.options.idleLimit, k.now, k.spinning())
	}
	deadline := k.now + timeout
	if timeout < 0 || deadline < k.now { // past the end of time is forever, too
		deadline = forever
	}
	if k.chance(k.faults.SpuriousWakeups) {
		deadline = k.now
	}
	for {
		k.runDue()
		n := k.collect(ready)
		if k.woken() || n > 0 {
			return n, nil
		}
		if k.now >= deadline {
			return 0, nil
		}
		next := deadline
		if len(k.events.heap) > 0 {
			next = min(next, k.events.heap[0].at)
		}
		if next == forever {
			if !k.options.waitForWakes {
				return 0, fmt.Errorf("%w: at %v, %d fds are open, none that is watched is ready, no timer is set and nothing is on its way",
					ErrDeadlock, k.now, len(k.OpenFDs()))
			}
			<-k.wake
			return 0, nil
		}
		if late := k.faults.LateWakeups; late > 0 && next == deadline {
			next += time.Duration(k.random.Int64N(int64(late)))
			k.advanceTo(next)
			continue
		}
		k.setClock(next)
	}
}

// forever is a time that does not come.
const forever = time.Duration(1<<63 - 1)

// Wake makes the present or next Wait return at once. Any goroutine may call it.
func (k *Kernel) Wake() error {
	select {
	case k.wake <- struct{}{}:
	default: // it is as awake as can be
	}
	return nil
}

func (k *Kernel) woken() bool {
	select {
	case <-k.wake:
		return true
	default:
		return false
	}
}

// collect fills ready with fds that are ready. Like epoll's, its list goes round:
// those that find no room come first the next time.
func (k *Kernel) collect(ready []loop.Ready) (n int) {
	if k.faults.ShuffleEvents {
		k.random.Shuffle(len(k.candidates), func(i, j int) {
			k.candidates[i], k.candidates[j] = k.candidates[j], k.candidates[i]
		})
	}
	rest := len(k.candidates)
	reported := k.spare[:0]
	for i, d := range k.candidates {
		if n == len(ready) {
			rest = i
			break
		}
		if now := d.ready(); now != 0 {
			ready[n] = loop.Ready{Token: d.token, Conditions: now}
			n++
			reported = append(reported, d)
		} else {
			d.candidate = false
		}
	}
	kept := copy(k.candidates, k.candidates[rest:])
	was := len(k.candidates)
	k.candidates = append(k.candidates[:kept], reported...)
	if len(k.candidates) < was {
		clear(k.candidates[len(k.candidates):was]) // closed files are not kept alive
	}
	clear(reported)
	k.spare = reported[:0]
	return k.pretend(ready, n)
}

// ready are the conditions to be reported.
func (d *descriptor) ready() loop.Interest {
	if !d.watched {
		return 0
	}
	return d.file.conditions() & (d.want | loop.HungUp | loop.Failed)
}

// pretend adds an fd that is not readable to those that are, which happens on Linux
// when a datagram fails its checksum, or when somebody else has read it.
func (k *Kernel) pretend(ready []loop.Ready, n int) int {
	if n == len(ready) || k.faults.SpuriousEvents == 0 || !k.chance(k.faults.SpuriousEvents) || len(k.files.table) == 0 {
		return n
	}
	d := k.files.table[k.random.IntN(len(k.files.table))]
	if d == nil || !d.watched || d.want&loop.Readable == 0 || d.ready() != 0 {
		return n
	}
	ready[n] = loop.Ready{Token: d.token, Conditions: loop.Readable}
	return n + 1
}

// spinning names an fd that is ready, for the message of ErrLivelock.
func (k *Kernel) spinning() string {
	for _, d := range k.candidates {
		if c := d.ready(); c != 0 {
			return fmt.Sprintf("; fd %d (%T) has been ready (%#x): does its handler take what is there?", d.fd, d.file, uint8(c))
		}
	}
	return "; no fd is ready: is a timer set for now again and again?"
}
