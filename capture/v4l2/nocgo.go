//go:build !cgo

package v4l2

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/capture"
)

// Source stands for the camera that this build cannot open.
type Source struct{ capture.Restarter }

// Open says what is missing.
func Open(o Options, _ capture.Clock) (*Source, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	return nil, fmt.Errorf("%s: %w", o.Path, errNoCgo)
}

var errNoCgo = errors.New("cannot be opened: this camcast was built without cgo, which cameras need; install a C compiler and headers (apt install gcc libc6-dev) and build it again")

// List finds nothing.
func List() []Device { return nil }
