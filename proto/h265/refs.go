package h265

import (
	"math/bits"

	"github.com/camcast/camcast/proto/nal"
)

const (
	mostRefs     = 16 // pictures that a reference picture set has at most (7.4.8)
	mostRefSets  = 64 // of a sequence parameter set
	mostLongRefs = 32
)

// ref is a picture in a reference picture set: its picture order count, less that of the picture
// that the set is of.
type ref struct {
	delta int
	used  bool // by that picture; else by later ones alone
}

// refSet is a short-term reference picture set (7.4.8): pictures that are shown before, the nearest
// first, and then those that are shown after.
type refSet struct {
	refs   [mostRefs]ref
	before int // how many are shown before
	count  int
}

// setBits is what a sequence parameter set says of references.
type setBits struct {
	sets []refSet
	// long: slices may refer to long-term pictures, of which longOrders are listed.
	long       bool
	longOrders []ref // whose delta is the lower bits of the picture order count
}

// parseSets reads on in a sequence parameter set, behind sps_max_latency_increase_plus1. It returns nil
// if that cannot be read.
func parseSets(b *nal.Bits, orderBits int) *setBits {
	for range 6 {
		b.Unsigned() // sizes of blocks and depths of their trees
	}
	if b.Flag() { // scaling_list_enabled_flag
		if b.Flag() { // sps_scaling_list_data_present_flag
			skipScalingLists(b)
		}
	}
	b.Read(2)     // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if b.Flag() { // pcm_enabled_flag
		b.Read(8)
		b.Unsigned()
		b.Unsigned()
		b.Flag()
	}
	count := b.Unsigned()
	if b.Bad || count > mostRefSets {
		return nil
	}
	s := &setBits{sets: make([]refSet, count)}
	for i := range s.sets {
		if !s.sets[i].parse(b, i, s.sets) {
			return nil
		}
	}
	if s.long = b.Flag(); s.long {
		n := b.Unsigned()
		if b.Bad || n > mostLongRefs {
			return nil
		}
		s.longOrders = make([]ref, n)
		for i := range s.longOrders {
			s.longOrders[i] = ref{int(b.Read(orderBits)), b.Flag()}
		}
	}
	if b.Bad {
		return nil
	}
	return s
}

// skipScalingLists skips scaling_list_data (7.3.4).
func skipScalingLists(b *nal.Bits) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6 && !b.Bad; matrix += step {
			if !b.Flag() { // scaling_list_pred_mode_flag
				b.Unsigned()
				continue
			}
			if size > 1 {
				b.Signed() // scaling_list_dc_coef_minus8
			}
			for range min(64, 1<<(4+2*size)) {
				b.Signed()
			}
		}
	}
}

// parse reads st_ref_pic_set (7.3.7) number i, which may be told from those before it. Number len(sets)
// is that of a slice.
func (s *refSet) parse(b *nal.Bits, i int, sets []refSet) bool {
	*s = refSet{}
	if i > 0 && b.Flag() {
		return s.predict(b, i, sets)
	}
	before, after := b.Unsigned(), b.Unsigned()
	if b.Bad || before > mostRefs || after > mostRefs || before+after > mostRefs {
		return false
	}
	for _, side := range [2]struct{ count, sign int }{{int(before), -1}, {int(after), 1}} {
		delta := 0
		for range side.count {
			delta += side.sign * (int(b.Unsigned()) + 1)
			s.refs[s.count] = ref{delta, b.Flag()}
			s.count++
		}
	}
	s.before = int(before)
	return !b.Bad
}

// predict reads a set as what another one becomes when the picture is another one (7-61, 7-62).
func (s *refSet) predict(b *nal.Bits, i int, sets []refSet) bool {
	back := 1
	if i == len(sets) {
		back += int(b.Unsigned() & 0xff)
	}
	negative := b.Flag()
	shift := int(b.Unsigned()) + 1
	if negative {
		shift = -shift
	}
	if b.Bad || back > i {
		return false
	}
	from := &sets[i-back]
	var moved [mostRefs + 1]ref // those of the other set, and last the picture that this is of
	var kept [mostRefs + 1]bool
	for j := range from.count + 1 {
		moved[j].delta = shift
		if j < from.count {
			moved[j].delta += from.refs[j].delta
		}
		moved[j].used = b.Flag()
		kept[j] = moved[j].used || b.Flag()
	}
	add := func(j int, sign int) {
		if kept[j] && moved[j].delta*sign > 0 && s.count < mostRefs {
			s.refs[s.count] = moved[j]
			s.count++
		}
	}
	for j := from.count - 1; j >= from.before; j-- {
		add(j, -1)
	}
	add(from.count, -1)
	for j := range from.before {
		add(j, -1)
	}
	s.before = s.count
	for j := from.before - 1; j >= 0; j-- {
		add(j, 1)
	}
	add(from.count, 1)
	for j := from.before; j < from.count; j++ {
		add(j, 1)
	}
	return !b.Bad
}

// longRef is a long-term picture that a slice names: by its picture order count, or only by the lower bits
// of that.
type longRef struct {
	order int
	whole bool
	used  bool
}

// references are the pictures that a slice's picture may need, or later ones may.
type references struct {
	short refSet
	long  [mostLongRefs]longRef
	longs int
}

// parse reads on in a slice header, behind slice_pic_order_cnt_lsb (7.3.6.1), for a picture of this order.
func (r *references) parse(b *nal.Bits, set *setBits, order, orderBits int) bool {
	r.longs = 0
	switch n := len(set.sets); {
	case !b.Flag(): // short_term_ref_pic_set_sps_flag
		if !r.short.parse(b, n, set.sets) {
			return false
		}
	case n == 0:
		return false
	default:
		index := int(b.Read(bits.Len(uint(n - 1))))
		if index >= n {
			return false
		}
		r.short = set.sets[index]
	}
	return !b.Bad && (!set.long || r.parseLong(b, set, order, orderBits))
}

// parseLong reads the long-term pictures.
func (r *references) parseLong(b *nal.Bits, set *setBits, order, orderBits int) bool {
	listed := uint32(0)
	if len(set.longOrders) > 0 {
		listed = b.Unsigned()
	}
	own := b.Unsigned()
	if b.Bad || listed > mostLongRefs || own > mostLongRefs || listed+own > mostLongRefs {
		return false
	}
	cycles := 0
	for i := range int(listed + own) {
		var l ref
		if i < int(listed) {
			at := 0
			if n := len(set.longOrders); n > 1 {
				at = int(b.Read(bits.Len(uint(n - 1))))
			}
			if at >= len(set.longOrders) {
				return false
			}
			l = set.longOrders[at]
		} else {
			l = ref{int(b.Read(orderBits)), b.Flag()}
		}
		if i == 0 || i == int(listed) {
			cycles = 0
		}
		long := longRef{order: l.delta, used: l.used}
		if long.whole = b.Flag(); long.whole { // delta_poc_msb_present_flag
			cycles += int(b.Unsigned())
			long.order += order&^(1<<orderBits-1) - cycles<<orderBits
		}
		r.long[r.longs] = long
		r.longs++
	}
	return !b.Bad
}
