package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/receive"
)

// resolveTime is how long a look-up may take.
const resolveTime = 5 * time.Second

// resolver finds the addresses of a host. Names are looked up by a goroutine, which hands
// over to the loop: that takes as long as it takes.
type resolver struct {
	loop    *loop.Loop
	host    string
	waiting []func([]netip.Addr, error) // for the look-up that is under way
}

// resolve calls done with the addresses, at least one, or with an error: at once if the
// host is an address itself, and else in a later turn.
func (r *resolver) resolve(done func([]netip.Addr, error)) {
	if address, ok, err := receive.Literal(r.host); ok {
		done([]netip.Addr{address}, err)
		return
	}
	r.waiting = append(r.waiting, done)
	if len(r.waiting) > 1 {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
		defer cancel()
		found, err := receive.Lookup(ctx, r.host)
		// A loop that is closed has nobody who waits.
		_ = r.loop.Post(func() { r.answer(found, err) })
	}()
}

func (r *resolver) answer(found []netip.Addr, err error) {
	waiting := r.waiting
	r.waiting = nil
	for _, done := range waiting {
		done(found, err)
	}
}
