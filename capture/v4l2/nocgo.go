//go:build !cgo

package v4l2

import "errors"

var errNoCgo = errors.New("cannot be opened: this camcast was built without cgo, which cameras need; install a C compiler and headers (apt install gcc libc6-dev) and build it again")

func openDevice(Options) (camera, error) { return nil, errNoCgo }

func withCamera(string, func(fd int, card Device) error) error { return errNoCgo }

func offers(int) map[string][]sizeRange { return nil }
