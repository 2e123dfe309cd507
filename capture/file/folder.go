package file

import (
	"cmp"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// folder is a folder of JPEGs.
type folder struct {
	path   string
	names  []string
	at     int // index of the next name
	buffer []byte
}

// openFolder lists the JPEGs of a folder.
func openFolder(path string) (*folder, error) {
	f := &folder{path: path}
	return f, f.rewind()
}

var errNoPictures = errors.New("no .jpg or .jpeg in the folder")

// list lists the JPEGs in the folder: all of them, or only until it has found enough.
// Without any its error is errNoPictures.
func (f *folder) list(enough int) (names []string, err error) {
	// With the dot it fails, too, if the files in the folder may not be opened.
	fd, err := open(f.path + "/.")
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 64<<10)
	for len(names) < enough {
		n, err := unix.ReadDirent(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("getdents", err)
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
		names = slices.DeleteFunc(names, isNotPicture)
	}
	if len(names) == 0 {
		return nil, errNoPictures
	}
	return names, nil
}

func isNotPicture(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return extension != ".jpg" && extension != ".jpeg"
}

// compareNatural orders names as people do: numbers in them by their value.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		if digitsA > 0 && digitsB > 0 {
			numberA, numberB := strings.TrimLeft(a[:digitsA], "0"), strings.TrimLeft(b[:digitsB], "0")
			if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
				return c
			}
			a, b = a[digitsA:], b[digitsB:]
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

func (f *folder) next() (picture []byte, broken uint64, err error) {
	for f.at < len(f.names) {
		if broken == maxSkippedFiles {
			return nil, broken, errMuch
		}
		if f.buffer, err = readFile(f.buffer[:0], filepath.Join(f.path, f.names[f.at])); err != nil {
			if err := f.check(err); err != nil {
				return nil, broken, err
			}
		}
		f.at++
		if n, lengthErr := jpeg.Length(f.buffer); err == nil && lengthErr == nil {
			return f.buffer[:n], broken, nil
		}
		broken++
	}
	return nil, broken, errEnd
}

// check says what it means that one of the pictures cannot be read. If there is no fault
// but that picture's the error is nil, and the picture is skipped. Otherwise the folder is
// gone, may not be read or was emptied, or the process lacks something: the same picture
// is tried again later.
func (f *folder) check(err error) error {
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		return err
	}
	_, err = f.list(1)
	return err
}

// readFile appends a file to dst, or as much as is more than maxPictureBytes.
func readFile(dst []byte, path string) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return dst, err
	}
	for n := 1; n > 0 && err == nil && len(dst) <= maxPictureBytes; {
		had := len(dst)
		dst = slices.Grow(dst, readBytes)[:had+readBytes]
		n, err = read(fd, dst[had:])
		dst = dst[:had+n]
	}
	return dst, errors.Join(err, closeFD(fd))
}

// rewind lists the folder anew. If that fails it may be called again.
func (f *folder) rewind() error {
	names, err := f.list(math.MaxInt)
	if err != nil {
		return err
	}
	slices.SortFunc(names, compareNatural)
	f.names, f.at = names, 0
	return nil
}

func (f *folder) close() error { return nil }
