package sim

import (
	"fmt"
	"os"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// file is what an fd stands for.
type file interface {
	// conditions are those that hold now.
	conditions() loop.Interest
	// close is called once, when the fd is closed.
	close()
}

// reader and writer are files that Read and Writev work on.
type reader interface {
	read(p []byte) (int, error)
}

type writer interface {
	write(vectors []loop.Vector, most int) (int, error)
}

// descriptor is an open fd and how it is watched.
type descriptor struct {
	fd        int
	file      file
	token     uint64
	want      loop.Interest
	watched   bool
	candidate bool // listed among those that may be ready
}

// firstFD is the first number that is given out. No real fd has it or a higher one: a
// process has a million at most, unless fs.nr_open (proc_sys_fs(5)) is raised. So a real
// system call on a simulated fd fails with EBADF, where it would reach a file of the test
// process if numbers began at 3. It is round so that traces can be read.
const firstFD = 2_000_000_000

// files is the table of open fds. As in a process, the lowest free number is taken:
// one that was just closed comes back at once, which is how stale events hurt.
type files struct {
	table  []*descriptor // that of fd is at fd - firstFD
	lowest int           // no index below it is free
}

func (k *Kernel) open(f file) (*descriptor, error) {
	t := &k.files
	for t.lowest < len(t.table) && t.table[t.lowest] != nil {
		t.lowest++
	}
	if t.lowest >= k.options.fdLimit {
		return nil, unix.EMFILE
	}
	for len(t.table) <= t.lowest {
		t.table = append(t.table, nil)
	}
	d := &descriptor{fd: firstFD + t.lowest, file: f}
	t.table[t.lowest] = d
	t.lowest++
	return d, nil
}

// descriptor returns what fd stands for, nil if it is not open.
func (k *Kernel) descriptor(fd int) *descriptor {
	if fd < firstFD || fd-firstFD >= len(k.files.table) {
		return nil
	}
	return k.files.table[fd-firstFD]
}

// CloseFD closes an fd. Unlike Linux, which forgives it, it returns an error if the fd
// is still watched, and closes it all the same: its handler would never hear of it.
func (k *Kernel) CloseFD(fd int) error {
	err := k.enter(Call{Name: "CloseFD", FD: fd})
	if err == nil {
		err = k.closeFD(fd)
	}
	k.trace("CloseFD", fd, "", 0, err)
	return err
}

func (k *Kernel) closeFD(fd int) error {
	d := k.descriptor(fd)
	if d == nil {
		return fmt.Errorf("fd %d: %w", fd, os.NewSyscallError("close", unix.EBADF))
	}
	watched := d.watched
	d.watched = false
	k.files.table[fd-firstFD] = nil
	k.files.lowest = min(k.files.lowest, fd-firstFD)
	d.file.close()
	if watched {
		return fmt.Errorf("fd %d: closed while it was watched: unregister it first", fd)
	}
	return nil
}

// OpenFDs are the numbers of all open fds, in order: what a test that ends should find
// empty, or as it began.
func (k *Kernel) OpenFDs() (fds []int) {
	for _, d := range k.files.table {
		if d != nil {
			fds = append(fds, d.fd)
		}
	}
	return fds
}

// fileOf returns what fd stands for, as an F.
func fileOf[F any](k *Kernel, fd int) (f F, err error) {
	d := k.descriptor(fd)
	if d == nil {
		return f, unix.EBADF
	}
	f, ok := d.file.(F)
	if !ok {
		return f, unix.ENOTSOCK
	}
	return f, nil
}
