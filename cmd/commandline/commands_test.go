package commandline_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

// house is a program with a command. What is run is noted.
func house(ran *string) *commandline.Program {
	var door, colour string
	var wide bool
	p := &commandline.Program{Name: "house", Head: "Usage: house [THING ...]\n", Tail: "\nEnd.\n"}
	p.Groups = []commandline.Group{commandline.NewGroup("Doors", func(f *pflag.FlagSet) {
		f.StringVar(&door, "door", "front", "`DOOR` to use")
		f.BoolVar(&wide, "wide", false, "open it wide")
		p.AddHelp(f)
	})}
	p.Run = func(args []string) (int, error) {
		*ran = fmt.Sprintf("house door=%s wide=%v %q", door, wide, args)
		return 3, nil
	}
	paint := &commandline.Program{Name: "house paint", Arguments: "WALL", Brief: "paint a wall", Head: "Usage: house paint WALL\n"}
	paint.Groups = []commandline.Group{commandline.NewGroup("Paint", func(f *pflag.FlagSet) {
		f.StringVar(&colour, "colour", "white", "`COLOUR` to use")
		paint.AddHelp(f)
	})}
	paint.Run = func(args []string) (int, error) {
		if len(args) != 1 {
			return 0, fmt.Errorf("which\nwall?")
		}
		*ran = fmt.Sprintf("paint colour=%s %q", colour, args)
		return 4, nil
	}
	p.Commands = []*commandline.Program{paint}
	return p
}

// TestExecute has the first argument that is no flag choose a command, and nothing else.
func TestExecute(t *testing.T) {
	for _, c := range []struct {
		args           []string
		status         int
		ran            string
		stdout, stderr string // their beginnings
	}{
		{nil, 3, `house door=front wide=false []`, "", ""},
		{[]string{"--door", "back", "a", "--wide", "b"}, 3, `house door=back wide=true ["a" "b"]`, "", ""},
		{[]string{"paint", "north"}, 4, `paint colour=white ["north"]`, "", ""},
		{[]string{"paint", "north", "--colour=red"}, 4, `paint colour=red ["north"]`, "", ""},
		// What is no command: a later word, a path, what follows --, and a flag's value.
		{[]string{"a", "paint"}, 3, `house door=front wide=false ["a" "paint"]`, "", ""},
		{[]string{"./paint"}, 3, `house door=front wide=false ["./paint"]`, "", ""},
		{[]string{"--", "paint"}, 3, `house door=front wide=false ["paint"]`, "", ""},
		{[]string{"--door", "paint"}, 3, `house door=paint wide=false []`, "", ""},
		{[]string{"completion"}, 3, `house door=front wide=false ["completion"]`, "", ""},

		{[]string{"--window"}, 2, "", "", "house: unknown flag: --window (house --help tells more)\n"},
		{[]string{"--door"}, 2, "", "", "house: flag needs an argument: --door (house --help tells more)\n"},
		{[]string{"paint"}, 2, "", "", "house paint: which; wall? (house paint --help tells more)\n"},
		{[]string{"paint", "--door", "x"}, 2, "", "", "house paint: unknown flag: --door (house paint --help tells more)\n"},
		{[]string{"--wide", "--door", "x", "paint", "north"}, 2, "", "", "house paint: unknown flag: --wide"},
		{[]string{"--help"}, 0, "", "Usage: house [THING ...]\n\nCommands:\n  house paint WALL      paint a wall\n  house help [COMMAND]  print", ""},
		{[]string{"-h", "a"}, 0, "", "Usage: house [", ""},
		{[]string{"paint", "-h"}, 0, "", "Usage: house paint WALL\n\nPaint:\n", ""},
		{[]string{"help"}, 0, "", "Usage: house [THING", ""},
		{[]string{"help", "paint"}, 0, "", "Usage: house paint WALL\n\nPaint:\n", ""},
		{[]string{"help", "--help"}, 0, "", "Print the help of house", ""},
		{[]string{"help", "cellar"}, 2, "", "", `house help: "cellar": there is no such command (house help --help tells more)` + "\n"},
		{[]string{"help", "paint", "x"}, 2, "", "", `house help: "paint x": there is no such command`},
		{[]string{"--version"}, 0, "", "house ", ""},
		{[]string{"paint", "--version"}, 0, "", "house ", ""},
	} {
		var ran string
		var stdout, stderr bytes.Buffer
		status := house(&ran).Execute(c.args, &stdout, &stderr)
		if status != c.status || ran != c.ran || !begins(stdout.String(), c.stdout) || !begins(stderr.String(), c.stderr) {
			t.Errorf("%q: status %d, ran %s, stdout %q, stderr %q; want %d, %s, %q, %q", c.args, status, ran, stdout.String(), stderr.String(),
				c.status, c.ran, c.stdout, c.stderr)
		}
	}
}

// begins reports whether text begins with what is wanted, or is empty if nothing is wanted.
func begins(text, want string) bool {
	return strings.HasPrefix(text, want) && (want != "" || text == "")
}

// TestParseKnowsNoCommands has a program that calls Parse get all that are no flags.
func TestParseKnowsNoCommands(t *testing.T) {
	rest, err := house(new(string)).Parse([]string{"paint", "--door", "back", "help"})
	if err != nil || strings.Join(rest, " ") != "paint help" {
		t.Errorf("%q, %v", rest, err)
	}
}
