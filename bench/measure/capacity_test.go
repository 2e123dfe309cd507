package measure

import (
	"errors"
	"testing"
)

// TestSearch looks for many numbers from many first guesses, and above some that are known to hold.
func TestSearch(t *testing.T) {
	for _, most := range []int{0, 1, 2, 3, 17, 127, 128, 129, 1000, 1024, 10000, mostReaders - 1, mostReaders, 20000} {
		for _, first := range []int{1, 100, CapacityStart, 1000, 10000, mostReaders, 30000} {
			tries := 0
			got, err := search(0, first, func(readers int) (bool, error) {
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
	for _, least := range []int{0, 1, 15, 100, 1000, 15500, mostReaders} {
		for _, more := range []int{0, least / 20, least / 8, least, 10 * least} {
			tries := 0
			most := min(least+more, mostReaders)
			got, err := search(least, above(least), func(readers int) (bool, error) {
				if tries++; readers <= least || readers > mostReaders {
					t.Fatalf("above %d: tries %d readers", least, readers)
				}
				return readers <= most, nil
			})
			if err != nil || got < least || got > most || most-got > max(0, most/(capacityGrain-1)) || tries > 14 || more == 0 && tries > 1 {
				t.Errorf("%d hold: above %d, %d tries found %d, %v", most, least, tries, got, err)
			}
		}
	}
	broken := errors.New("the readers have ended")
	if _, err := search(0, 1, func(int) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
}
