package cast

import (
	"encoding/binary"
	"net/netip"
)

// controlIndex finds UDP readers by the address their RTCP comes from. Its keys are
// small, as there may be ten thousand of them.
type controlIndex struct {
	v4 map[uint64]*UDPReader
	v6 map[[18]byte]*UDPReader
}

func newControlIndex() controlIndex {
	return controlIndex{map[uint64]*UDPReader{}, map[[18]byte]*UDPReader{}}
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
func (x *controlIndex) find(a netip.AddrPort) *UDPReader {
	if a.Addr().Unmap().Is4() {
		return x.v4[key4(a)]
	}
	return x.v6[key6(a)]
}

func (x *controlIndex) add(a netip.AddrPort, r *UDPReader) {
	if a.Addr().Unmap().Is4() {
		x.v4[key4(a)] = r
		return
	}
	x.v6[key6(a)] = r
}

// remove removes r, unless another reader has come to the same address.
func (x *controlIndex) remove(a netip.AddrPort, r *UDPReader) {
	if x.find(a) != r {
		return
	}
	if a.Addr().Unmap().Is4() {
		delete(x.v4, key4(a))
		return
	}
	delete(x.v6, key6(a))
}
