package audience

import "testing"

// TestPackets counts what is missing and misplaced of numbers that wrap.
func TestPackets(t *testing.T) {
	for name, c := range map[string]struct {
		before, came             []uint16
		forged                   int
		missing, misplaced, want int
	}{
		"in order, over the wrap": {[]uint16{7}, []uint16{8, 9}, 0, 0, 0, 2},
		"wrapped":                 {[]uint16{65533}, []uint16{65534, 65535, 0, 1}, 0, 0, 0, 4},
		"the first is missing":    {[]uint16{65533}, []uint16{65535, 0}, 0, 1, 0, 2},
		"some are missing":        {[]uint16{1}, []uint16{2, 5, 6}, 0, 2, 0, 3},
		"one comes late":          {[]uint16{1}, []uint16{2, 4, 3, 5}, 0, 0, 1, 4},
		"one is forged":           {[]uint16{1}, []uint16{2, 4}, 1, 1, 0, 2},
		"nothing before":          {nil, []uint16{900, 901, 903}, 0, 1, 0, 3},
		"nothing":                 {[]uint16{5}, nil, 0, 0, 0, 0},
	} {
		tally := &tally{progress: make(chan struct{}, 1)}
		for _, s := range c.before {
			tally.saw(s)
		}
		tally.forged()
		tally.begin(1)
		for _, s := range c.came {
			tally.saw(s)
		}
		for range c.forged {
			tally.forged()
		}
		var r Report
		tally.addTo(&r, nil, 1)
		if r.Packets != c.want || r.PacketsMissing != c.missing || r.PacketsMisplaced != c.misplaced || r.PacketsForged != c.forged {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
