package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

const controlsHead = `camcast controls lists the controls of a camera, such as its brightness, or sets some of them.
That may be done while the camera is broadcast.

Usage: camcast controls [--json] DEVICE [NAME=VALUE ...]
`

const controlsTail = `
A VALUE is a number; of a menu the number or the name of a choice; of a boolean 1 or 0. A button
is pushed by any VALUE. Controls are set in the order that is given; none is set if a NAME or a
VALUE is wrong. The order of a NAME's words does not matter: exposure_auto is auto_exposure. Most
cameras forget them when they are unplugged. To have them set whenever camcast opens the camera:
camcast '/dev/video0?control.NAME=VALUE'.
Exit status: 0; 1 if something failed; 2 if the command line is wrong.

Examples:
  camcast controls /dev/video0
  camcast controls /dev/video0 brightness=10 'exposure_auto=Manual Mode' exposure_time_absolute=100
  camcast '/dev/video0?control.exposure_auto=1&control.exposure_time_absolute=100'
`

// controlsCommand is a call of camcast controls.
type controlsCommand struct {
	console
	json bool
}

// newControls is the command as its command line shows it.
func newControls(c console) *commandline.Program {
	p := &commandline.Program{
		Name: "camcast controls", Arguments: "DEVICE", Brief: "list or set a camera's controls", Head: controlsHead, Tail: controlsTail,
	}
	call := &controlsCommand{console: c}
	p.Groups = []commandline.Group{commandline.NewGroup("Flags", func(f *pflag.FlagSet) {
		f.BoolVar(&call.json, "json", false, "print JSON: a list of controls")
		p.AddHelp(f)
	})}
	p.Run = call.run
	return p
}

func (c *controlsCommand) run(args []string) (status int, err error) {
	if len(args) == 0 {
		return 0, errors.New("a DEVICE is needed, such as /dev/video0; camcast devices lists them")
	}
	var settings []v4l2.Setting
	for _, text := range args[1:] {
		s, err := v4l2.ParseSetting(text)
		if err != nil {
			return 0, err
		}
		settings = append(settings, s)
	}
	var controls []v4l2.Control
	if len(settings) == 0 {
		controls, err = v4l2.Controls(args[0])
	} else {
		controls, err = v4l2.SetControls(args[0], settings)
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "camcast controls: %s\n", commandline.OneLine(err))
		return commandline.ExitFailure, nil
	}
	if err := c.print(printableControls(ofSettings(controls, settings))); err != nil {
		return commandline.ExitFailure, nil // nobody reads it
	}
	return commandline.ExitOK, nil
}

// ofSettings are the controls that were set, or all if none was.
func ofSettings(controls []v4l2.Control, settings []v4l2.Setting) []v4l2.Control {
	if len(settings) == 0 {
		return controls
	}
	var set []v4l2.Control
	for _, s := range settings {
		c, err := v4l2.FindControl(controls, s.Name)
		if err == nil && !slices.ContainsFunc(set, func(has v4l2.Control) bool { return has.Name == c.Name }) {
			set = append(set, *c)
		}
	}
	return set
}

func (c *controlsCommand) print(controls []v4l2.Control) error {
	if c.json {
		return writeJSON(c.stdout, controls)
	}
	var b strings.Builder
	if len(controls) == 0 {
		b.WriteString("The camera has no controls.\n")
	}
	writeControls(&b, "", controls)
	_, err := io.WriteString(c.stdout, b.String())
	return err
}

// printableControls are controls without what a terminal would obey. It is never nil.
func printableControls(controls []v4l2.Control) []v4l2.Control {
	out := append([]v4l2.Control{}, controls...)
	for i := range out {
		out[i].Title = printable(out[i].Title)
		out[i].Menu = slices.Clone(out[i].Menu)
		for j := range out[i].Menu {
			out[i].Menu[j].Name = printable(out[i].Menu[j].Name)
		}
	}
	return out
}

// writeControls prints each control in a line.
func writeControls(b *strings.Builder, indent string, controls []v4l2.Control) {
	width := 0
	for _, c := range controls {
		width = max(width, len(c.Name))
	}
	for _, c := range controls {
		fmt.Fprintf(b, "%s%-*s %s\n", indent, width, c.Name, describeControl(c))
	}
}

// describeControl says what a control can be and is.
func describeControl(c v4l2.Control) string {
	number := func(n int64) string {
		switch c.Kind {
		case v4l2.Bitmask:
			return fmt.Sprintf("%#x", n)
		case v4l2.Menu:
			for _, item := range c.Menu {
				if item.Index == n {
					return fmt.Sprintf("%d (%s)", n, item.Name)
				}
			}
		}
		return fmt.Sprint(n)
	}
	text := string(c.Kind)
	switch c.Kind {
	case v4l2.Button:
		return text
	case v4l2.Boolean:
	case v4l2.Menu:
		text += " " + c.Choices()
	default:
		text += " " + c.Range()
	}
	text = fmt.Sprintf("%s; default %s; now %s", text, number(c.Default), number(c.Value))
	if c.ReadOnly {
		text += "; cannot be set"
	}
	if c.Inactive {
		text += "; without effect now"
	}
	return text
}
