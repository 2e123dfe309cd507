package cast

import (
	"net/netip"

	"github.com/camcast/camcast/cast/internal/sealfan"
)

// This file bounds in how many forms readers with keys of their own have a stream laid out.

// maxFormsPerAddress is how many forms there may be that only readers of one address, or of one /64 of IPv6, want: a
// stream has sealfan's limit of forms in all, and one host must not take them from the others.
const maxFormsPerAddress = 4

// roomForForm says why a reader at an address must not have packets in a form, nil if it may. The error is a *Refusal.
func (s *Stream) roomForForm(form sealfan.Form, peer netip.Addr) error {
	fan, host := s.rendition.private.fan, CountedAs(peer)
	if fan.Has(form) {
		return nil
	}
	n := fan.FormsOf(func(r *sealfan.Reader) bool { return CountedAs(r.Peer().Addr()) == host })
	if n >= maxFormsPerAddress {
		return refuse(AddressLimitReached, "limit reached (%d payload types and header extensions that only one address wants)", maxFormsPerAddress)
	}
	return nil
}
