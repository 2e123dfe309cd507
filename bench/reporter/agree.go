package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/camcast/camcast/bench/measure"
)

// agreeWithin is how far the ratios of two runs may differ.
const agreeWithin = 0.25

// costs are the models' CPU per reader and frame in one row, cheapest first, in units of
// loop's.
func (f *Figures) costs(net string, readers int) (models []string, ratios map[string]float64) {
	ratios = map[string]float64{}
	loop, ok := f.row(net, "loop", readers)
	if !ok {
		return nil, nil
	}
	for _, m := range f.Models {
		if r, ok := f.row(net, m, readers); ok {
			ratios[m] = r.CPUPerReaderFrame / loop.CPUPerReaderFrame
			models = append(models, m)
		}
	}
	slices.SortFunc(models, func(a, b string) int { return int(1000 * (ratios[a] - ratios[b])) })
	return models, ratios
}

func (f *Figures) row(net, model string, readers int) (measure.Result, bool) {
	i := slices.IndexFunc(f.Fanout, func(r measure.Result) bool {
		return r.Net == net && r.Model == model && r.Readers == readers
	})
	if i < 0 {
		return measure.Result{}, false
	}
	return f.Fanout[i], true
}

// agreement says how far two runs agree, by the CPU in units of loop's: in the order, of
// models that are more than agreeWithin apart, and in the ratios.
func agreement(w io.Writer, before, now *Figures) {
	rows, agree := 0, 0
	for _, r := range now.Fanout {
		if r.Model != "loop" {
			continue
		}
		_, old := before.costs(r.Net, r.Readers)
		_, ratios := now.costs(r.Net, r.Readers)
		if old == nil {
			continue
		}
		for _, a := range now.Models {
			was, ok := old[a]
			is, still := ratios[a]
			if !ok || !still || a == "loop" {
				continue
			}
			rows++
			if is/was < 1+agreeWithin && was/is < 1+agreeWithin {
				agree++
			} else {
				fmt.Fprintf(w, "differs: net=%s readers=%d %s/loop was %.2f, is %.2f\n", r.Net, r.Readers, a, was, is)
			}
			for _, b := range now.Models {
				if (was > (1+agreeWithin)*old[b] && is < ratios[b]) && old[b] > 0 && ratios[b] > 0 {
					fmt.Fprintf(w, "order differs: net=%s readers=%d %s and %s\n", r.Net, r.Readers, a, b)
				}
			}
		}
	}
	fmt.Fprintf(w, "%d of %d ratios to loop are within %.0f %% of the run before\n", agree, rows, 100*agreeWithin)
}
