package auth

import (
	"container/list"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
)

// How often the credentials of one address may be wrong: FailureBurst times at once, and then once
// every FailureInterval. Above that they are refused without being checked.
const (
	FailureBurst    = 10
	FailureInterval = 6 * time.Second
)

// maxAddresses is how many addresses are remembered: some 3 MB. Of more, the one is forgotten
// from which nothing wrong has come for the longest time.
const maxAddresses = 16384

// failures are the addresses from which wrong credentials came. Each counts by itself.
type failures struct {
	byAddress map[netip.Prefix]*list.Element // of *failing
	// byTime has the address first from which neither a failure nor what had to wait has come for the
	// longest time.
	byTime list.List
}

// failing is an address, or a /64 of IPv6.
type failing struct {
	address netip.Prefix
	// forgiven is when all failures are forgotten: each puts it off by FailureInterval.
	forgiven time.Duration
}

func newFailures() failures { return failures{byAddress: map[netip.Prefix]*list.Element{}} }

// wait is how long an address has to wait until its credentials are checked again, 0 if they are
// checked now.
func (f *failures) wait(peer netip.Addr, now time.Duration) time.Duration {
	e := f.byAddress[cast.CountedAs(peer)]
	if e == nil {
		return 0
	}
	wait := max(0, e.Value.(*failing).forgiven-now-(FailureBurst-1)*FailureInterval)
	if wait > 0 {
		f.byTime.MoveToBack(e)
	}
	return wait
}

// add counts a failure.
func (f *failures) add(peer netip.Addr, now time.Duration) {
	f.forget(now)
	address := cast.CountedAs(peer)
	e := f.byAddress[address]
	if e == nil {
		if f.byTime.Len() == maxAddresses {
			f.remove(f.byTime.Front())
		}
		e = f.byTime.PushBack(&failing{address: address})
		f.byAddress[address] = e
	}
	who := e.Value.(*failing)
	who.forgiven = max(who.forgiven, now) + FailureInterval
	f.byTime.MoveToBack(e)
}

// forget removes up to two of the oldest addresses, if their failures are forgiven: more than come
// with a call of add.
func (f *failures) forget(now time.Duration) {
	for range 2 {
		e := f.byTime.Front()
		if e == nil || e.Value.(*failing).forgiven > now {
			return
		}
		f.remove(e)
	}
}

func (f *failures) remove(e *list.Element) {
	delete(f.byAddress, f.byTime.Remove(e).(*failing).address)
}
