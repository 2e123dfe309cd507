package main

import "testing"

// TestColoursOfTerminal has the viewer follow what the environment says of the terminal's colours.
func TestColoursOfTerminal(t *testing.T) {
	url := startBroadcast(t, "cam").url("cam")
	for name, c := range map[string]struct {
		environment []string
		shown       func(sight) bool
	}{
		"NO_COLOR":   {[]string{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=1"}, uncoloured},
		"dumb":       {[]string{"TERM=dumb", "COLORTERM=truecolor", "NO_COLOR="}, uncoloured},
		"16 colours": {[]string{"TERM=linux", "COLORTERM=", "NO_COLOR="}, func(s sight) bool { return s.blocks > 0 && s.fronts > 3 && s.fronts <= 17 }},
		"24 bits":    {[]string{"TERM=xterm", "COLORTERM=24bit", "NO_COLOR="}, func(s sight) bool { return s.blocks > 0 && s.fronts > 300 }},
	} {
		t.Run(name, func(t *testing.T) {
			p := sitDownAt(t, true, c.environment, url)
			p.await("a picture in these colours", c.shown)
			p.press("q")
			p.awaitEnd()
		})
	}
}

func uncoloured(s sight) bool { return s.blocks == 0 && s.dense > 100 && s.fronts == 1 }
