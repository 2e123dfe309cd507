package cast

import (
	"net/netip"
	"slices"

	"github.com/camcast/camcast/cast/internal/fanout"
)

// votes counts a stream's readers by their addresses.
type votes struct {
	// balance is, for each address, how many more of its readers are thinned than not.
	balance map[netip.Prefix]int
}

// of takes the vote. Fixed destinations have none: nobody reports for them.
func (v *votes) of(s *Stream) (c census) {
	if s.rendition.thinned() == 0 {
		return census{} // nobody votes for less
	}
	if v.balance == nil {
		v.balance = map[netip.Prefix]int{}
	}
	clear(v.balance)
	s.rendition.eachUDP(func(r *fanout.Reader) {
		if slices.ContainsFunc(s.fixed, func(d *fixedDestination) bool { return d.session.udp == r }) {
			return
		}
		weight := -1
		if r.Thinned() {
			weight = 1
		}
		v.balance[CountedAs(r.RTPAddress().Addr())] += weight
	})
	for _, session := range s.sessions {
		if session.tcp != nil {
			v.balance[CountedAs(session.peer.Addr())]--
		}
	}
	for _, balance := range v.balance {
		if c.voters++; balance > 0 {
			c.less++
		}
	}
	return c
}
