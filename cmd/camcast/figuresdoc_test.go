package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// TestFiguresAreExplained wants each key of the figures in docs/figures.md.
func TestFiguresAreExplained(t *testing.T) {
	doc, err := os.ReadFile("../../docs/figures.md")
	if err != nil {
		t.Fatal(err)
	}
	l := loop.NewOn(sim.New(1))
	b, err := cast.New(l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	printFiguresAsJSON(l, b, &out, udp.SystemCounters{})
	keys := 0
	for line := range strings.Lines(out.String()) {
		var figures map[string]any
		if err := json.Unmarshal([]byte(line), &figures); err != nil {
			t.Fatal(err)
		}
		for key := range figures {
			if slices.Contains([]string{"time", "level", "msg", "stream"}, key) {
				continue
			}
			if keys++; !strings.Contains(string(doc), "`"+key+"`") {
				t.Errorf("docs/figures.md does not explain %s", key)
			}
		}
	}
	if keys < 30 {
		t.Errorf("only %d keys in %s", keys, out.String())
	}
}
