package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/camcast/camcast/bench/measure"
)

// agreeWithin is how far the ratios of two runs may differ.
const agreeWithin = 0.25

// costs are the models' CPU per reader and frame in one row, cheapest first, in units of
// loop's; those from whom nobody got anything are last, and have none.
func (f *Figures) costs(net string, readers int) (models []string, ratios map[string]float64) {
	ratios = f.ratios(net, readers, cpuOf)
	for _, m := range f.Models {
		if _, ok := f.row(net, m, readers); ok {
			models = append(models, m)
		}
	}
	rank := func(m string) float64 {
		if ratio, ok := ratios[m]; ok {
			return ratio
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(models, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return models, ratios
}

func cpuOf(r measure.Result) float64       { return r.CPUPerReaderFrame }
func ageOf(r measure.Result) float64       { return float64(r.Got.Age99) }
func medianAgeOf(r measure.Result) float64 { return float64(r.Got.AgeMedian) }

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
// by, or what a handful of frames costs; and the age of frames that pile up grows for as long as
// one looks: that is said, and not compared.
func agreement(before, now *Figures) (said []string) {
	cpu := comparison{what: "CPU", before: before, now: now}
	median := comparison{what: "median age", before: before, now: now}
	age := comparison{what: "99th percentile of age", before: before, now: now}
	for _, r := range now.Fanout {
		if r.Model == "loop" {
			cpu.rows(r.Net, r.Readers, cpuOf, leftToChance)
			median.rows(r.Net, r.Readers, medianAgeOf, pilesUp)
			age.rows(r.Net, r.Readers, ageOf, pilesUp)
		}
	}
	capacity := comparison{what: "capacity", before: before, now: now}
	capacity.compare("one CPU", capacities(before), capacities(now), func(string) string { return "" })
	for _, c := range []*comparison{&cpu, &median, &age, &capacity} {
		if c.ratios > 0 {
			c.say("%s: %d of %d ratios to loop are within %.0f %% of the other run's", c.what, c.agree, c.ratios, 100*agreeWithin)
		}
		said = append(said, c.said...)
	}
	return said
}

// rows compares a figure of one network and number of readers. What a model does for which
// leftOut gives a reason, in one of the runs, is not compared, and nothing is if that is loop.
func (c *comparison) rows(net string, readers int, figure func(measure.Result) float64, leftOut func(measure.Result) string) {
	where := fmt.Sprintf("%s, %d readers", net, readers)
	because := func(model string) string {
		for _, f := range []*Figures{c.before, c.now} {
			if r, ok := f.row(net, model, readers); ok && leftOut(r) != "" {
				return leftOut(r)
			}
		}
		return ""
	}
	if reason := because("loop"); reason != "" {
		c.say("%s, %s: loop %s, and nothing is compared with it", c.what, where, reason)
		return
	}
	c.compare(where, c.before.ratios(net, readers, figure), c.now.ratios(net, readers, figure), because)
}

// ratios are a figure of the models in units of loop's.
func (f *Figures) ratios(net string, readers int, figure func(measure.Result) float64) map[string]float64 {
	ratios := map[string]float64{}
	if loop, ok := f.row(net, "loop", readers); ok && figure(loop) > 0 {
		for _, m := range f.Models {
			if r, ok := f.row(net, m, readers); ok && figure(r) > 0 {
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

// compare compares the ratios of all models but those that are left out for a reason.
func (c *comparison) compare(where string, was, is map[string]float64, because func(model string) string) {
	var models, reasons []string
	leftOut := map[string][]string{}
	for _, m := range c.now.Models {
		if was[m] == 0 || is[m] == 0 || m == "loop" {
			continue
		}
		if reason := because(m); reason != "" {
			if leftOut[reason] == nil {
				reasons = append(reasons, reason)
			}
			leftOut[reason] = append(leftOut[reason], m)
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
	for _, reason := range reasons {
		c.say("%s, %s: not compared, since it %s: %s", c.what, where, reason, strings.Join(leftOut[reason], ", "))
	}
	for _, a := range models {
		for _, b := range models {
			if was[a] > was[b] && apart(was[a], was[b]) && is[a] < is[b] {
				c.say("%s, %s: %s and %s have changed places", c.what, where, a, b)
			}
		}
	}
}

// fewFrames are too few for their CPU to be compared: three or four in each round.
const fewFrames = 10

// leftToChance says whether too little has come of a model for its CPU to be more than chance.
func leftToChance(r measure.Result) string {
	switch {
	case r.LostShare() > 0.5:
		return "loses most frames"
	case r.Frames < fewFrames:
		return fmt.Sprintf("sends only %d frames", r.Frames)
	}
	return ""
}

// pilesUp says whether a model does not hold so many readers, so that its frames' age says
// little but how long it was measured.
func pilesUp(r measure.Result) string {
	if !keepsUp(r) || r.Got.Age99 > measure.PiledUp {
		return "does not keep up"
	}
	return ""
}

// apart reports whether two ratios are further apart than agreeWithin.
func apart(a, b float64) bool { return a > b*(1+agreeWithin) || b > a*(1+agreeWithin) }
