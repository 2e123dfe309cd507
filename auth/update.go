package auth

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Update calls change with a user of a file, and writes the changed user into the file: in the user's
// line, or in a new one at the end. For a new user change is given a View of all streams. A program that
// reads the file finds the old one or the new one, never half of one. The other lines stay as they are. The file's owner,
// group and mode stay; a new file has mode 0600. A file that ReadFile refuses is not changed, nor is
// one where change, or the user's Check, returns an error.
func Update(path, name string, change func(*User) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // it is the file that is replaced, not the link to it
	}
	unlock := lockFolder(filepath.Dir(path))
	defer unlock()
	text, info, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	users, err := Parse(path, text)
	if err != nil {
		return err
	}
	u, found := users.Find(name)
	if !found {
		u = User{Name: name, Role: View}
	}
	if err := change(&u); err != nil {
		return err
	}
	if err := u.Check(); err != nil {
		return err
	}
	text = replaceLine(text, name, u.Line())
	if len(text) > MaxFileBytes {
		return tooLarge(path)
	}
	if err := replace(path, info, text); err != nil {
		return plain(path, err)
	}
	return nil
}

// replaceLine puts a line in the place of the one of a user, or at the end.
func replaceLine(text []byte, name, line string) []byte {
	var out bytes.Buffer
	done := false
	for old := range bytes.Lines(text) {
		if field, _, ok := bytes.Cut(old, []byte(":")); ok && string(field) == name {
			out.WriteString(line + "\n")
			done = true
			continue
		}
		out.Write(old)
	}
	if done {
		return out.Bytes()
	}
	if n := out.Len(); n > 0 && out.Bytes()[n-1] != '\n' {
		out.WriteByte('\n')
	}
	out.WriteString(line + "\n")
	return out.Bytes()
}

// lockFolder has other calls of Update, in other processes too, wait for unlock.
func lockFolder(path string) (unlock func()) {
	f, err := os.Open(path)
	if err != nil {
		return func() {} // the error of writing says more
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX) // some network file systems have no locks
	return func() { f.Close() }
}

// replace has a file hold a text, with the owner, group and mode of the old one, nil if there is none.
func replace(path string, old fs.FileInfo, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".camcast-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if old != nil {
		if err := keepOwner(f, old); err != nil {
			return err
		}
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil { // else the name may be there after a power failure, and the text not
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	_ = f.Close() // all is written
	return nil
}

// keepOwner gives a file the owner, group and mode of another.
func keepOwner(f *os.File, old fs.FileInfo) error {
	if owner, ok := old.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(old.Mode().Perm())
}
