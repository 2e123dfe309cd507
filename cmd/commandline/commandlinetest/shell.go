// Package commandlinetest checks the help texts and the examples of commands, and has their output not
// be read.
package commandlinetest

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/camcast/camcast/cmd/commandline"
)

// maxColumns is how wide a line of a help text may be.
const maxColumns = 99

// CheckHelp wants a program's help text in lines that fit, with examples that a shell takes.
func CheckHelp(t *testing.T, p *commandline.Program) {
	t.Helper()
	var help bytes.Buffer
	if status := p.Refuse(commandline.ErrHelp, &help, nil); status != commandline.ExitOK {
		t.Errorf("status %d", status)
	}
	for line := range strings.Lines(help.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > maxColumns {
			t.Errorf("%d columns, at most %d are wanted: %s", n, maxColumns, line)
		}
	}
	CheckExamples(t, p.Name+" --help", help.String())
}

// example is a command in a text: an indented line, or in Markdown a piece of code, that begins
// with a program's name or with an argument of camcast.
var example = regexp.MustCompile("(?m)(?:^ {2,}(?:\\$ )?|`)((?:[A-Z_]+=\\S* )*(?:camcast|camview|ffplay|vlc|mpv|gst-launch-1\\.0|go run|go test|make|'?/dev/video\\d|'?testcard:|'?clip\\.mjpeg)\\b[^`\n]*)")

// CheckExamples wants the commands in a text quoted so that a shell takes them as they are meant.
func CheckExamples(t *testing.T, where, text string) {
	t.Helper()
	found := example.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Errorf("%s has no example", where)
	}
	for _, match := range found {
		if c := unquoted(match[1]); c != "" {
			t.Errorf("%s: %s is not quoted in %s", where, c, match[1])
		}
	}
}

// unquoted returns the first character of a command that means something else to a shell than it
// should, "" if there is none. A comment, && and a & between spaces mean what they should.
func unquoted(command string) string {
	quote := rune(0)
	runes := []rune(command + " ")
	for i, c := range runes[:len(runes)-1] {
		begins := i == 0 || runes[i-1] == ' '
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#' && begins:
			return ""
		case c == '&' && (begins && runes[i+1] == ' ' || runes[i+1] == '&' || i > 0 && runes[i-1] == '&'):
		case strings.ContainsRune("?*#&", c):
			return string(c)
		}
	}
	return ""
}
