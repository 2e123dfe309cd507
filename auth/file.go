package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// MaxFileBytes is the size of the largest file that is read: some 4000 users.
const MaxFileBytes = 1 << 20

// ReadFile reads a file of users. It must be a regular file of at most MaxFileBytes, which only its
// owner may write and, besides, only its group may read: mode 0600, or 0640 where the program runs
// as a user of its own who is to read the file but not to change it. The error is one line, which
// names the file and says what to do, and repeats no secret. ReadFile may wait for a disk: it is
// not for the loop.
func ReadFile(path string) (*Users, error) {
	text, _, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// read reads a file that may be used.
func read(path string) (text []byte, info fs.FileInfo, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0) // a FIFO would wait for its other end
	if err != nil {
		return nil, nil, plain(path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return nil, nil, plain(path, err)
	}
	if err := checkFile(path, info); err != nil {
		return nil, nil, err
	}
	text, err = io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, nil, plain(path, err)
	}
	if len(text) > MaxFileBytes {
		return nil, nil, tooLarge(path)
	}
	return text, info, nil
}

// checkFile says why a file is not read.
func checkFile(path string, info fs.FileInfo) error {
	mode := info.Mode()
	switch {
	case !mode.IsRegular():
		return fmt.Errorf("%s: is not a regular file", path)
	case mode.Perm()&0o037 != 0: // the group may read, nobody else may do anything
		return fmt.Errorf("%s: others than its owner may read or change it (mode %04o): chmod 600 %s", path, mode.Perm(), path)
	case info.Size() > MaxFileBytes:
		return tooLarge(path)
	}
	return nil
}

func tooLarge(path string) error {
	return fmt.Errorf("%s: is larger than %d bytes", path, MaxFileBytes)
}

// plain is an error of a file without the name of the system call.
func plain(path string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
