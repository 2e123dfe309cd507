package main

import (
	"cmp"
	"fmt"
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
	slices.SortFunc(models, func(a, b string) int { return cmp.Compare(ratios[a], ratios[b]) })
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

// comparison is of two runs.
type comparison struct {
	before, now   *Figures
	ratios, agree int
	said          []string
}

func (c *comparison) say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// agreement says how far two runs agree, by the CPU in units of loop's: in the order, of
// models that are more than agreeWithin apart, and in the ratios. What a model throws away
// that loses most frames is chance, and so is what is left to divide by: that is said, and
// not compared.
func agreement(before, now *Figures) (said []string) {
	c := comparison{before: before, now: now}
	for _, r := range now.Fanout {
		if r.Model == "loop" {
			c.compare(r.Net, r.Readers)
		}
	}
	c.say("%d of %d ratios to loop are within %.0f %% of the other run's", c.agree, c.ratios, 100*agreeWithin)
	return c.said
}

// compare compares one row.
func (c *comparison) compare(net string, readers int) {
	_, was := c.before.costs(net, readers)
	_, is := c.now.costs(net, readers)
	var models []string
	for _, m := range c.now.Models {
		if was[m] == 0 || is[m] == 0 || m == "loop" {
			continue
		}
		if c.losesMost(net, m, readers) {
			c.say("%s, %d readers: %s loses most frames, and is not compared", net, readers, m)
			continue
		}
		models = append(models, m)
		c.ratios++
		if apart(was[m], is[m]) {
			c.say("%s, %d readers: %s was %.2f times loop, is %.2f", net, readers, m, was[m], is[m])
		} else {
			c.agree++
		}
	}
	for _, a := range models {
		for _, b := range models {
			if was[a] > was[b] && apart(was[a], was[b]) && is[a] < is[b] {
				c.say("%s, %d readers: %s and %s have changed places", net, readers, a, b)
			}
		}
	}
}

func (c *comparison) losesMost(net, model string, readers int) bool {
	for _, f := range []*Figures{c.before, c.now} {
		if r, _ := f.row(net, model, readers); r.LostShare() > 0.5 {
			return true
		}
	}
	return false
}

// apart reports whether two ratios are further apart than agreeWithin.
func apart(a, b float64) bool { return a > b*(1+agreeWithin) || b > a*(1+agreeWithin) }
