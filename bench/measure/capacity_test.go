package measure

import (
	"errors"
	"testing"
)

// TestSearch looks for many numbers from many first guesses.
func TestSearch(t *testing.T) {
	for _, most := range []int{0, 1, 2, 3, 17, 127, 128, 129, 1000, 1024, 10000, mostReaders - 1, mostReaders, 20000} {
		for _, first := range []int{1, 100, CapacityStart, 1000, 10000, mostReaders, 30000} {
			tries := 0
			got, err := search(first, func(readers int) (bool, error) {
				if tries++; readers < 1 || readers > mostReaders {
					t.Fatalf("from %d: tries %d readers", first, readers)
				}
				return readers <= most, nil
			})
			want := min(most, mostReaders)
			if err != nil || got > want || want-got > max(0, want/(capacityGrain-1)) || tries > 22 {
				t.Errorf("%d hold: from %d, %d tries found %d, %v", most, first, tries, got, err)
			}
		}
	}
	broken := errors.New("the readers have ended")
	if _, err := search(1, func(int) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
}
