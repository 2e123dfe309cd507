// Package sim is a kernel made of memory, to test what runs on package loop without a
// network and without waiting.
//
// A Kernel has a clock that moves only when the loop waits: a minute of virtual time
// passes as fast as its events can be handled. It has UDP and TCP sockets in one
// address space, with the buffers, the readiness and the errors of real ones, and it
// has faults: links that lose, repeat, reorder, delay and throttle, system calls that
// fail, take time or do half of what they were asked. All chance comes from one seed,
// so a failure that was seen once can be seen again: two runs with the same seed make
// the same calls with the same results, and Trace writes them down to compare.
//
// # A test
//
// Make a Kernel, put a loop on it with loop.NewOn, and start what is to be tested.
// Then play the rest of the world:
//
//   - UDPPeer and TCPPeer are the other ends. They are not on the loop and have no fd;
//     a test calls them between turns, or gives them functions that answer.
//   - NewTicker, NewPipe and NewDevice are fds to register: for a frame clock, for a
//     program's output, for a camera. All of a Kernel's fds have numbers from
//     2 000 000 000 on, which no real fd has: a real system call on one fails (EBADF).
//   - SetLink says what lies before an address, SetRejects which hosts answer for
//     closed ports, SetFaults how unkind the kernel is, Inject which calls fail with
//     which errno.
//   - NewWorker stands for a goroutine that works beside the loop.
//   - RunFor and RunUntil turn the loop, After schedules what the test does at a later
//     virtual time.
//
// A handler that would wait forever, or that is called again and again without taking
// what is there, does not hang the test: Turn then returns ErrDeadlock or ErrLivelock.
//
// # What is simulated
//
// The kernel's own sockets can be bound to the machine's addresses: 127.0.0.0/8, ::1,
// 192.0.2.1 and 2001:db8::1 unless WithAddresses says otherwise; its interfaces are
// called lo and eth0. Peers may have any address. Without links everything arrives at
// once, as on a loopback interface.
//
// A full send buffer, writability below half (UDP) or two thirds (TCP) of it,
// datagrams dropped at a full receive buffer, segmentation and its limits, resets
// when closing with unread input: these follow Linux, and the tests of package loop
// hold both kernels to the same behaviour. Not simulated are TCP's retransmissions
// and congestion control (a stream is delayed and throttled but never lost), IP
// fragments, connected UDP sockets and ICMP, but for "port unreachable" (SetRejects).
// Without that a datagram for a port where nobody is is counted, not answered.
//
// One Kernel carries one loop. Programs that talk to each other in a test are
// handlers on the same loop. Nothing here is safe for use by several goroutines but
// Wake, which is what Loop.Post calls.
package sim
