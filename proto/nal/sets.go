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

// put keeps a copy of a set, in the place of the one with its kind and number. It reports whether
// anything has changed.
func (s *sets) put(kind, id uint32, unit []byte) (changed bool, err error) {
	at, found := slices.BinarySearchFunc(s.list, set{kind: kind, id: id}, func(a, b set) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return int(a.id) - int(b.id)
	})
	if found && bytes.Equal(s.list[at].unit, unit) {
		return false, nil
	}
	size := s.bytes + len(unit)
	if found {
		size -= len(s.list[at].unit)
	}
	if size > mostSetBytes || !found && len(s.list) == mostSets {
		return false, fmt.Errorf("%w: more than %d parameter sets, or %d bytes of them", ErrMalformed, mostSets, mostSetBytes)
	}
	s.bytes = size
	if !found {
		s.list = slices.Insert(s.list, at, set{kind: kind, id: id})
	}
	s.list[at].unit = bytes.Clone(unit) // never written to, as Params refer to the one before
	return true, nil
}

// units lists them.
func (s *sets) units() [][]byte {
	list := make([][]byte, len(s.list))
	for i := range s.list {
		list[i] = s.list[i].unit
	}
	return list
}
