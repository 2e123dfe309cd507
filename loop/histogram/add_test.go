package histogram

import (
	"testing"
	"time"
)

// TestAdd has two distributions together be what one would be.
func TestAdd(t *testing.T) {
	var one, other, both Histogram
	for i := range 100 {
		h := &one
		if i%3 == 0 {
			h = &other
		}
		d := time.Duration(i*i) * time.Microsecond
		h.Record(d)
		both.Record(d)
	}
	if one.Add(&other); one != both {
		t.Errorf("%v, want %v", one, both)
	}
}
