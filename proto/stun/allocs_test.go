//go:build !race

package stun_test

import (
	"net/netip"
	"testing"

	own "github.com/camcast/camcast/proto/stun"
)

// TestNoAllocations checks and answers again and again. (With the race detector pools keep nothing.)
func TestNoAllocations(t *testing.T) {
	var r own.Responder
	p, dst, from := request(t, password, useCandidate), make([]byte, 0, 200), netip.MustParseAddrPort("[2001:db8::7]:50000")
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := own.Fragment(p); !ok {
			t.Error("no fragment")
		}
		if _, err := r.Check(p, password); err != nil {
			t.Error(err)
		}
		dst = r.AppendSuccess(dst[:0], from, password)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
