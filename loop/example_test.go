package loop_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// An echo server, straight on the kernel's sockets. Its own client asks it once.
func Example() {
	l, err := loop.New()
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	k := l.Kernel()
	listener, err := k.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		log.Fatal(err)
	}
	serve := func(conn int) {
		var r *loop.Registration
		buffer, vectors := make([]byte, 4096), make([]loop.Vector, 1)
		r, _ = l.Register(conn, loop.Readable, func(loop.Interest) {
			n, err := k.Read(conn, buffer)
			if err == unix.EAGAIN {
				return
			}
			if n > 0 && err == nil {
				vectors[0].Set(buffer[:n])
				_, err = k.Writev(conn, vectors)
			}
			if n == 0 || err != nil {
				r.Unregister()
				k.CloseFD(conn)
			}
		})
	}
	l.Register(listener, loop.Readable, func(loop.Interest) {
		if conn, _, err := k.Accept(listener); err == nil {
			serve(conn)
		}
	})

	ctx, cancel := context.WithCancel(context.Background())
	address, _ := k.LocalAddr(listener)
	ask(l, address, "hello", func(answer string) {
		fmt.Println(answer)
		cancel()
	})
	if err := l.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// ask sends a question once it is connected, and hands over the answer.
func ask(l *loop.Loop, to netip.AddrPort, question string, answer func(string)) {
	k := l.Kernel()
	conn, err := k.ConnectTCP(to)
	if err != nil {
		log.Fatal(err)
	}
	var r *loop.Registration
	r, err = l.Register(conn, loop.Writable, func(conditions loop.Interest) {
		if conditions.Has(loop.Writable) {
			vectors := make([]loop.Vector, 1)
			vectors[0].Set([]byte(question))
			if _, err := k.Writev(conn, vectors); err != nil {
				log.Fatal(err)
			}
			r.Want(loop.Readable)
			return
		}
		p := make([]byte, 100)
		n, _ := k.Read(conn, p)
		r.Unregister()
		k.CloseFD(conn)
		answer(string(p[:n]))
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Any fd will do: here one that the program has made itself, a timerfd.
func ExampleLoop_Register() {
	l, err := loop.New()
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	interval := unix.NsecToTimespec(int64(time.Millisecond))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: interval, Value: interval}, nil); err != nil {
		log.Fatal(err)
	}

	ticks := uint64(0)
	r, err := l.Register(fd, loop.Readable, func(loop.Interest) {
		var count [8]byte
		if _, err := unix.Read(fd, count[:]); err == nil {
			ticks += binary.NativeEndian.Uint64(count[:])
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	for ticks < 3 {
		if _, err := l.Turn(loop.Forever); err != nil {
			log.Fatal(err)
		}
	}
	r.Unregister() // before it is closed
	fmt.Println("ticked")
	// Output: ticked
}

// A program with a loop of its own asks when it must come back, and comes back.
func ExampleLoop_Turn() {
	l := loop.NewOn(sim.New(1)) // or loop.New()
	l.NewTimer(func() { fmt.Println("due") }).SetAfter(time.Second)

	for range 3 {
		// The program's own work, until NextTimer at most, or until the fd that
		// l.FD returns is readable.
		if due, ok := l.NextTimer(); ok {
			fmt.Println("may work for", due-l.Kernel().Monotonic())
		}
		l.Kernel().(*sim.Kernel).Advance(500 * time.Millisecond)
		if _, err := l.Turn(0); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// may work for 1s
	// may work for 500ms
	// due
}

// Another goroutine hands its results to the loop.
func ExampleLoop_Post() {
	l, err := loop.New()
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	total, done := 0, false
	go func() {
		for i := range 3 {
			l.Post(func() { total += i })
		}
		l.Post(func() { done = true })
	}()
	for !done {
		if _, err := l.Turn(loop.Forever); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(total)
	// Output: 3
}

// A web server's goroutine asks the loop for a figure that only the loop may read.
func ExampleLoop_Do() {
	l, err := loop.New()
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	viewers := 3 // belongs to the loop's goroutine
	ctx, cancel := context.WithCancel(context.Background())
	answer := func(request context.Context) {
		seen := 0
		err := l.Do(request, func() { seen = viewers })
		fmt.Println(seen, err)
	}
	go func() {
		answer(context.Background())
		cancel()
	}()
	if err := l.Run(ctx); err != nil {
		log.Fatal(err)
	}
	answer(context.Background())
	// Output:
	// 3 <nil>
	// 0 loop: not running
}
