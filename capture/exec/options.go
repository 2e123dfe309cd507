package exec

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/camcast/camcast/capture/internal/bytestream"
)

// Formats are what Options.Format may be.
var Formats = bytestream.Formats

// Options are the settings of a command; the zero value of each field but Command is useful.
type Options struct {
	// Command is given to /bin/sh -c. Its stdin is /dev/null.
	Command string
	// Format is one of Formats: "auto" (the default) finds it out by the first bytes.
	Format string
	// FramesPerSecond is the nominal rate, 0.01 to 1000. 0: that of the stream's parameter sets, or 25.
	FramesPerSecond float64
	// Timeout is how long no frame may come until the command is ended, from a second to a day (10 s).
	Timeout time.Duration
	// MaxFrame is the size in bytes of the largest frame, 1024 to 1 GB (capture.DefaultMaxFrame). It
	// bounds the memory.
	MaxFrame int
	// Log gets what the command writes to stderr, URLs without user and password (discarded).
	Log *slog.Logger
}

// The bounds of Options.Timeout.
const (
	DefaultTimeout         = 10 * time.Second
	MinTimeout, MaxTimeout = time.Second, 24 * time.Hour
)

// withDefaults fills in what is not set, or says what is wrong.
func (o Options) withDefaults() (Options, error) {
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	switch {
	case strings.TrimSpace(o.Command) == "":
		return o, errors.New("there is no command")
	case strings.ContainsRune(o.Command, 0):
		return o, errors.New("the command has a byte of 0")
	case o.Timeout < MinTimeout || o.Timeout > MaxTimeout:
		return o, fmt.Errorf("a timeout of %v: must be %v to %v", o.Timeout, MinTimeout, MaxTimeout)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// name is what a command is called in messages: its program. Its arguments may have passwords, and so may what
// else it begins with, as the value of a variable.
func name(command string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
	if strings.ContainsFunc(first, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._+-~", r)
	}) {
		return "exec:..."
	}
	if first = path.Base(first); strings.TrimSpace(rest) != "" {
		first += " ..."
	}
	return fmt.Sprintf("exec:%.60s", first)
}
