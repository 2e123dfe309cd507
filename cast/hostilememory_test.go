//go:build !race

package cast_test

import (
	"bytes"
	"runtime"
)

// How much larger the heap may be after a second siege than after the first, when all strangers are
// forgotten: what is kept of the honest readers who have come meanwhile, and what the simulated kernel
// keeps. It was 0.25 MB on average and 0.65 MB at most; to keep all RTCP that comes adds as much.
const (
	mostGrown          = 1 << 20
	mostGrownOnAverage = 400 << 10
)

// heapBytes is what is reachable.
func heapBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// forget drops what the test keeps of a siege.
func (s *siege) forget() {
	s.strangers = nil
	clear(s.asked)
	clear(s.owed)
	s.log = bytes.Buffer{}
	for _, g := range s.joiners {
		g.sink = sink{wrong: g.wrong}
	}
	s.joiners = nil
	for _, g := range s.honest {
		g.sink.numbers = nil
	}
}

// joiner is a stranger who watches.
func (s *siege) joiner(ip string) *guest {
	g := s.newGuest(byJoining, ip, s.s, s.film)
	s.joiners = append(s.joiners, g)
	return g
}
