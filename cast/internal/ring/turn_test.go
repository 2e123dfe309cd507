package ring_test

import (
	"testing"

	"github.com/camcast/camcast/cast/internal/ring"
)

// TestNobodyStaysLast has ten thousand readers be sent many frames: nobody is among the last
// hundredth for more than a few frames in a row, or more often than others.
func TestNobodyStaysLast(t *testing.T) {
	const turns = 20_000
	for _, n := range []int{100, 1000, 9_999, 10_000, 10_007} {
		last := n / 100
		row, late := make([]int, n), make([]int, n)
		latest := make([]int, n) // the turn in which it was last among the last
		longest := 0
		for turn := 1; turn <= turns; turn++ {
			first := ring.First(uint32(turn), n)
			for i := range last {
				r := (first + n - 1 - i) % n
				if late[r]++; late[r] > 1 && latest[r] == turn-1 {
					row[r]++
				} else {
					row[r] = 1
				}
				latest[r] = turn
				longest = max(longest, row[r])
			}
		}
		most, least := 0, turns
		for _, times := range late {
			most, least = max(most, times), min(least, times)
		}
		if longest > 3 || most > turns/100+20 || least < turns/100-20 {
			t.Errorf("of %d readers one is among the last %d for %d frames in a row; they are so %d to %d times of %d", n, last, longest, least, most, turns)
		}
	}
}
