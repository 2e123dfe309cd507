package sim

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
)

// Kernel is a loop.Kernel whose clock, sockets and faults are made up from a seed.
// Make one with New.
type Kernel struct {
	now    time.Duration
	cpu    time.Duration // that the loop's thread has used
	random *rand.Rand
	events events

	files      files
	candidates []*descriptor // watched fds that may be ready, longest ago reported first
	spare      []*descriptor
	idleWaits  int // waits since the clock has moved
	wake       chan struct{}
	closed     bool

	network    network
	neighbours neighbours
	pool       bufferPool
	flights    freeList[flight]
	releases   freeList[release]
	arrivals   freeList[tcpEvent]

	faults   Faults
	hooks    []func(Call) error
	calls    map[string]uint64
	messages uint64 // that Sendmmsg has come to
	counters Counters
	tracer   tracer
	options  options
	entropy  *rand.ChaCha8
}

var _ loop.Kernel = (*Kernel)(nil)

// Start is the reading of a new Kernel's monotonic clock: like a real one's it is not
// 0, so that code which takes 0 for "never" is found out.
const Start = 1000 * time.Second

// wallStart is the time of day at Start.
var wallStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

type options struct {
	addresses    []netip.Addr
	costs        Costs
	noSegments   bool
	waitForWakes bool
	idleLimit    int
	fdLimit      int
	egress       Egress
}

// Option is a setting of a Kernel, given to New.
type Option func(*options)

// WithAddresses gives the machine these addresses besides the loopback ones, instead
// of 192.0.2.1 and 2001:db8::1. What leaves an unbound socket has the first of its
// family.
func WithAddresses(addresses ...netip.Addr) Option {
	return func(o *options) { o.addresses = addresses }
}

// Costs is how long system calls take. The clock moves by it during the call, so that
// handlers can be late, as they are under load, and it is CPU time of the loop's thread.
type Costs struct {
	// Call is for each system call.
	Call time.Duration
	// Message is for each message of a Sendmmsg or a Recvmmsg, Datagram for each
	// datagram that is sent, of which a segmented message has many.
	Message, Datagram time.Duration
}

// WithCosts has system calls take time. Without it they take none.
func WithCosts(c Costs) Option { return func(o *options) { o.costs = c } }

// SetCosts has system calls take that time from now on.
func (k *Kernel) SetCosts(c Costs) { k.options.costs = c }

// WithoutSegmentation makes a kernel without UDP_SEGMENT: CanSegment is false, and a
// message that asks for it fails with EINVAL.
func WithoutSegmentation() Option { return func(o *options) { o.noSegments = true } }

// WithRealWakeups has a Wait that nothing in the simulation could end wait in real
// time for Wake, instead of failing with ErrDeadlock. It is for tests whose
// goroutines post to the loop; they are no longer the same each time.
func WithRealWakeups() Option { return func(o *options) { o.waitForWakes = true } }

// WithIdleLimit sets how many Waits in a row may pass without the clock moving before
// ErrLivelock: 100 000 unless set. 0 removes the limit.
func WithIdleLimit(waits int) Option { return func(o *options) { o.idleLimit = waits } }

// WithFDLimit sets how many fds can be open at once: opening more fails with EMFILE, as
// beyond RLIMIT_NOFILE. It is a million unless set.
func WithFDLimit(most int) Option { return func(o *options) { o.fdLimit = most } }

// New makes a kernel whose chances all come from seed. Without options and faults it
// leaves nothing to chance.
func New(seed uint64, settings ...Option) *Kernel {
	o := options{
		addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.MustParseAddr("2001:db8::1")},
		idleLimit: 100_000,
		fdLimit:   1_000_000,
	}
	for _, set := range settings {
		set(&o)
	}
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	k := &Kernel{
		now:     Start,
		random:  rand.New(rand.NewPCG(seed, 0x63616d63617374)),
		entropy: rand.NewChaCha8(key),
		wake:    make(chan struct{}, 1),
		calls:   map[string]uint64{},
		options: o,
	}
	k.network.init(k)
	return k
}

// Close ends the polling: Wait fails from now on. Open fds stay open.
func (k *Kernel) Close() error {
	k.closed = true
	k.trace("Close", -1, "", 0, nil)
	return nil
}

// Monotonic is the virtual time; it begins at Start.
func (k *Kernel) Monotonic() time.Duration { return k.now }

// Wall is the virtual time of day: 2026-01-01 00:00 UTC at Start.
func (k *Kernel) Wall() time.Time { return wallStart.Add(k.now - Start) }

// ThreadCPU is the CPU time that was spent by Spend and by the Costs of system calls.
func (k *Kernel) ThreadCPU() time.Duration { return k.cpu }

// Random fills p with bytes that depend on the seed alone: for code under test that
// takes its randomness as an argument.
func (k *Kernel) Random(p []byte) { _, _ = k.entropy.Read(p) } // it never fails

// Counters are figures of the network since the kernel was made. A datagram that was
// sent is in exactly one of Delivered, Lost, Throttled, Overflowed and Unheard, unless
// it is still on its way; a duplicate counts once more.
type Counters struct {
	// Sent is how many datagrams were sent, by fds and by peers, after segmentation,
	// and SentBytes how long they were.
	Sent, SentBytes uint64
	// Delivered is how many reached a socket, Duplicated how many more a link made.
	Delivered, Duplicated uint64
	// Lost were lost by chance, Throttled found a link's queue full, Overflowed the
	// receiver's buffer, and Unheard nobody.
	Lost, Throttled, Overflowed, Unheard uint64
}

// Counters returns the figures so far.
func (k *Kernel) Counters() Counters { return k.counters }

// Calls is how often the system call of that name was made: the name of the method,
// such as "Sendmmsg".
func (k *Kernel) Calls(name string) uint64 { return k.calls[name] }

// Trace has a line written for each system call from now on: the time, the call, what
// it was asked and what it answered, with a checksum of what was transferred. Two runs
// with the same seed write the same bytes. nil ends it.
func (k *Kernel) Trace(w io.Writer) { k.tracer.w = w }
