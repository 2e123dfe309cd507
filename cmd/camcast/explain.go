package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// explain adds to an error of opening ports what would help against it.
func explain(err error, r portRequest) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w: %s", err, r.taken())
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address", err)
	}
	return err
}
