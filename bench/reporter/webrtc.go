package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// WebRTCRow is what was measured of a model that seals packets for each reader.
type WebRTCRow struct {
	Size string // of the frames: a model.H264Size, such as "7x1200"
	measure.Result
}

// byWebRTC has the models that send by WebRTC take turns. A round is a whole group of pictures.
func (p Plan) byWebRTC(lab *measure.Lab, f *Figures) (steps []step) {
	p.frames = model.H264GroupFrames
	for _, size := range []model.H264Size{model.WebRTCFrames, model.WebRTCLargeFrames} {
		for _, c := range p.webRTC {
			for range c.rounds {
				for _, m := range model.AllWebRTC() {
					steps = append(steps, step{fmt.Sprintf("WebRTC: net=veth frames=%v model=%s readers=%d", size, m.Name, c.readers), p.longest + time.Second, func() (string, error) {
						r, err := p.row(lab, measure.Setup{Net: "veth", Model: m.Name, Readers: c.readers, H264Size: size})
						if err != nil {
							return "", err
						}
						f.WebRTC = append(f.WebRTC, WebRTCRow{size.String(), r})
						return said(r), nil
					}})
				}
			}
		}
	}
	return steps
}

// capacitiesByWebRTC looks for the capacities of the models that are given keys. pion is left out: each of its readers needs
// as much CPU as the sender does for it, so that the readers' capacity would be found.
func (p Plan) capacitiesByWebRTC(lab *measure.Lab, f *Figures) (steps []step) {
	if !p.capacity {
		return nil
	}
	for _, m := range model.AllWebRTC() {
		if m.Transport == model.WebRTC {
			continue
		}
		steps = append(steps, f.capacity("capacity of "+m.Name, 30*time.Second, m.Name, func() (int, error) {
			held, err := lab.Capacity("veth", m.Name, measure.CapacityStart)
			for look := 1; err == nil && look < measure.CapacityLooks; look++ {
				held, err = lab.CapacityAbove("veth", m.Name, held)
			}
			return held, err
		}))
	}
	return steps
}

// ofWebRTCRounds makes one row of all rounds with the same size, model and number of readers.
func ofWebRTCRounds(rows []WebRTCRow) (all []WebRTCRow) {
	var sizes []string
	bySize := map[string][]measure.Result{}
	for _, r := range rows {
		if bySize[r.Size] == nil {
			sizes = append(sizes, r.Size)
		}
		bySize[r.Size] = append(bySize[r.Size], r.Result)
	}
	for _, size := range sizes {
		for _, r := range ofRounds(bySize[size]) {
			all = append(all, WebRTCRow{size, r})
		}
	}
	return all
}

// webRTCRow finds a row. ok is false if that was not measured.
func (f *Figures) webRTCRow(size, model string, readers int) (r measure.Result, ok bool) {
	i := slices.IndexFunc(f.WebRTC, func(r WebRTCRow) bool {
		return r.Size == size && r.Model == model && r.Readers == readers
	})
	if i < 0 {
		return r, false
	}
	return f.WebRTC[i].Result, true
}

// webRTCTable has the models that send by WebRTC, cheapest first, in units of webrtc's.
func (f *Figures) webRTCTable() string {
	rows := slices.SortedStableFunc(slices.Values(f.WebRTC), func(a, b WebRTCRow) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Readers, b.Readers), cmp.Compare(a.CPUPerReaderFrame, b.CPUPerReaderFrame))
	})
	var cells [][]string
	for _, r := range rows {
		ratio := "-"
		if own, ok := f.webRTCRow(r.Size, "webrtc", r.Readers); ok {
			ratio = short(r.CPUPerReaderFrame / own.CPUPerReaderFrame)
		}
		g := r.Got
		cells = append(cells, []string{r.Size, fmt.Sprint(r.Readers), r.Model, short(r.CPUPerReaderFrame), ratio, age(g.AgeMedian), age(g.Age99),
			fmt.Sprintf("%.1f", 100*r.LostShare()), fmt.Sprint(g.PacketsMissing), fmt.Sprint(g.PacketsMisplaced + g.PacketsForged + g.Stale + g.Damaged),
			short(r.FramesPerSecond), short(float64(r.Memory) / (1 << 20)), f.webRTCGrowth(r)})
	}
	return table([]string{"frames", "readers", "model", "CPU, us per reader and frame", "in units of webrtc's", "age ms, median", "99 %",
		"frames lost, %", "packets missing", "misplaced, forged, stale or damaged", "frames/s", "MiB", "kB per reader"}, cells)
}

// webRTCGrowth is by how much memory grows with a reader, from the fewest readers on.
func (f *Figures) webRTCGrowth(r WebRTCRow) string {
	few := r
	for _, o := range f.WebRTC {
		if o.Size == r.Size && o.Model == r.Model && o.Readers < few.Readers {
			few = o
		}
	}
	return growth(few.Result, r.Result, true)
}

// webRTCTargets has the ratios that webrtc must keep to the models that were measured, and how many readers each model holds.
func (f *Figures) webRTCTargets() string {
	size := model.WebRTCFrames.String()
	var rows [][]string
	for _, c := range []struct {
		readers           int
		over, under, want string
	}{{1000, "webrtc", "webrtc-limit", "at most 1.25"}, {100, "pion", "webrtc", "at least 5"}} {
		over, ok := f.webRTCRow(size, c.over, c.readers)
		under, ok2 := f.webRTCRow(size, c.under, c.readers)
		if ok && ok2 {
			rows = append(rows, []string{fmt.Sprintf("%d readers: CPU, %s / %s", c.readers, c.over, c.under), short(over.CPUPerReaderFrame / under.CPUPerReaderFrame), c.want})
		}
	}
	for _, m := range model.AllWebRTC() {
		if n := f.Capacity[m.Name]; n > 0 {
			rows = append(rows, []string{m.Name + ": readers on one CPU", fmt.Sprint(n), "-"})
		}
	}
	if rows == nil {
		return ""
	}
	return table([]string{"frames of " + size, "is", "is to be"}, rows)
}
