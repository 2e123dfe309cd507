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
	ratios = f.ratios(net, readers, cpuOf)
	for _, m := range f.Models {
		if _, ok := ratios[m]; ok {
			models = append(models, m)
		}
	}
	slices.SortFunc(models, func(a, b string) int { return cmp.Compare(ratios[a], ratios[b]) })
	return models, ratios
}

func cpuOf(r measure.Result) float64 { return r.CPUPerReaderFrame }

func (f *Figures) row(net, model string, readers int) (measure.Result, bool) {
	i := slices.IndexFunc(f.Fanout, func(r measure.Result) bool {
		return r.Net == net && r.Model == model && r.Readers == readers
	})
	if i < 0 {
		return measure.Result{}, false
	}
	return f.Fanout[i], true
}

// comparison is of a figure of the models in two runs, in units of loop's.
type comparison struct {
	what          string
	before, now   *Figures
	ratios, agree int
	said          []string
}

func (c *comparison) say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// agreement says how far two runs agree in the models' CPU, age and capacity, in units of
// loop's: in the order, of models that are more than agreeWithin apart, and in the ratios.
// What a model throws away that loses most frames is chance, and so is what is left to divide
// by: that is said, and not compared.
func agreement(before, now *Figures) (said []string) {
	cpu := comparison{what: "CPU", before: before, now: now}
	age := comparison{what: "99th percentile of age", before: before, now: now}
	for _, r := range now.Fanout {
		if r.Model == "loop" {
			cpu.rows(r.Net, r.Readers, cpuOf)
			age.rows(r.Net, r.Readers, func(r measure.Result) float64 { return float64(r.Got.Age99) })
		}
	}
	capacity := comparison{what: "capacity", before: before, now: now}
	capacity.compare("one CPU", capacities(before), capacities(now), nil)
	for _, c := range []*comparison{&cpu, &age, &capacity} {
		if c.ratios > 0 {
			c.say("%s: %d of %d ratios to loop are within %.0f %% of the other run's", c.what, c.agree, c.ratios, 100*agreeWithin)
		}
		said = append(said, c.said...)
	}
	return said
}

// rows compares a figure of one network and number of readers.
func (c *comparison) rows(net string, readers int, figure func(measure.Result) float64) {
	where := fmt.Sprintf("%s, %d readers", net, readers)
	c.compare(where, c.before.ratios(net, readers, figure), c.now.ratios(net, readers, figure), func(m string) bool {
		return c.losesMost(net, m, readers)
	})
}

// ratios are a figure of the models in units of loop's.
func (f *Figures) ratios(net string, readers int, figure func(measure.Result) float64) map[string]float64 {
	ratios := map[string]float64{}
	if loop, ok := f.row(net, "loop", readers); ok && figure(loop) > 0 {
		for _, m := range f.Models {
			if r, ok := f.row(net, m, readers); ok {
				ratios[m] = figure(r) / figure(loop)
			}
		}
	}
	return ratios
}

// capacities are those of the models in units of loop's.
func capacities(f *Figures) map[string]float64 {
	ratios := map[string]float64{}
	if loop := f.Capacity["loop"]; loop > 0 {
		for m, readers := range f.Capacity {
			ratios[m] = float64(readers) / float64(loop)
		}
	}
	return ratios
}

// compare compares the ratios of all models but those that are left out.
func (c *comparison) compare(where string, was, is map[string]float64, leftOut func(model string) bool) {
	var models []string
	for _, m := range c.now.Models {
		if was[m] == 0 || is[m] == 0 || m == "loop" {
			continue
		}
		if leftOut != nil && leftOut(m) {
			c.say("%s, %s: %s loses most frames, and is not compared", c.what, where, m)
			continue
		}
		models = append(models, m)
		c.ratios++
		if apart(was[m], is[m]) {
			c.say("%s, %s: %s was %.2f times loop, is %.2f", c.what, where, m, was[m], is[m])
		} else {
			c.agree++
		}
	}
	for _, a := range models {
		for _, b := range models {
			if was[a] > was[b] && apart(was[a], was[b]) && is[a] < is[b] {
				c.say("%s, %s: %s and %s have changed places", c.what, where, a, b)
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
