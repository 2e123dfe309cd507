package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/bench/measure"
)

// TestTake has steps that succeed at once, at the second attempt and never, and one that is not
// for this machine.
func TestTake(t *testing.T) {
	broken := errors.New("the readers have ended")
	for _, test := range []struct {
		name           string
		outcomes       []error
		said           string
		failed, absent []string
	}{
		{"at once", []error{nil}, "done", nil, nil},
		{"at the second attempt", []error{broken, nil}, "done", nil, nil},
		{"never", []error{broken, broken}, "failed: the readers have ended", []string{"never: the readers have ended"}, nil},
		{"not here", []error{measure.AbsentError{Why: "no broker"}}, "absent: no broker", nil, []string{"no broker"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f Figures
			attempts := 0
			said := f.take(step{name: test.name, run: func() (string, error) {
				attempts++
				return "done", test.outcomes[attempts-1]
			}})
			if said != test.said || attempts != len(test.outcomes) || !slices.Equal(f.Failed, test.failed) || !slices.Equal(f.Absent, test.absent) {
				t.Errorf("said %q after %d attempts, failed %q, absent %q; want %q after %d, %q, %q",
					said, attempts, f.Failed, f.Absent, test.said, len(test.outcomes), test.failed, test.absent)
			}
		})
	}
}
