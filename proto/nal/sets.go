package nal

import (
	"bytes"
	"fmt"
	"slices"
)

const (
	// mostSets and mostSetBytes bound the parameter sets of a stream. Cameras have two or three,
	// of some 60 bytes together; all of them go out before each key frame.
	mostSets     = 64
	mostSetBytes = 16384
)

// sets are the parameter sets of a stream, in order of their kind and number.
type sets struct {
	list  []set
	bytes int
}

type set struct {
	kind, id uint32
	unit     []byte
}

// has reports whether a set is kept as it is: most are sent again and again.
func (s *sets) has(kind uint32, unit []byte) bool {
	return slices.ContainsFunc(s.list, func(k set) bool { return k.kind == kind && bytes.Equal(k.unit, unit) })
}

// put keeps a copy of a set, in the place of the one with its kind and number.
func (s *sets) put(kind, id uint32, unit []byte) error {
	at, found := slices.BinarySearchFunc(s.list, set{kind: kind, id: id}, func(a, b set) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return int(a.id) - int(b.id)
	})
	size := s.bytes + len(unit)
	if found {
		size -= len(s.list[at].unit)
	}
	if size > mostSetBytes || !found && len(s.list) == mostSets {
		return fmt.Errorf("%w: more than %d parameter sets, or %d bytes of them", ErrMalformed, mostSets, mostSetBytes)
	}
	s.bytes = size
	if !found {
		s.list = slices.Insert(s.list, at, set{kind: kind, id: id})
	}
	s.list[at].unit = bytes.Clone(unit) // never written to, as Params refer to the one before
	return nil
}

// units lists them.
func (s *sets) units() [][]byte {
	list := make([][]byte, len(s.list))
	for i := range s.list {
		list[i] = s.list[i].unit
	}
	return list
}
