// Package pty makes terminals that a program holds the other side of, so that tests see
// what is shown and press keys (pty(7)).
package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open makes a terminal of so many character cells. What is written to slave, which is
// the terminal, is read from master, and what is written to master are pressed keys. Both
// are the caller's to close.
func Open(columns, rows int) (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = Resize(master, columns, rows)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("pty: %w", err), master.Close())
	}
	return master, slave, nil
}

// Resize changes a terminal's size. The programs whose controlling terminal it is are
// sent SIGWINCH.
func Resize(master *os.File, columns, rows int) error {
	return unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
}
