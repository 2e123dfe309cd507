package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

const passwdHead = `camcast passwd makes the line of a user for camcast --auth: who it is, what may be watched, and
what proves the password. It asks for the password twice and does not show it. If stdin is no
terminal, its first line is the password.

Usage: camcast passwd [flags] NAME
`

const passwdTail = `
The line does not hold the password, but is as good as it: keep it from others. A file that exists
keeps its owner and mode, and a user who is in it the role and streams that are not given.
Exit status: 0; 1 if something failed; 2 if the command line is wrong.

Examples:
  camcast passwd --file users me
  camcast passwd --file users --streams desk,bench guest
  camcast passwd me >>users && chmod 600 users
  camcast --auth users
`

// passwd is a call of camcast passwd.
type passwd struct {
	console
	program             *commandline.Program
	role, streams, file string
}

// newPasswd is the command as its command line shows it.
func newPasswd(c console) *commandline.Program {
	p := &commandline.Program{
		Name: "camcast passwd", Arguments: "NAME", Brief: "make a user with a password, for --auth", Head: passwdHead, Tail: passwdTail,
	}
	call := &passwd{console: c, program: p}
	p.Groups = []commandline.Group{commandline.NewGroup("Flags", func(f *pflag.FlagSet) {
		f.StringVar(&call.role, "role", "view", "`ROLE` of the user: view (to watch) or admin (also to see and end viewers, and to change cameras, by HTTP)")
		f.StringVar(&call.streams, "streams", "*", "`NAMES` of the streams that the user may watch, separated by commas; * is all of them")
		f.StringVar(&call.file, "file", "", "write the line into this `FILE`, in place of the user's old one, instead of to stdout")
		p.AddHelp(f)
	})}
	p.Run = call.run
	return p
}

// run checks what is given before it asks for the password.
func (p *passwd) run(args []string) (status int, err error) {
	if len(args) != 1 {
		return 0, errors.New("one NAME is needed; the password is not given on the command line")
	}
	user := auth.User{Name: args[0]}
	if user.Role, err = auth.ParseRole(p.role); err != nil {
		return 0, errors.New("--role must be view or admin")
	}
	if user.Streams, err = auth.ParseStreams(p.streams); err != nil {
		return 0, errors.New("--streams must be * or names, separated by commas")
	}
	if err := user.Check(); err != nil {
		return 0, err
	}
	if err := p.write(user); err != nil {
		fmt.Fprintf(p.stderr, "camcast passwd: %s\n", commandline.OneLine(err))
		return commandline.ExitFailure, nil
	}
	return commandline.ExitOK, nil
}

// write asks for the password and writes the user's line.
func (p *passwd) write(user auth.User) error {
	if p.file != "" { // better known before a password is typed
		if _, err := auth.ReadFile(p.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	password, err := p.readPassword(user.Name, true)
	if err != nil {
		return err
	}
	if user.Secret, err = cast.NewSecret(user.Name, password); err != nil {
		return err
	}
	if p.file == "" {
		_, err := io.WriteString(p.stdout, user.Line()+"\n")
		return err
	}
	return auth.Update(p.file, user.Name, func(u *auth.User) error {
		u.Secret = user.Secret
		if p.program.Changed("role") {
			u.Role = user.Role
		}
		if p.program.Changed("streams") {
			u.Streams = user.Streams
		}
		return nil
	})
}

// console is what the program is started with.
type console struct {
	stdin          *os.File
	stdout, stderr io.Writer
}
