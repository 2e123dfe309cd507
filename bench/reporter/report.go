package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/camcast/camcast/bench/measure"

	_ "embed"
)

//go:embed report.md.tmpl
var reportText string

// writeReport writes the report as Markdown.
func writeReport(path string, f *Figures) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"fanout":   f.fanoutTable,
		"h264":     f.h264Table,
		"h264most": f.h264Targets,
		"webrtc":   f.webRTCTable,
		"webmost":  f.webRTCTargets,
		"readers":  f.readersTable,
		"seed":     f.seedTable,
		"first":    f.firstTable,
		"targets":  f.targetTable,
		"most":     f.firstInCapacity,
		"capacity": f.capacityTable,
		"seeds":    func() []int { return seedReaders(f) },
	}).Parse(reportText)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := t.Execute(&text, f); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	line(slices.Repeat([]string{"---"}, len(head)))
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

// short writes a number with about three digits.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func age(d time.Duration) string { return short(float64(d.Microseconds()) / 1000) }

// samplesForRarest is how many frames must have come in a round for their 99.9th percentile to
// be told.
const samplesForRarest = 1000

// fanoutTable has all figures of one network and number of readers, cheapest first.
func (f *Figures) fanoutTable(net string, readers int) string {
	names, ratios := f.costs(net, readers)
	var rows [][]string
	for _, name := range names {
		r, _ := f.row(net, name, readers)
		if r.Got.Whole == 0 {
			rows = append(rows, slices.Concat([]string{name}, slices.Repeat([]string{"-"}, 5), []string{"100"}, slices.Repeat([]string{"-"}, 9)))
			continue
		}
		calls := "-"
		if r.CallsPerFrame >= 0 {
			calls = short(r.CallsPerFrame)
		}
		rarest := "-"
		if r.Got.Whole/max(r.Rounds, 1) >= samplesForRarest {
			rarest = age(r.Got.Age999)
		}
		rows = append(rows, []string{
			name, short(r.CPUPerReaderFrame), short(ratios[name]), age(r.Got.AgeMedian), age(r.Got.Age99), rarest,
			fmt.Sprintf("%.1f", 100*r.LostShare()), fmt.Sprint(r.Lags), fmt.Sprint(r.Got.Stale + r.Got.Damaged), fmt.Sprint(r.Frames), short(r.FramesPerSecond),
			short(float64(r.Memory) / (1 << 20)), f.memoryPerReader(net, name, r), calls, short(r.SwitchesPerFrame), short(r.MegabitPerSecond),
		})
	}
	return table([]string{
		"model", "CPU, us per reader and frame", "in units of loop's", "age ms, median", "99 %", "99.9 %",
		"frames lost, %", "lags", "stale or damaged", "frames sent", "frames/s", "MiB", "kB per reader", "system calls per frame", "context switches per frame", "Mbit/s",
	}, rows)
}

// memoryPerReader is by how much memory grows with a reader, from a run with few: what a
// program uses without any is not the readers'.
func (f *Figures) memoryPerReader(net, name string, r measure.Result) string {
	few, ok := f.row(net, name, 10)
	return growth(few, r, ok)
}

// growth is by how much memory grows with a reader from a row with few to one with many, in kB.
func growth(few, many measure.Result, known bool) string {
	if !known || few.Readers >= many.Readers {
		return "-"
	}
	return short(max(0, float64(many.Memory-few.Memory)/float64(many.Readers-few.Readers)/1000))
}

// readersTable has one figure of each model against the number of readers.
func (f *Figures) readersTable(what string) string {
	figure := map[string]func(measure.Result) string{
		"cpu":  func(r measure.Result) string { return short(r.CPUPerReaderFrame) },
		"age":  func(r measure.Result) string { return age(r.Got.Age99) },
		"lost": func(r measure.Result) string { return fmt.Sprintf("%.1f", 100*r.LostShare()) },
		"rate": func(r measure.Result) string { return short(r.FramesPerSecond) },
		"sent": func(r measure.Result) string { return fmt.Sprint(r.Frames) },
	}[what]
	ofWhatCame := what == "cpu" || what == "age"
	counts := f.counts()
	head := []string{"readers"}
	for _, n := range counts {
		head = append(head, fmt.Sprint(n))
	}
	var rows [][]string
	for _, m := range f.Models {
		cells := []string{m}
		for _, n := range counts {
			if r, ok := f.row("veth", m, n); ok && (r.Got.Whole > 0 || !ofWhatCame) {
				cells = append(cells, figure(r))
			} else {
				cells = append(cells, "-")
			}
		}
		rows = append(rows, cells)
	}
	return table(head, rows)
}

// counts are the numbers of readers on the veth pair.
func (f *Figures) counts() (counts []int) {
	for _, r := range f.Fanout {
		if r.Net == "veth" && !slices.Contains(counts, r.Readers) {
			counts = append(counts, r.Readers)
		}
	}
	slices.Sort(counts)
	return counts
}

