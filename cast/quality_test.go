package cast

import (
	"fmt"
	"testing"
)

// TestRuleOfQuality takes a census each second, for so many seconds with so many of 10
// addresses that vote for less, and says the steps of quality at the end.
func TestRuleOfQuality(t *testing.T) {
	type phase struct {
		seconds, less int
		want          uint8
	}
	for _, c := range []struct {
		name   string
		phases []phase
	}{
		{"nobody suffers", []phase{{1000, 0, 0}}},
		{"half do, which is not most", []phase{{1000, 5, 0}}},
		{"most do", []phase{{10, 6, 0}, {1, 6, 1}, {9, 6, 1}, {1, 6, 2}}},
		{"for a moment only", []phase{{9, 10, 0}, {1, 5, 0}, {9, 10, 0}, {1, 5, 0}}},
		{"no further than four steps", []phase{{41, 10, 4}, {500, 10, 4}}},
		{"some still do", []phase{{11, 10, 1}, {1000, 3, 1}}},
		{"back, slowly", []phase{{21, 10, 2}, {60, 2, 2}, {1, 2, 1}, {59, 2, 1}, {1, 2, 0}, {1000, 2, 0}}},
		{"back too early", []phase{{11, 10, 1}, {61, 0, 0}, {11, 10, 1}, {120, 0, 1}, {1, 0, 0}, {11, 10, 1}, {240, 0, 1}, {1, 0, 0}}},
		{"back for good, and another trouble", []phase{{11, 10, 1}, {61, 0, 0}, {11, 10, 1}, {121, 0, 0}, {121, 0, 0},
			{11, 10, 1}, {60, 0, 1}, {1, 0, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, at := range []uint32{0, 1<<32 - 15000} { // the clock may wrap
				s := coding{since: at}
				for i, p := range c.phases {
					for range p.seconds {
						s = adaptQuality(s, census{at: at, voters: 10, less: p.less})
						at += 1000
					}
					if s.steps != p.want {
						t.Fatalf("after phase %d: %d steps, want %d (%+v)", i, s.steps, p.want, s)
					}
				}
			}
		})
	}
	empty := coding{}
	for i := range uint32(100) {
		empty = adaptQuality(empty, census{at: i * 1000})
	}
	if empty.steps != 0 {
		t.Errorf("%d steps without readers", empty.steps)
	}
}

func TestQualityOfSteps(t *testing.T) {
	got := ""
	for _, full := range []int{100, 80, 1} {
		for steps := range uint8(maxQualitySteps + 1) {
			got += fmt.Sprint(coding{steps: steps}.of(full), " ")
		}
	}
	if want := "100 75 56 42 31 80 60 45 33 24 1 1 1 1 1 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
