package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

const devicesHead = `camcast devices lists the cameras of this machine: their formats, sizes and rates, each with the
argument for it, their controls, and the programs that have them open.

Usage: camcast devices [--json]
`

const devicesTail = `
Programs of other users are found by root alone. A camera that a program uses can be looked at, but
not be broadcast.
Exit status: 0; 1 if something failed; 2 if the command line is wrong.

Examples:
  camcast devices
  camcast devices --json
`

// devicesCommand is a call of camcast devices.
type devicesCommand struct {
	console
	json bool
}

// newDevices is the command as its command line shows it.
func newDevices(c console) *commandline.Program {
	p := &commandline.Program{Name: "camcast devices", Brief: "list cameras, what they have, and the argument for it", Head: devicesHead, Tail: devicesTail}
	call := &devicesCommand{console: c}
	p.Groups = []commandline.Group{commandline.NewGroup("Flags", func(f *pflag.FlagSet) {
		f.BoolVar(&call.json, "json", false, "print JSON: a list of cameras")
		p.AddHelp(f)
	})}
	p.Run = call.run
	return p
}

func (d *devicesCommand) run(args []string) (status int, err error) {
	if len(args) > 0 {
		return 0, fmt.Errorf("%q: all cameras are listed", args[0])
	}
	cameras := []listedCamera{} // not null in JSON
	for _, found := range v4l2.ListDetails() {
		cameras = append(cameras, listCamera(found, holders(isDevice(found.Path))))
	}
	write := writeCameras
	if d.json {
		write = func(w io.Writer, cameras []listedCamera) error { return writeJSON(w, cameras) }
	}
	if err := write(d.stdout, cameras); err != nil {
		return commandline.ExitFailure, nil // nobody reads it
	}
	return commandline.ExitOK, nil
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// listedCamera is a camera as it is printed.
type listedCamera struct {
	Device string `json:"device"`
	Name   string `json:"name"`
	Driver string `json:"driver"`
	Bus    string `json:"bus"`
	// Argument is what to give camcast, for the format and size that it takes by itself; "": none.
	Argument string         `json:"argument"`
	OpenBy   []process      `json:"open_by"`
	Error    string         `json:"error,omitempty"`
	Modes    []listedMode   `json:"modes"`
	Controls []v4l2.Control `json:"controls"`
}

// listedMode is a format and size as it is printed.
type listedMode struct {
	Format string `json:"format"` // "": it cannot be broadcast
	FourCC string `json:"fourcc"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	// Sizes says which sizes there are, if it is not the one.
	Sizes string `json:"sizes,omitempty"`
	// FramesPerSecond are the rates; or there is a range of them.
	FramesPerSecond []float64 `json:"frames_per_second,omitempty"`
	Slowest         float64   `json:"slowest,omitempty"`
	Fastest         float64   `json:"fastest,omitempty"`
	Argument        string    `json:"argument,omitempty"`

	rates string
}

// listCamera makes what is printed of a camera. Texts of drivers, which cameras give them, lose what a
// terminal would obey.
func listCamera(f v4l2.Found, openBy []process) listedCamera {
	c := listedCamera{
		Device: f.Path, Name: printable(f.Card), Driver: printable(f.Driver), Bus: printable(f.Bus),
		OpenBy: append([]process{}, openBy...), Modes: []listedMode{}, Controls: printableControls(f.Controls),
	}
	if f.Err != nil {
		c.Error = commandline.OneLine(f.Err)
	}
	if m := f.Default; m != nil {
		c.Argument = modeArgument(f.Path, *m)
	}
	for _, m := range f.Modes {
		listed := listedMode{
			Format: m.Format, FourCC: printable(m.FourCC), Width: m.Width, Height: m.Height, Sizes: m.Sizes,
			FramesPerSecond: m.Rates.Each, Slowest: m.Rates.Least, Fastest: m.Rates.Most, rates: m.Rates.String(),
		}
		if m.Format != "" {
			listed.Argument = modeArgument(f.Path, m)
		}
		c.Modes = append(c.Modes, listed)
	}
	return c
}

// modeArgument is the SOURCE argument of a mode.
func modeArgument(path string, m v4l2.Mode) string {
	if m.Width == 0 {
		return path + "?format=" + m.Format
	}
	return fmt.Sprintf("%s?size=%dx%d&format=%s", path, m.Width, m.Height, m.Format)
}

// writeCameras prints cameras for a person.
func writeCameras(w io.Writer, cameras []listedCamera) error {
	var b strings.Builder
	if len(cameras) == 0 {
		b.WriteString("No camera is connected.\n")
	}
	for i, c := range cameras {
		if i > 0 {
			b.WriteByte('\n')
		}
		if c.Error != "" {
			fmt.Fprintln(&b, c.Error)
		} else {
			fmt.Fprintf(&b, "%s: %s (driver %s, at %s)\n", c.Device, c.Name, c.Driver, c.Bus)
		}
		for _, p := range c.OpenBy {
			fmt.Fprintf(&b, "  open in %v\n", p)
		}
		if c.Argument != "" {
			fmt.Fprintf(&b, "  camcast '%s'\n", c.Argument)
		}
		writeModes(&b, c.Modes)
		if len(c.Controls) > 0 {
			fmt.Fprintf(&b, "  controls: camcast controls %s, or camcast '%s?control.NAME=VALUE'\n", c.Device, c.Device)
			writeControls(&b, "    ", c.Controls)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeModes prints the modes that can be broadcast in a line each, and the names of the other formats.
func writeModes(b *strings.Builder, modes []listedMode) {
	format := ""
	var others []string
	for _, m := range modes {
		switch {
		case m.Format == "":
			if len(others) == 0 || others[len(others)-1] != m.FourCC {
				others = append(others, m.FourCC)
			}
			continue
		case m.Format != format:
			format = m.Format
			fmt.Fprintf(b, "  %s:\n", format)
		}
		size := m.Sizes
		if size == "" && m.Width > 0 {
			size = fmt.Sprintf("%dx%d", m.Width, m.Height)
		} else if size == "" {
			size = "sizes not told"
		}
		fmt.Fprintf(b, "    %-10s %-24s '%s'\n", size, m.rates, m.Argument)
	}
	if len(others) > 0 {
		fmt.Fprintf(b, "  cannot be broadcast: %s\n", strings.Join(others, ", "))
	}
}
