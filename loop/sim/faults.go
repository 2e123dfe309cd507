package sim

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Faults is how unkind the kernel is. All of it is allowed to a real one. The numbers
// are chances from 0 to 1, each time there is occasion.
type Faults struct {
	// ShuffleEvents has Wait report ready fds in random order.
	ShuffleEvents bool
	// SpuriousWakeups has Wait return early with nothing, as after a signal.
	SpuriousWakeups float64
	// SpuriousEvents has Wait report an fd as readable that is not.
	SpuriousEvents float64
	// LateWakeups has a Wait that times out return up to so much late.
	LateWakeups time.Duration
	// PartialBatches has Sendmmsg take only some of the messages, PartialWrites
	// Writev only some of the bytes, and ShortReads Read return only some.
	PartialBatches, PartialWrites, ShortReads float64
}

// SetFaults sets how unkind the kernel is from now on.
func (k *Kernel) SetFaults(f Faults) { k.faults = f }

// chance throws the dice. Nothing is thrown where there is no chance, so that a fault
// that is off does not shift the others.
func (k *Kernel) chance(probability float64) bool {
	return probability > 0 && k.random.Float64() < probability
}

// Call is a system call about to be made, for the functions given to Inject.
type Call struct {
	// Name is the method's: "Sendmmsg", "Accept", "CloseFD"...
	Name string
	// Number counts the calls of this name, from 1. For Sendmmsg and Sendmsg it counts messages
	// instead, over all sockets: a message that fails keeps its number for the next
	// attempt if the call had taken others before it, and is passed if not.
	Number uint64
	// FD is the fd of the call, -1 if it has none.
	FD int
	// Peer is whom a message or a connection is for, or the address to bind to.
	Peer netip.AddrPort
	// Bytes is how long a message is, SegmentBytes what it is to be cut into (0: not).
	Bytes, SegmentBytes int
	// Mark is the message's mark, 0 if it has none.
	Mark uint32
}

// sends reports whether the call sends messages.
func (c Call) sends() bool { return c.Name == "Sendmmsg" || c.Name == "Sendmsg" }

// Inject has f asked before each system call, and before each message of a Sendmmsg.
// If it returns an errno (a unix.Errno, as Kernel's methods do) the call does nothing
// and fails with it, as real ones do: Sendmmsg returns what it has taken before, and
// the error only if that is none. Of several functions the first error counts.
func (k *Kernel) Inject(f func(Call) error) { k.hooks = append(k.hooks, f) }

// FailTo, for Inject, fails sends and connects to all addresses of a prefix.
func FailTo(peers netip.Prefix, errno unix.Errno) func(Call) error {
	return func(c Call) error {
		if (c.sends() || c.Name == "ConnectTCP") && peers.Contains(c.Peer.Addr()) {
			return errno
		}
		return nil
	}
}

// FailSegmentsTo, for Inject, fails segmented sends to all addresses of a prefix: EIO
// stands for a network card that cannot checksum, EINVAL for a smaller MTU.
func FailSegmentsTo(peers netip.Prefix, errno unix.Errno) func(Call) error {
	return func(c Call) error {
		if c.sends() && c.Bytes > c.SegmentBytes && c.SegmentBytes > 0 && peers.Contains(c.Peer.Addr()) {
			return errno
		}
		return nil
	}
}

// FailNumber, for Inject, fails one call: the number-th of its name, counted as in
// Call.
func FailNumber(name string, number uint64, errno unix.Errno) func(Call) error {
	return func(c Call) error {
		if c.Name == name && c.Number == number {
			return errno
		}
		return nil
	}
}

// enter begins a system call: time passes, and it may be made to fail.
func (k *Kernel) enter(c Call) error {
	k.calls[c.Name]++
	if cost := k.options.costs.Call; cost > 0 {
		k.Spend(cost)
	} else {
		k.runDue()
	}
	if len(k.hooks) == 0 || c.sends() { // asked message by message
		return nil
	}
	c.Number = k.calls[c.Name]
	return k.injected(c)
}

func (k *Kernel) injected(c Call) error {
	for _, f := range k.hooks {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}
