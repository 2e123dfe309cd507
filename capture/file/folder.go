package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// folder is a folder of JPEGs.
type folder struct {
	path    string
	options Options
	names   nameList
	listing *listing // of the folder, while it is listed
	changed []string // names to which something has happened meanwhile
	isStale bool     // the listing may lack more than that: the folder is to be listed once more
	current *stream  // the picture that is being read, nil between pictures
	name    string   // its name
	spare   *stream  // whose memory the next picture uses
	broken  uint64
}

// listing is a folder that is being listed, some names at a time.
type listing struct {
	fd    int
	names []string
}

// maxListReads is how many times a listing is read on in one job. Each yields some thousand names.
const maxListReads = 16

// openFolder begins to list the JPEGs of a folder.
func openFolder(path string, o Options, from resume) (*folder, error) {
	f := &folder{path: path, options: o}
	f.names.last = from.name
	return f, f.startListing()
}

func (f *folder) startListing() error {
	f.stopListing()
	f.isStale = false
	// With the dot it fails, too, if the files in the folder may not be opened.
	fd, err := open(f.path + "/.")
	if err == nil {
		f.listing = &listing{fd: fd}
	}
	return err
}

func (f *folder) stopListing() {
	if f.listing != nil {
		_ = closeFD(f.listing.fd)
		f.listing = nil
	}
}

// list lists on. Its error is errMuch if there is more, or errNoPictures.
func (f *folder) list() error {
	done, err := f.listing.read(maxListReads)
	switch {
	case err != nil:
		f.stopListing()
		return err
	case !done:
		return errMuch
	}
	f.names.reset(f.listing.names)
	f.stopListing()
	f.change(f.changed)
	f.changed = nil
	if len(f.names.names) == 0 {
		return errNoPictures
	}
	return nil
}

// read reads a few times at most. It returns true at the end.
func (l *listing) read(times int) (done bool, err error) {
	buffer := make([]byte, 64<<10)
	for range times {
		n, err := unix.ReadDirent(l.fd, buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false, os.NewSyscallError("getdents", err)
		case n == 0:
			return true, nil
		}
		_, _, l.names = unix.ParseDirent(buffer[:n], -1, l.names)
		l.names = slices.DeleteFunc(l.names, func(name string) bool { return !isPicture(name) })
	}
	return false, nil
}

func (f *folder) next(b *budget) (media.Frame, error) {
	if f.listing != nil {
		if err := f.list(); err != nil {
			return media.Frame{}, err
		}
	}
	for f.current != nil || f.names.next() != "" {
		if f.current == nil {
			if b.files <= 0 {
				return media.Frame{}, errMuch
			}
			b.files--
			if err := f.begin(); err != nil {
				if err := f.check(err); err != nil {
					return media.Frame{}, err
				}
				f.broken++
				f.names.pass()
				continue
			}
		}
		picture, err := f.current.next(b)
		if errors.Is(err, errMuch) {
			return media.Frame{}, err
		}
		if picture.Bytes == nil {
			f.broken++
		}
		f.finish()
		if picture.Bytes != nil {
			return picture, nil
		}
	}
	return media.Frame{}, errEnd
}

// begin opens the next picture.
func (f *folder) begin() error {
	s := f.spare
	if s == nil {
		s = &stream{input: input{options: f.options, fd: -1}}
	}
	f.name = f.names.next()
	s.path = filepath.Join(f.path, f.name)
	if err := s.open(); err != nil {
		return err
	}
	f.current, f.spare = s, nil
	return nil
}

// finish closes the present picture, whose bytes stay valid until the next one is read.
func (f *folder) finish() {
	_ = f.current.close()
	f.spare, f.current = f.current, nil
	f.names.goOnAfter(f.name) // names before it may have come or gone
}

// check says what it means that one of the pictures cannot be read. If there is no fault
// but that picture's the error is nil, and the picture is skipped. Otherwise the folder is
// gone, may not be read or was emptied, or the process lacks something.
func (f *folder) check(err error) error {
	if isShortage(err) {
		return err
	}
	fd, err := open(f.path + "/.")
	if err != nil {
		return err
	}
	l := listing{fd: fd}
	for done := false; !done && err == nil && len(l.names) == 0; {
		done, err = l.read(1)
	}
	if err == nil && len(l.names) == 0 {
		err = errNoPictures
	}
	return errors.Join(err, closeFD(fd))
}

func (f *folder) brokenSince() uint64 {
	n := f.broken
	f.broken = 0
	return n
}

// rewind lists the folder anew.
func (f *folder) rewind() error {
	f.names.last = ""
	return f.startListing()
}

// apply has the list of names follow the folder.
func (f *folder) apply(c changes, _ *budget) error {
	switch {
	case f.listing != nil:
		f.changed = append(f.changed, c.names...)
		f.isStale = f.isStale || c.rescan
	case c.rescan || f.isStale:
		return f.startListing()
	default:
		f.change(c.names)
	}
	return nil
}

// change adds or removes names, as there are pictures of these names or not.
func (f *folder) change(names []string) {
	for _, name := range names {
		switch status, err := statusOfPath(filepath.Join(f.path, name)); {
		case err != nil:
			f.names.remove(name)
		case status.size > 0: // else it has just been made, and will be written
			f.names.add(name)
		}
	}
}

func (f *folder) position() resume { return resume{name: f.names.last} }

func (f *folder) close() error {
	f.stopListing()
	if f.current == nil {
		return nil
	}
	return f.current.close()
}
