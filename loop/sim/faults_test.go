package sim_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// batch is one message each to so many viewers.
func batch(count int) []loop.Message {
	list := make([]loop.Message, count)
	for i := range list {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 6000)
		list[i] = newMessage(at, []byte("payload"), 4).list[0]
	}
	return list
}

func TestInjectedErrors(t *testing.T) {
	tests := map[string]struct {
		fail func(sim.Call) error
		// want is what each Sendmmsg of what is left of ten messages answers, when the
		// one that fails is passed over.
		want string
	}{
		"one address":           {sim.FailTo(netip.MustParsePrefix("10.0.0.4/32"), unix.EHOSTUNREACH), "4 EHOSTUNREACH 5"},
		"the first":             {sim.FailTo(netip.MustParsePrefix("10.0.0.0/32"), unix.EPERM), "EPERM 9"},
		"neighbours":            {sim.FailTo(netip.MustParsePrefix("10.0.0.4/31"), unix.ENOBUFS), "4 ENOBUFS ENOBUFS 4"},
		"all":                   {sim.FailTo(netip.MustParsePrefix("10.0.0.8/29"), unix.ECONNREFUSED), "8 ECONNREFUSED ECONNREFUSED"},
		"the seventh":           {sim.FailNumber("Sendmmsg", 7, unix.EIO), "6 EIO 3"},
		"segmented":             {sim.FailSegmentsTo(netip.MustParsePrefix("10.0.0.9/32"), unix.EINVAL), "9 EINVAL"},
		"somewhere else":        {sim.FailTo(netip.MustParsePrefix("11.0.0.0/8"), unix.EIO), "10"},
		"another call entirely": {sim.FailNumber("Accept", 1, unix.EIO), "10"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Inject(test.fail)
			fd := w.socket(server, loop.UDPOptions{})
			got := ""
			for left := batch(10); len(left) > 0; {
				n, err := w.Sendmmsg(fd, left)
				if err != nil {
					got += unix.ErrnoName(err.(unix.Errno)) + " "
					left = left[1:]
					continue
				}
				got += fmt.Sprint(n, " ")
				left = left[n:]
			}
			if got != test.want+" " {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestInjectSeesWhatIsAsked(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	var seen []sim.Call
	w.Inject(func(c sim.Call) error { seen = append(seen, c); return nil })
	w.check(w.send(fd, viewer, make([]byte, 250), 100))
	w.check(w.send(fd, viewer, make([]byte, 5), 0))
	_, err := w.ConnectTCP(viewer)
	w.check(err)
	want := []sim.Call{
		{Name: "Sendmmsg", Number: 1, FD: fd, Peer: viewer, Bytes: 250, SegmentBytes: 100},
		{Name: "Sendmmsg", Number: 2, FD: fd, Peer: viewer, Bytes: 5},
		{Name: "ConnectTCP", Number: 1, FD: -1, Peer: viewer},
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("seen %+v, want %+v", seen, want)
	}
}

func TestEveryCallCanFail(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	w.Inject(func(sim.Call) error { return unix.EINTR })
	var list [1]loop.Message
	errs := map[string]error{}
	_, errs["OpenUDP"] = w.OpenUDP(server, loop.UDPOptions{})
	_, errs["Sendmmsg"] = w.Sendmmsg(fd, batch(1))
	_, errs["Recvmmsg"] = w.Recvmmsg(fd, list[:])
	_, errs["ListenTCP"] = w.ListenTCP(server)
	_, _, errs["Accept"] = w.Accept(fd)
	_, errs["ConnectTCP"] = w.ConnectTCP(server)
	errs["SocketError"] = w.SocketError(fd)
	_, errs["LocalAddr"] = w.LocalAddr(fd)
	_, errs["Read"] = w.Read(fd, nil)
	_, errs["Writev"] = w.Writev(fd, nil)
	errs["LimitSendBuffer"] = w.LimitSendBuffer(fd, 1)
	errs["ResetOnClose"] = w.ResetOnClose(fd)
	_, errs["Unacknowledged"] = w.Unacknowledged(fd)
	errs["CloseFD"] = w.CloseFD(fd)
	errs["Watch"] = w.Watch(fd, 0, 0)
	errs["Rewatch"] = w.Rewatch(fd, 0, 0)
	errs["Unwatch"] = w.Unwatch(fd)
	_, errs["Wait"] = w.Wait(nil, 0)
	for name, err := range errs {
		w.wantErr(err, unix.EINTR)
		if w.Calls(name) == 0 {
			t.Errorf("%s is not counted", name)
		}
	}
	if w.CanSegment(fd) {
		t.Error("CanSegment cannot fail")
	}
	if fds := w.OpenFDs(); len(fds) != 1 {
		t.Errorf("open fds %v after calls that failed, want one", fds)
	}
}

func TestPartialBatches(t *testing.T) {
	w := newWorld(t)
	w.SetFaults(sim.Faults{PartialBatches: 1})
	fd := w.socket(server, loop.UDPOptions{})
	p := w.peer(netip.MustParseAddrPort("10.0.0.9:6000"))
	calls := 0
	for left := batch(10); len(left) > 0; calls++ {
		n, err := w.Sendmmsg(fd, left)
		w.check(err)
		if n == 0 || n == len(left) && n > 1 {
			t.Errorf("%d of %d taken", n, len(left))
		}
		left = left[n:]
	}
	if calls < 2 || p.Pending() != 2 {
		t.Errorf("%d calls, and the last viewer has %d datagrams, want 2", calls, p.Pending())
	}
}

func TestWithoutSegmentation(t *testing.T) {
	w := newWorld(t, sim.WithoutSegmentation())
	fd := w.socket(server, loop.UDPOptions{})
	if w.CanSegment(fd) {
		t.Error("CanSegment")
	}
	w.wantErr(w.send(fd, viewer, make([]byte, 10), 5), unix.EINVAL)
	w.check(w.send(fd, viewer, make([]byte, 10), 0))
}

func TestSegmentLimit(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	w.check(w.send(fd, viewer, make([]byte, 64), 1))
	w.wantErr(w.send(fd, viewer, make([]byte, 65), 1), unix.EINVAL)
}

func TestSocketErrors(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	for name, take := range map[string]func() error{
		"send":        func() error { return w.send(fd, viewer, nil, 0) },
		"receive":     func() error { var list [1]loop.Message; _, err := w.Recvmmsg(fd, list[:]); return err },
		"SocketError": func() error { return w.SocketError(fd) },
	} {
		w.check(w.SetSocketError(fd, unix.ECONNREFUSED))
		failed := false
		r, err := w.loop.Register(fd, 0, func(c loop.Interest) { failed = c.Has(loop.Failed) })
		w.check(err)
		_, err = w.loop.Turn(0)
		w.check(err)
		w.check(r.Unregister())
		if !failed {
			t.Errorf("%s: an fd with an error is not Failed", name)
		}
		w.wantErr(take(), unix.ECONNREFUSED)
		w.check(w.SocketError(fd))
	}
	w.wantErr(w.SetSocketError(99, unix.EIO), unix.EBADF)
}

// Whatever the kernel does half, a stream comes out as it went in.
func TestStreamsSurviveAllFaults(t *testing.T) {
	for seed := range uint64(30) {
		w := seeded(t, seed)
		w.SetFaults(sim.Faults{ShuffleEvents: true, SpuriousWakeups: 0.2, SpuriousEvents: 0.2,
			LateWakeups: time.Millisecond, PartialWrites: 0.5, ShortReads: 0.5})
		if seed%2 == 1 {
			w.SetLink(remote, sim.Link{Delay: time.Millisecond, Jitter: 5 * time.Millisecond, BytesPerSecond: 5_000_000})
		}
		fd, p := w.accept(viewer)
		p.SetReceiveBuffer(1000 + int(seed)*3000)
		want := make([]byte, 300_000)
		w.Random(want)
		if _, err := p.Write(want[:100_000]); err != nil {
			t.Fatal(err)
		}
		var sent int
		var received, echoed []byte
		p.OnData(func(b []byte) { received = append(received, b...) })
		room := make([]byte, 7000)
		var r *loop.Registration
		r, err := w.loop.Register(fd, loop.Readable|loop.Writable, func(c loop.Interest) {
			if n, err := w.Read(fd, room); err == nil {
				echoed = append(echoed, room[:n]...)
			} else {
				w.wantErr(err, unix.EAGAIN)
			}
			if n, err := w.write(fd, want[sent:]); err == nil {
				sent += n
			} else {
				w.wantErr(err, unix.EAGAIN)
			}
			if sent == len(want) {
				w.check(r.Want(loop.Readable))
			}
		})
		w.check(err)
		err = sim.RunUntil(w.loop, func() bool { return len(received) == len(want) && len(echoed) == 100_000 }, time.Minute)
		if err != nil {
			t.Fatalf("seed %d: %v; %d of %d bytes there, %d back", seed, err, len(received), len(want), len(echoed))
		}
		if !bytes.Equal(received, want) || !bytes.Equal(echoed, want[:100_000]) {
			t.Errorf("seed %d: a stream came out other than it went in", seed)
		}
	}
}
