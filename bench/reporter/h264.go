package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// framesOfH264 has the models that take them take turns. A round is a whole group of pictures.
func (p Plan) framesOfH264(lab *measure.Lab, f *Figures) (steps []step) {
	p.frames = model.H264GroupFrames
	for _, c := range p.h264 {
		for range c.rounds {
			for _, m := range model.AllH264() {
				steps = append(steps, step{fmt.Sprintf("H.264: net=veth model=%s readers=%d", m.Name, c.readers), p.longest + time.Second, func() (string, error) {
					r, err := p.row(lab, measure.Setup{Net: "veth", Model: m.Name, Readers: c.readers, H264: true})
					if err != nil {
						return "", err
					}
					f.H264 = append(f.H264, r)
					return said(r), nil
				}})
			}
		}
	}
	return steps
}

// h264Table has the models that take frames of H.264, cheapest first, and by how much loop is cheaper.
func (f *Figures) h264Table() string {
	results := slices.SortedStableFunc(slices.Values(f.H264), func(a, b measure.Result) int {
		return cmp.Or(cmp.Compare(a.Readers, b.Readers), cmp.Compare(a.CPUPerReaderFrame, b.CPUPerReaderFrame))
	})
	var rows [][]string
	for _, r := range results {
		ratio := "-"
		if i := slices.IndexFunc(results, func(o measure.Result) bool { return o.Model == "loop" && o.Readers == r.Readers }); i >= 0 {
			ratio = short(r.CPUPerReaderFrame / results[i].CPUPerReaderFrame)
		}
		rows = append(rows, []string{fmt.Sprint(r.Readers), r.Model, short(r.CPUPerReaderFrame), ratio, age(r.Got.AgeMedian), age(r.Got.Age99),
			fmt.Sprintf("%.1f", 100*r.LostShare()), fmt.Sprint(r.Got.Stale + r.Got.Damaged), short(r.FramesPerSecond)})
	}
	return table([]string{"readers", "model", "CPU, us per reader and frame", "in units of loop's", "age ms, median", "99 %", "frames lost, %", "stale or damaged", "frames/s"}, rows)
}

// h264Targets has the ratios that loop is to keep with frames of H.264, of those models that were measured.
func (f *Figures) h264Targets() string {
	var rows [][]string
	for _, c := range []struct {
		readers           int
		over, under, want string
	}{
		{1000, "loop", "limit", "at most 1.15"}, {1000, "goroutine", "loop", ""}, {100, "loop", "limit", ""}, {100, "gortsplib", "loop", "at least 10"},
	} {
		cost := func(model string) float64 {
			i := slices.IndexFunc(f.H264, func(r measure.Result) bool { return r.Model == model && r.Readers == c.readers })
			if i < 0 {
				return 0
			}
			return f.H264[i].CPUPerReaderFrame
		}
		if over, under := cost(c.over), cost(c.under); over > 0 && under > 0 {
			rows = append(rows, []string{fmt.Sprint(c.readers), c.over + " / " + c.under, short(over / under), cmp.Or(c.want, "-")})
		}
	}
	if rows == nil {
		return ""
	}
	return table([]string{"readers", "CPU", "is", "is to be"}, rows)
}
