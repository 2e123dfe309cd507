// Command reporter measures every model and writes a report with plots.
//
//	go run ./bench/reporter -o bench/report
//
// It takes some 20 minutes on two cores, and tells how many are left. make bench installs
// what it needs first. What is missing all the same is named in the report. The figures
// are kept beside the report, and the next run's report says how far it agrees with them.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/rig"
)

func main() {
	measure.Main()
	out := flag.String("o", "bench/report", "`folder` that the report is written to")
	quick := flag.Bool("quick", false, "measure little of everything, in about two minutes, to try the reporter itself")
	before := flag.String("before", "", "`folders` of the runs to compare with, separated by commas (default: that of -o)")
	anew := flag.Bool("anew", false, "measure nothing: write the report anew from the figures that are beside it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "reporter: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	err := error(nil)
	if *anew {
		err = again(*out, *before)
	} else {
		err = run(*out, cmp.Or(*before, *out), *quick)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reporter:", err)
		os.Exit(1)
	}
}

// again writes the report of what was measured before.
func again(out, before string) error {
	figures, err := readFigures(out)
	if err != nil {
		return err
	}
	if before != "" {
		if err := figures.compare(before); err != nil {
			return err
		}
	}
	return write(out, figures)
}

// compare says how far the figures agree with those of other runs.
func (f *Figures) compare(folders string) error {
	f.Agreement = nil
	for i, folder := range strings.Split(folders, ",") {
		other, err := readFigures(folder)
		if err != nil {
			return err
		}
		for _, said := range agreement(other, f) {
			f.Agreement = append(f.Agreement, fmt.Sprintf("run %d: %s", i+1, said))
		}
	}
	return nil
}

func run(out, before string, quick bool) (err error) {
	rig.Enclose()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var lab measure.Lab
	defer func() { err = errors.Join(err, lab.Close()) }()
	lab.CloseOnSignal()
	plan := fullPlan()
	if quick {
		plan = quickPlan()
	}
	figures := plan.measure(&lab)
	if err = figures.compare(before); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if n := len(figures.Failed); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d measurements have failed; the report names them", n))
	}
	return errors.Join(err, write(out, figures))
}

// write writes the figures, the plots and the report into a folder.
func write(out string, f *Figures) error {
	return errors.Join(writeFigures(out, f), writePlots(out, f), writeReport(filepath.Join(out, "README.md"), f))
}

const figuresFile = "figures.json"

func readFigures(out string) (*Figures, error) {
	data, err := os.ReadFile(filepath.Join(out, figuresFile))
	if err != nil {
		return nil, err
	}
	f := &Figures{}
	return f, json.Unmarshal(data, f)
}

func writeFigures(out string, f *Figures) error {
	data, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, figuresFile), append(data, '\n'), 0o644)
}
