package commandline

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Execute runs the program, or the command that args name, and returns the exit status.
func (p *Program) Execute(args []string, stdout, stderr io.Writer) (status int) {
	programs := []*Program{p}
	if len(p.Commands) > 0 {
		programs = append(programs, p.Commands...)
		programs = append(programs, p.helpCommand(stdout))
	}
	chosen, err := execute(programs, args, func(q *Program, args []string) (err error) {
		status, err = q.Run(args)
		return err
	})
	if err != nil {
		return chosen.Refuse(err, stdout, stderr)
	}
	return status
}

// execute has cobra choose one of programs, the first one or a command of it, set its flags, and
// run it.
func execute(programs []*Program, args []string, run func(p *Program, args []string) error) (chosen *Program, err error) {
	helped := false
	var commands []*cobra.Command
	for _, p := range programs {
		commands = append(commands, p.command(run))
	}
	root := commands[0]
	root.SetHelpFunc(func(*cobra.Command, []string) { helped = true })
	if len(commands) > 1 {
		root.AddCommand(commands[1:]...)
		root.SetHelpCommand(commands[len(commands)-1])
	}
	root.SetArgs(append([]string{}, args...)) // nil would be those of the process
	c, err := root.ExecuteC()
	chosen = programs[0]
	if i := slices.Index(commands, c); i > 0 {
		chosen = programs[i]
	}
	if helped {
		err = ErrHelp
	}
	return chosen, err
}

// command is the program as cobra knows it.
func (p *Program) command(run func(p *Program, args []string) error) *cobra.Command {
	c := &cobra.Command{
		Use: p.word(), Args: cobra.ArbitraryArgs, SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // it would take a name from the sources
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		if p.version {
			return ErrVersion
		}
		return run(p, args)
	}
	for _, g := range p.Groups {
		c.Flags().AddFlagSet(g.flags)
	}
	p.all = c.Flags()
	return c
}

// word is the last one of the name, by which a command is chosen.
func (p *Program) word() string { return p.Name[strings.LastIndexByte(p.Name, ' ')+1:] }

// helpCommand prints the program's help text, or a command's.
func (p *Program) helpCommand(stdout io.Writer) *Program {
	h := &Program{Name: p.Name + " help", Head: "Print the help of " + p.Name + " or of one of its commands.\n\nUsage: " + p.Name + " help [COMMAND]\n"}
	h.Groups = []Group{NewGroup("Flags", func(f *pflag.FlagSet) { h.AddHelp(f) })}
	h.Run = func(args []string) (int, error) {
		about := p
		if len(args) > 0 {
			i := slices.IndexFunc(p.Commands, func(c *Program) bool { return c.word() == args[0] })
			if i < 0 || len(args) > 1 {
				return 0, fmt.Errorf("%q: there is no such command", strings.Join(args, " "))
			}
			about = p.Commands[i]
		}
		_, err := io.WriteString(stdout, about.helpText())
		if err != nil {
			return ExitFailure, nil
		}
		return ExitOK, nil
	}
	return h
}

// commandList lists the commands for the help text.
func (p *Program) commandList() string {
	if len(p.Commands) == 0 {
		return ""
	}
	names := []string{p.Name + " help [COMMAND]"}
	briefs := []string{"print this, or the help of a command"}
	width := len(names[0])
	for _, c := range slices.Backward(p.Commands) {
		name := strings.TrimSpace(c.Name + " " + c.Arguments)
		names, briefs = slices.Insert(names, 0, name), slices.Insert(briefs, 0, c.Brief)
		width = max(width, len(name))
	}
	text := "\nCommands:\n"
	for i, name := range names {
		text += fmt.Sprintf("  %-*s  %s\n", width, name, briefs[i])
	}
	return text
}
