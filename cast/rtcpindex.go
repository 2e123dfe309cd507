package cast

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/camcast/camcast/cast/internal/fanout"
)

// rtcpIndex finds UDP readers by the address their RTCP comes from: players choose SSRCs that
// clash. Its keys are small, as there may be ten thousand readers.
type rtcpIndex struct {
	v4 map[uint64]*fanout.Reader
	v6 map[[18]byte]*fanout.Reader
}

func newRTCPIndex() rtcpIndex {
	return rtcpIndex{map[uint64]*fanout.Reader{}, map[[18]byte]*fanout.Reader{}}
}

func key4(a netip.AddrPort) uint64 {
	ip := a.Addr().Unmap().As4()
	return uint64(binary.BigEndian.Uint32(ip[:]))<<16 | uint64(a.Port())
}

// key6 leaves the zone out: two readers on different links who share both address and
// port would share their reports.
func key6(a netip.AddrPort) (key [18]byte) {
	ip := a.Addr().As16()
	copy(key[:], ip[:])
	binary.BigEndian.PutUint16(key[16:], a.Port())
	return key
}

// find returns the reader at a, nil if there is none.
func (x *rtcpIndex) find(a netip.AddrPort) *fanout.Reader {
	if a.Addr().Unmap().Is4() {
		return x.v4[key4(a)]
	}
	return x.v6[key6(a)]
}

var errReplaced = errors.New("another reader has come to its address")

// evict ends a reader that is at an address to which another one comes. It cannot be there any
// more: a player that has vanished and started again.
func (x *rtcpIndex) evict(a netip.AddrPort) {
	before := x.find(a)
	if before == nil {
		return
	}
	if o := before.Observer(); o != nil {
		o.Lost(errReplaced)
	}
	streamOf(before).leave(before) // unless the observer had it leave
}

// add adds r, which has come to an address.
func (x *rtcpIndex) add(a netip.AddrPort, r *fanout.Reader) {
	if a.Addr().Unmap().Is4() {
		x.v4[key4(a)] = r
		return
	}
	x.v6[key6(a)] = r
}

// remove removes r, unless another reader has come to the same address.
func (x *rtcpIndex) remove(a netip.AddrPort, r *fanout.Reader) {
	if x.find(a) != r {
		return
	}
	if a.Addr().Unmap().Is4() {
		delete(x.v4, key4(a))
		return
	}
	delete(x.v6, key6(a))
}
