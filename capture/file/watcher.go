package file

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// watcher tells of changes in a folder, by inotify. Jobs make and close it, as that can wait; the
// loop reads it.
type watcher struct {
	fd   int // -1: none
	path string
	name string // of the file that matters; "": all pictures do
	err  error  // of watch
}

const watchMask = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// watch begins to watch the folder, if it is not watched yet.
func (w *watcher) watch() {
	if w.fd >= 0 || w.path == "" {
		return
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		w.err = os.NewSyscallError("inotify_init1", err)
		return
	}
	for {
		if _, err = unix.InotifyAddWatch(fd, w.path, watchMask); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		w.err = errors.Join(os.NewSyscallError("inotify_add_watch", err), closeFD(fd))
		return
	}
	w.fd, w.err = fd, nil
}

func (w *watcher) close() {
	if w.fd >= 0 {
		_ = closeFD(w.fd)
		w.fd = -1
	}
}

// maxChanges is how many names are noted between two jobs. With more, the folder is listed anew.
const maxChanges = 64

// eventBytes is how much of events the loop reads at once: some hundred of them.
const eventBytes = 16 << 10

// read notes the changes that are told of. It does not wait. It returns false if there will be no
// more: the folder was moved or removed.
func (w *watcher) read(c *changes) bool {
	var buffer [eventBytes]byte
	n, err := read(w.fd, buffer[:])
	if err != nil {
		c.rescan = c.rescan || !errors.Is(err, unix.EAGAIN)
		return errors.Is(err, unix.EAGAIN)
	}
	return w.note(c, buffer[:n])
}

// note notes events as the kernel writes them (inotify(7)). Its result is that of read.
func (w *watcher) note(c *changes, events []byte) bool {
	const headerBytes = unix.SizeofInotifyEvent
	goesOn := true
	for len(events) >= headerBytes {
		mask := binary.NativeEndian.Uint32(events[4:])
		length := int(binary.NativeEndian.Uint32(events[12:]))
		events = events[headerBytes:]
		if length > len(events) {
			break
		}
		name := strings.TrimRight(string(events[:length]), "\x00")
		events = events[length:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			c.rescan = true
		case mask&(unix.IN_IGNORED|unix.IN_UNMOUNT|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF) != 0:
			c.rescan, goesOn = true, false
		case w.name == "" && isPicture(name), w.name != "" && name == w.name:
			c.add(name)
		}
	}
	return goesOn
}

// add notes that something has happened to a picture.
func (c *changes) add(name string) {
	if c.rescan || slices.Contains(c.names, name) {
		return
	}
	if len(c.names) == maxChanges {
		c.names, c.rescan = nil, true
		return
	}
	c.names = append(c.names, name)
}

// any reports whether something has happened.
func (c *changes) any() bool { return c.rescan || len(c.names) > 0 }
