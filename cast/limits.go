package cast

import (
	"net/netip"
	"time"
)

// tally counts things by the address that they belong to.
type tally struct {
	total     int
	byAddress map[netip.Prefix]int
}

func newTally() tally { return tally{byAddress: map[netip.Prefix]int{}} }

// CountedAs is the address that a peer is counted under, wherever addresses are limited: one host
// easily has a whole /64 of IPv6.
func CountedAs(peer netip.Addr) netip.Prefix {
	bits := 32
	if peer = peer.Unmap(); peer.Is6() {
		bits = 64
	}
	prefix, err := peer.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all of them count as one
	}
	return prefix
}

func (t *tally) add(peer netip.Addr) {
	t.total++
	t.byAddress[CountedAs(peer)]++
}

func (t *tally) remove(peer netip.Addr) {
	t.total--
	key := CountedAs(peer)
	if t.byAddress[key]--; t.byAddress[key] <= 0 {
		delete(t.byAddress, key)
	}
}

func (t *tally) of(peer netip.Addr) int { return t.byAddress[CountedAs(peer)] }

// limits are how many readers and connections there are.
type limits struct {
	readers     tally // sessions that play
	connections tally
	setUp       tally // sessions that do not play, which count as connections
	undecided   tally // requests that the gate has not answered yet
	handshakes  tally // TLS handshakes, of any front
}

func newLimits() limits {
	return limits{readers: newTally(), connections: newTally(), setUp: newTally(), undecided: newTally(), handshakes: newTally()}
}

// maxUndecided is how many requests the gate may have before it at once, and
// maxUndecidedPerAddress how many of one address, or of one /64 of IPv6: as many as it may have
// connections. A gate that is slow cannot be taken by one host then.
const (
	maxUndecided           = DefaultMaxConnections
	maxUndecidedPerAddress = DefaultMaxConnectionsPerAddress
)

// roomForQuestion says why the gate is not asked about one more request of peer now, nil if it is.
func (b *Broadcaster) roomForQuestion(peer netip.Addr) error {
	u := &b.limits.undecided
	if u.total < maxUndecided && u.of(peer) < maxUndecidedPerAddress {
		return nil
	}
	return &Refusal{Kind: Busy, Reason: "too many requests wait for a decision", RetryAfter: busyRetry}
}

// busyRetry is when it may be worth trying again.
const busyRetry = time.Second

// reached reports whether n is a limit, or above one.
func reached(n, limit int) bool { return limit != NoLimit && n >= limit }

// roomForReader says why one more session of peer must not play, nil if it may.
func (b *Broadcaster) roomForReader(peer netip.Addr) error {
	c, l := &b.config, &b.limits
	switch {
	case reached(l.readers.total, c.MaxReaders):
		return refuse(LimitReached, "limit reached (max_readers=%d)", c.MaxReaders)
	case reached(l.readers.of(peer), c.MaxReadersPerAddress):
		return refuse(AddressLimitReached, "limit reached (max_readers_per_address=%d)", c.MaxReadersPerAddress)
	}
	return nil
}

// roomForConnection says why there must not be one more connection of peer, or session that
// is set up; nil if there may.
func (b *Broadcaster) roomForConnection(peer netip.Addr) error {
	c, l := &b.config, &b.limits
	switch {
	case reached(l.connections.total+l.setUp.total, c.MaxConnections):
		return refuse(LimitReached, "limit reached (max_connections=%d)", c.MaxConnections)
	case reached(l.connections.of(peer)+l.setUp.of(peer), c.MaxConnectionsPerAddress):
		return refuse(AddressLimitReached, "limit reached (max_connections_per_address=%d)", c.MaxConnectionsPerAddress)
	}
	return nil
}

// Connected counts a connection of a front by a protocol, until Disconnected, or says by a *Refusal that a
// limit is reached or the address not allowed (Config.Allow): the front closes the connection then,
// and does not call Disconnected.
func (b *Broadcaster) Connected(p Protocol, peer netip.AddrPort) error {
	if !b.config.Allow.allows(p, peer.Addr()) {
		return errNotAllowed
	}
	if err := b.roomForConnection(peer.Addr()); err != nil {
		return err
	}
	b.limits.connections.add(peer.Addr())
	return nil
}

// Disconnected ends what Connected began.
func (b *Broadcaster) Disconnected(peer netip.AddrPort) {
	b.limits.connections.remove(peer.Addr())
	b.hungUp()
}

// How many TLS handshakes may be under way at once, in all and with one address, or one /64 of
// IPv6. Each takes some memory, and up to 10 s if the client sends nothing.
const (
	MaxHandshakes           = 2048
	MaxHandshakesPerAddress = 128
)

// BeginHandshake counts a handshake of TLS or DTLS with a peer, until EndHandshake, or says by a *Refusal that a limit is
// reached: the front does not begin it then.
func (b *Broadcaster) BeginHandshake(peer netip.AddrPort) error {
	h := &b.limits.handshakes
	switch {
	case h.total >= MaxHandshakes:
		return refuse(LimitReached, "limit reached (%d TLS handshakes)", MaxHandshakes)
	case h.of(peer.Addr()) >= MaxHandshakesPerAddress:
		return refuse(AddressLimitReached, "limit reached (%d TLS handshakes of one address)", MaxHandshakesPerAddress)
	}
	h.add(peer.Addr())
	return nil
}

// EndHandshake ends what BeginHandshake began.
func (b *Broadcaster) EndHandshake(peer netip.AddrPort) { b.limits.handshakes.remove(peer.Addr()) }
