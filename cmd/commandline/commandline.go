// Package commandline is what the commands have in common: flags in groups with headings,
// a help text around them, the version, and exit statuses.
package commandline

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// Exit statuses, as a shell script expects them.
const (
	ExitOK      = 0
	ExitFailure = 1
	ExitUsage   = 2
)

// Program is a program as its command line shows it, or one of a program's commands.
type Program struct {
	// Name is how it is called: "camcast", and a command of it "camcast passwd".
	Name string
	// Head and Tail stand before and after the flags in the help text.
	Head, Tail string
	Groups     []Group
	// Run does what the program is for, with the arguments that are no flags, and returns the exit
	// status. An error is one of the command line, and is printed as such. For Execute alone.
	Run func(args []string) (status int, err error)
	// Commands are run instead of the program if the first argument that is no flag is their name.
	// Arguments and Brief are for the list of them in the program's help text.
	Commands         []*Program
	Arguments, Brief string

	all           *pflag.FlagSet
	help, version bool
}

// Group is a heading of the help text and the flags under it.
type Group struct {
	title string
	flags *pflag.FlagSet
}

// NewGroup makes a group of the flags that define defines, in that order.
func NewGroup(title string, define func(*pflag.FlagSet)) Group {
	f := pflag.NewFlagSet(title, pflag.ContinueOnError)
	f.SortFlags = false
	define(f)
	return Group{title, f}
}

// AddHelp adds --help and --version to a group's flags.
func (p *Program) AddHelp(f *pflag.FlagSet) {
	f.BoolVar(&p.version, "version", false, "print the version and exit")
	f.BoolVarP(&p.help, "help", "h", false, "print this and exit")
}

// What Parse returns if the program is only to tell of itself.
var (
	ErrHelp    = errors.New("help is asked for")
	ErrVersion = errors.New("the version is asked for")
)

// Parse sets the flags' variables, and returns the arguments that are no flags. Its error,
// and any other of the command line, is for Refuse. It does not look for commands.
func (p *Program) Parse(args []string) (rest []string, err error) {
	_, err = execute([]*Program{p}, args, func(_ *Program, arguments []string) error {
		rest = arguments
		return nil
	})
	return rest, err
}

// Changed reports whether Parse has found a flag.
func (p *Program) Changed(flag string) bool { return p.all.Changed(flag) }

// Refuse prints what is wrong with the command line, or the help or the version if these
// are asked for, and returns the exit status.
func (p *Program) Refuse(err error, stdout, stderr io.Writer) (status int) {
	switch {
	case errors.Is(err, ErrHelp):
		fmt.Fprint(stdout, p.helpText())
	case errors.Is(err, ErrVersion):
		name, _, _ := strings.Cut(p.Name, " ")
		fmt.Fprintln(stdout, Version(name))
	default:
		fmt.Fprintf(stderr, "%s: %s (%s --help tells more)\n", p.Name, OneLine(err), p.Name)
		return ExitUsage
	}
	return ExitOK
}

// helpColumns is how wide the help text is at most.
const helpColumns = 98

// OneLine is an error as one line that a terminal can show, whatever file names and other
// programs' texts it has in it. Errors that were joined are separated by semicolons; what is not
// printable is escaped as in a Go string.
func OneLine(err error) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(err.Error(), "\n", "; ") {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func (p *Program) helpText() string {
	var b strings.Builder
	b.WriteString(p.Head)
	b.WriteString(p.commandList())
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "\n%s:\n%s", g.title, g.flags.FlagUsagesWrapped(helpColumns))
	}
	b.WriteString(p.Tail)
	return b.String()
}

// Version names a program and the version it was built from.
func Version(program string) string {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && version == "devel" {
				revision = " " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return program + " " + version + revision
}
