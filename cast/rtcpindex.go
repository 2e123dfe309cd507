package cast

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/camcast/camcast/cast/internal/fanout"
)

// readerIndex finds UDP readers by an address, such as the one that their RTCP comes from: players
// choose SSRCs that clash. Its keys are small, as there may be ten thousand readers.
type readerIndex struct {
	v4 map[uint64]*fanout.Reader
	v6 map[[18]byte]*fanout.Reader
}

func newReaderIndex() readerIndex {
	return readerIndex{map[uint64]*fanout.Reader{}, map[[18]byte]*fanout.Reader{}}
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
func (x *readerIndex) find(a netip.AddrPort) *fanout.Reader {
	if a.Addr().Unmap().Is4() {
		return x.v4[key4(a)]
	}
	return x.v6[key6(a)]
}

var errReplaced = errors.New("another reader has come to its address")

// evict ends a reader to whose address another one comes.
func (b *Broadcaster) evict(before *fanout.Reader) {
	if o := before.Observer(); o != nil {
		o.Lost(errReplaced)
	}
	streamOf(before).leave(before) // unless the observer had it leave
}

// add adds r, which has come to an address.
func (x *readerIndex) add(a netip.AddrPort, r *fanout.Reader) {
	if a.Addr().Unmap().Is4() {
		x.v4[key4(a)] = r
		return
	}
	x.v6[key6(a)] = r
}

// remove removes r, unless another reader has come to the same address.
func (x *readerIndex) remove(a netip.AddrPort, r *fanout.Reader) {
	if x.find(a) != r {
		return
	}
	if a.Addr().Unmap().Is4() {
		delete(x.v4, key4(a))
		return
	}
	delete(x.v6, key6(a))
}
