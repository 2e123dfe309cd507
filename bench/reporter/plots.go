package main

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"github.com/camcast/camcast/bench/measure"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	plotWidth  = 17 * vg.Centimeter
	plotHeight = 11 * vg.Centimeter
	plotDPI    = 96
)

// modelColors are told apart by people who see few colours, too: the glyphs help.
var modelColors = []color.Color{
	color.RGBA{0x77, 0x77, 0x77, 0xff}, color.RGBA{0xd0, 0x00, 0x20, 0xff}, color.RGBA{0x00, 0x72, 0xb2, 0xff},
	color.RGBA{0xe6, 0x9f, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	color.RGBA{0x56, 0xb4, 0xe9, 0xff}, color.RGBA{0x8b, 0x5a, 0x2b, 0xff}, color.RGBA{0x00, 0x00, 0x00, 0xff},
}

var modelGlyphs = []draw.GlyphDrawer{
	draw.CrossGlyph{}, draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{},
	draw.RingGlyph{}, draw.BoxGlyph{}, draw.PlusGlyph{}, draw.CrossGlyph{},
}

// look is the colour and glyph of a model: the same in all plots.
func (f *Figures) look(model string) (color.Color, draw.GlyphDrawer) {
	i := max(0, slices.Index(f.Models, model))
	return modelColors[i%len(modelColors)], modelGlyphs[i%len(modelGlyphs)]
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font.Size = font.Length(12)
	p.BackgroundColor = color.White
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	return p
}

func writePlots(out string, f *Figures) error {
	errs := []error{
		writeAcross(filepath.Join(out, "cpu.png"), f, "CPU for each frame and reader, veth", "microseconds", cpuOf),
		writeAcross(filepath.Join(out, "age50.png"), f, "Age of a frame at the reader: median, veth", "milliseconds",
			func(r measure.Result) float64 { return float64(r.Got.AgeMedian.Microseconds()) / 1000 }),
		writeAcross(filepath.Join(out, "age99.png"), f, "Age of a frame at the reader: 99th percentile, veth", "milliseconds",
			func(r measure.Result) float64 { return float64(r.Got.Age99.Microseconds()) / 1000 }),
		writeAcross(filepath.Join(out, "age999.png"), f, "Age of a frame at the reader: 99.9th percentile, veth", "milliseconds",
			func(r measure.Result) float64 { return float64(r.Got.Age999.Microseconds()) / 1000 }),
	}
	if len(f.Capacity) > 0 {
		errs = append(errs, writeCapacity(filepath.Join(out, "capacity.png"), f))
	}
	for _, readers := range seedReaders(f) {
		errs = append(errs, writeLoad(filepath.Join(out, fmt.Sprintf("seed-%d.png", readers)), f, readers))
	}
	return errors.Join(errs...)
}

// writeAcross plots a figure of all models against the number of readers.
func writeAcross(path string, f *Figures, title, unit string, figure func(measure.Result) float64) error {
	p := newPlot(title, "readers", unit)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	for _, model := range f.Models {
		var points plotter.XYs
		for _, r := range f.Fanout {
			value := figure(r)
			if r.Net == "veth" && r.Model == model && value > 0 {
				points = append(points, plotter.XY{X: float64(r.Readers), Y: value})
			}
		}
		if err := addCurve(p, f, model, points); err != nil {
			return err
		}
	}
	p.X.Max *= 12 // room for the legend
	return p.Save(plotWidth, plotHeight, path)
}

func addCurve(p *plot.Plot, f *Figures, model string, points plotter.XYs) error {
	if len(points) == 0 {
		return nil
	}
	line, scatter, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, scatter.Shape = f.look(model)
	scatter.Color = line.Color
	line.Width = vg.Points(1.2)
	p.Add(line, scatter)
	p.Legend.Add(model, line, scatter)
	return nil
}

func writeCapacity(path string, f *Figures) error {
	p := newPlot("Readers held at 30 frames/s on one CPU, none losing a frame, veth", "", "readers")
	p.Legend.Top = false
	var names []string
	for _, model := range f.Models {
		readers, ok := f.Capacity[model]
		if !ok {
			continue
		}
		bar, err := plotter.NewBarChart(plotter.Values{float64(readers)}, vg.Points(28))
		if err != nil {
			return err
		}
		bar.XMin = float64(len(names))
		bar.Color, _ = f.look(model)
		label, err := plotter.NewLabels(plotter.XYLabels{
			XYs: plotter.XYs{{X: float64(len(names)), Y: float64(readers)}}, Labels: []string{fmt.Sprint(readers)},
		})
		if err != nil {
			return err
		}
		label.TextStyle[0].XAlign = draw.XCenter
		label.Offset.Y = vg.Points(2)
		p.Add(bar, label)
		names = append(names, model)
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.6, float64(len(names))-0.4 // whole bars
	p.Y.Min = 0
	p.Y.Max *= 1.08 // room for the numbers
	return p.Save(plotWidth, plotHeight, path)
}

// seedReaders are the numbers of readers that the load over time was taken with.
func seedReaders(f *Figures) (all []int) {
	for _, l := range f.Seed {
		if !slices.Contains(all, l.Readers) {
			all = append(all, l.Readers)
		}
	}
	return all
}

// writeLoad plots CPU and memory over time, one above the other.
func writeLoad(path string, f *Figures, readers int) error {
	cpu := newPlot(fmt.Sprintf("All that takes part, %d readers, 57.6 kB frames", readers), "seconds", "% CPU")
	memory := newPlot("", "seconds", "% memory")
	for _, l := range f.Seed {
		if l.Readers != readers {
			continue
		}
		var ofCPU, ofMemory plotter.XYs
		for _, s := range l.Samples {
			ofCPU = append(ofCPU, plotter.XY{X: s.Seconds, Y: s.CPU})
			ofMemory = append(ofMemory, plotter.XY{X: s.Seconds, Y: s.MemoryUse})
		}
		if err := errors.Join(addCurve(cpu, f, l.Model, ofCPU), addCurve(memory, f, l.Model, ofMemory)); err != nil {
			return err
		}
	}
	for _, p := range []*plot.Plot{cpu, memory} {
		p.X.Min, p.Y.Min = 0, 0
		p.X.Max *= 1.25 // room for the legend
	}
	canvas := vgimg.NewWith(vgimg.UseWH(plotWidth, 2*plotHeight), vgimg.UseDPI(plotDPI))
	tiles := draw.Tiles{Rows: 2, Cols: 1}
	for i, c := range plot.Align([][]*plot.Plot{{cpu}, {memory}}, tiles, draw.New(canvas)) {
		[]*plot.Plot{cpu, memory}[i].Draw(c[0])
	}
	return writePNG(path, canvas)
}

func writePNG(path string, canvas *vgimg.Canvas) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = vgimg.PngCanvas{Canvas: canvas}.WriteTo(file)
	return errors.Join(err, file.Close())
}
