// Package loop is a readiness loop for Linux: one thread that waits for many file
// descriptors and calls a function when one of them has something to do.
//
// # One thread, and nobody waits
//
// A program registers any fd that epoll(7) knows: sockets, pipes, timerfds, cameras,
// a terminal. With each goes a Handler, called when the fd is ready. Handlers, timers
// and posted functions run one after the other on the goroutine that called Run, so
// they share everything without locks. In return a handler must never wait: while it
// runs, everybody else does.
//
// Readiness is level-triggered. A handler that leaves something unread is called again
// in the next turn; it need not drain its fd, and should not when that would take long.
// Failed and HungUp are reported whether asked for or not, so that a dead fd cannot go
// unnoticed.
//
// # A turn
//
// A turn waits for the first fd, timer or posted function, and then runs, in this
// order: the handlers of all fds that are ready (at most 256, the rest comes first in
// the next turn), the timers that are due, what was posted, the tasks that wait for their
// Budget, and the hooks given to AtTurnEnd. The time is looked up once, when the wait ends:
// Now is the same for all of a turn, on CLOCK_MONOTONIC. Awake is Now without the time in which
// the loop stood still; it measures for how long others were silent.
//
// A handler may close its fd or another one's, though an event of that fd waits in the
// same turn, and open a new one that gets the same number: events belong to
// registrations, not to numbers. It must unregister before it closes.
//
// A turn allocates no memory. Its goroutine is locked to one thread while it runs handlers, so
// that the CPU time which Stats has of it is this thread's; between turns it may go to another
// thread, unless the caller of Run or Turn locks it (runtime.LockOSThread).
//
// # Budgets
//
// What strangers can have a program do, such as requests, is work of a Budget: so much time in a
// turn for all of them together, and a share of all time where LimitShare is called. What does not fit
// goes on in a later turn, in rotation, and Stats counts it.
//
// # Timers and other goroutines
//
// A Timer is made once and set as often as needed; there may be very many. It never
// fires early. Other goroutines may call only two methods: Post, which has a function
// run on the loop, and Do, which also waits until it has run. That is how a library with
// goroutines of its own hands over.
//
// # Living with another loop
//
// Run is for a program that has no other loop. One that has calls Turn instead: Turn(0)
// does what is due and returns at once. The outer loop polls the fd that FD returns and
// wakes up at NextTimer. Both may also be called between long computations.
//
// # The kernel is an interface
//
// All that the loop and its sockets ask of the system is in Kernel: waiting, the time,
// and a few socket calls shaped like sendmmsg(2) and writev(2). New uses Linux. Package
// sim implements Kernel in memory with a virtual clock and faults from a seed, so that
// handlers are tested without a network and without waiting: NewOn puts the loop on
// it. Packages udp and tcp are the sockets most programs want; the calls themselves are
// at Loop.Kernel.
package loop