// ancestors is what the two programs before this one were measured to use.
var ancestors = [][]string{
	{"threads, 2017", "28-49 / 1.1", "187-229 / 3.5", "276-279 / 6.9", "354-379 / 12.9"},
	{"RabbitMQ, 2019", "46-78 / 1.8", "241-337 / 5.0", "366-372 / 9.2-9.6", "371-410 / 17.1-18.2"},
}

func (f *Figures) seedTable() string {
	head := []string{"% CPU / % memory, readers"}
	for _, n := range seedReaders(f) {
		head = append(head, fmt.Sprint(n))
	}
	var rows [][]string
	for _, a := range ancestors {
		rows = append(rows, a[:min(len(a), len(head))])
	}
	for _, m := range f.Models {
		cells := []string{m}
		for _, l := range f.Seed {
			if l.Model == m {
				cpu, memory := l.middle()
				cell := fmt.Sprintf("%s / %.2f", short(cpu), memory)
				if l.Got < 99.95 {
					cell += fmt.Sprintf(" (%.1f %% of frames)", l.Got)
				}
				cells = append(cells, cell)
			}
		}
		if len(cells) > 1 {
			rows = append(rows, cells)
		}
	}
	return table(head, rows)
}

func (f *Figures) capacityTable() string {
	var rows [][]string
	for _, m := range f.Models {
		if n, ok := f.Capacity[m]; ok {
			rows = append(rows, []string{m, fmt.Sprint(n)})
		}
	}
	return table([]string{"model", "readers"}, rows)
}

// firstTable says where loop is first among the models that somebody would choose, and
// who is where it is not.
func (f *Figures) firstTable() string {
	var rows [][]string
	for _, n := range f.counts() {
		cells := []string{fmt.Sprint(n)}
		for _, figure := range []func(measure.Result) float64{
			cpuOf,
			ageOf,
			func(r measure.Result) float64 { return float64(r.Memory) },
		} {
			cells = append(cells, f.firstOf(n, figure))
		}
		rows = append(rows, cells)
	}
	return table([]string{"readers", "CPU per reader", "99th percentile of the age", "memory"}, rows)
}

// keepsUp reports whether a model has sent frames at their rate and lost hardly any. Who does
// not is not compared: what it has not done has cost it nothing.
func keepsUp(r measure.Result) bool { return r.FramesPerSecond > 28.5 && r.LostShare() < 0.01 }

// targetTable has the ratios that loop is to keep.
func (f *Figures) targetTable() string {
	var rows [][]string
	for _, c := range []struct {
		net, over, under, want string
	}{
		{"veth", "loop", "limit", "at most 1.15"}, {"veth", "goroutine", "loop", "at least 15"},
		{"lo", "loop", "limit", "at most 1.15"}, {"lo", "goroutine", "loop", "at least 4"},
	} {
		over, ok := f.row(c.net, c.over, 1000)
		under, ok2 := f.row(c.net, c.under, 1000)
		if ok && ok2 {
			rows = append(rows, []string{c.net, c.over + " / " + c.under, short(over.CPUPerReaderFrame / under.CPUPerReaderFrame), c.want})
		}
	}
	return table([]string{"network, 1000 readers", "CPU", "is", "is to be"}, rows)
}

// firstInCapacity says who holds the most readers.
func (f *Figures) firstInCapacity() string {
	loop := f.Capacity["loop"]
	best, most := "", 0
	for _, m := range f.Models {
		if n := f.Capacity[m]; m != "limit" && m != "loop" && n > most {
			best, most = m, n
		}
	}
	if loop == 0 || most == 0 {
		return "-"
	}
	if loop > most {
		return fmt.Sprintf("loop holds %d readers, %s %d", loop, best, most)
	}
	return fmt.Sprintf("**%s** holds %d readers, loop %d", best, most, loop)
}

func (f *Figures) firstOf(readers int, figure func(measure.Result) float64) string {
	loop, ok := f.row("veth", "loop", readers)
	if !ok {
		return "-"
	}
	best, value := "loop", figure(loop)
	next, second := "", 0.0
	for _, m := range f.Models {
		r, ok := f.row("veth", m, readers)
		if !ok || m == "limit" || m == "loop" || r.Got.Whole == 0 || !keepsUp(r) && keepsUp(loop) {
			continue
		}
		if figure(r) < value {
			best, value = m, figure(r)
		}
		if next == "" || figure(r) < second {
			next, second = m, figure(r)
		}
	}
	if next == "" {
		return "loop; no other keeps up"
	}
	if best == "loop" {
		return fmt.Sprintf("loop; %s needs %s times as much", next, short(second/value))
	}
	return fmt.Sprintf("**%s**; loop needs %s times as much", best, short(figure(loop)/value))
}
