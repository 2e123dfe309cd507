package auth_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/auth"
	"golang.org/x/sys/unix"
)

// write makes a file of a mode.
func write(t *testing.T, text string, mode fs.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// contents are what a file holds, and its mode.
func contents(t *testing.T, path string) (string, fs.FileMode) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), info.Mode()
}

// TestFilesThatOthersMayRead reads those of the owner, and of the group that may only read.
func TestFilesThatOthersMayRead(t *testing.T) {
	for mode := range fs.FileMode(0o1000) {
		if mode&0o400 == 0 || mode&0o111 != 0 { // also for one who is not root
			continue
		}
		path := write(t, line("me", "view", "*"), mode)
		users, err := auth.ReadFile(path)
		switch good := mode == 0o400 || mode == 0o600 || mode == 0o440 || mode == 0o640; {
		case good && (err != nil || users.Len() != 1):
			t.Errorf("%04o: %v, %v", mode, users, err)
		case !good && (err == nil || !strings.HasPrefix(err.Error(), path+": others than its owner may") || !strings.HasSuffix(err.Error(), "chmod 600 "+path)):
			t.Errorf("%04o: error %v", mode, err)
		}
	}
}

// TestFilesThatAreNone refuses what is not a regular file, without waiting for it.
func TestFilesThatAreNone(t *testing.T) {
	folder := t.TempDir()
	fifo := filepath.Join(folder, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	large := write(t, strings.Repeat("#\n", auth.MaxFileBytes/2)+"#", 0o600)
	for path, want := range map[string]string{
		fifo:                            "is not a regular file",
		folder:                          "is not a regular file",
		"/dev/zero":                     "is not a regular file",
		filepath.Join(folder, "absent"): "no such file or directory",
		large:                           "is larger than 1048576 bytes",
	} {
		_, err := auth.ReadFile(path)
		if err == nil || err.Error() != path+": "+want {
			t.Errorf("error %v, want %q", err, path+": "+want)
		}
	}
	if users, err := auth.ReadFile(write(t, strings.Repeat("#\n", auth.MaxFileBytes/2), 0o600)); err != nil || users.Len() != 0 {
		t.Errorf("a file that is just not too large: %v, %v", users, err)
	}
}

// named has Update keep what is given, and a secret of its own.
func named(streams ...string) func(*auth.User) error {
	return func(u *auth.User) error {
		u.Streams, u.Secret.JoinKey[0] = streams, 0xab
		return nil
	}
}

// TestUpdate writes users into files: only their own lines change.
func TestUpdate(t *testing.T) {
	mine := "me:view:cam:" + strings.Repeat("0", 32) + ":" + strings.Repeat("0", 64) + ":ab" + strings.Repeat("0", 62) + "\n"
	kept := "me:admin:cam:" + someMD5 + ":" + someSHA + ":ab" + someKey[2:] + "\n"
	you := line("you", "view", "*")
	for _, c := range []struct{ name, before, after string }{
		{"an empty file", "", mine},
		{"others", "# comment\n\n" + you + "\n", "# comment\n\n" + you + "\n" + mine},
		{"no end of the last line", you, you + "\n" + mine},
		{"a user who is there", you + "\n" + line("me", "admin", "*") + "\r\n#me:\n" + line("me2", "view", "*"), you + "\n" + kept + "#me:\n" + line("me2", "view", "*")},
	} {
		for _, mode := range []fs.FileMode{0o600, 0o640, 0o400} {
			path := write(t, c.before, mode)
			if err := auth.Update(path, "me", named("cam")); err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if text, got := contents(t, path); text != c.after || got != mode {
				t.Errorf("%s: mode %v, %q, want %v, %q", c.name, got, text, mode, c.after)
			}
			alone(t, path)
		}
	}
}

// alone wants nothing else in a file's folder.
func alone(t *testing.T, path string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestUpdateMakesAFile makes one that only its owner may read, and follows a link.
func TestUpdateMakesAFile(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	path := filepath.Join(t.TempDir(), "users")
	if err := auth.Update(path, "me", named()); err != nil {
		t.Fatal(err)
	}
	if _, mode := contents(t, path); mode != 0o600 {
		t.Errorf("mode %v", mode)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := auth.Update(link, "you", named()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is replaced: %v, %v", info.Mode(), err)
	}
	if users, err := auth.ReadFile(path); err != nil || users.Len() != 2 {
		t.Errorf("%v, %v", users, err)
	}
}

// TestUpdateChangesNothing has something be wrong: the file stays as it is.
func TestUpdateChangesNothing(t *testing.T) {
	no := errors.New("no")
	full := bytes.Repeat([]byte("#\n"), auth.MaxFileBytes/2)
	for _, c := range []struct {
		name, text string
		mode       fs.FileMode
		user       string
		change     func(*auth.User) error
		want       string
	}{
		{"others may read it", line("me", "view", "*"), 0o644, "me", named(), "others than its owner"},
		{"a broken line", "x", 0o600, "me", named(), ":1: 1 fields"},
		{"change says no", "", 0o600, "me", func(*auth.User) error { return no }, "no"},
		{"a name that cannot be", "", 0o600, "m:e", named(), "must not contain ':'"},
		{"a stream that cannot be", "", 0o600, "me", named("a,b"), "the streams must be"},
		{"no room", string(full), 0o600, "me", named(), "is larger than"},
	} {
		path := write(t, c.text, c.mode)
		err := auth.Update(path, c.user, c.change)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if text, mode := contents(t, path); text != c.text || mode != c.mode {
			t.Errorf("%s: the file has changed", c.name)
		}
		alone(t, path)
	}
	if err := auth.Update("/nowhere/users", "me", named()); err == nil || err.Error() != "/nowhere/users: no such file or directory" {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestUpdatesAtOnce has many write into one file at the same time: none is lost.
func TestUpdatesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	names := strings.Split("abcdefghijklmnop", "")
	done := make(chan error)
	for _, name := range names {
		go func() { done <- auth.Update(path, name, named()) }()
	}
	for range names {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if users, err := auth.ReadFile(path); err != nil || users.Len() != len(names) {
		t.Errorf("%v, %v, want %d", users, err, len(names))
	}
}
